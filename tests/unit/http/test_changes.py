"""What has happened between two looks."""

from __future__ import annotations

from dataclasses import replace

from minikafka.cluster.overview import BrokerState, Overview, TopicState
from minikafka.cluster.partition_state import PartitionState, ReplicaState
from minikafka.http.changes import changes, moved

PARTITION = PartitionState(
    topic="orders",
    partition=0,
    leader=1,
    leader_epoch=0,
    partition_epoch=0,
    replicas=(1, 2),
    isr=frozenset({1, 2}),
    elr=(),
    replica_states={1: ReplicaState(0, 5, 5, 5), 2: ReplicaState(0, 5, 4, 4)},
)
TOPIC = TopicState("orders", "id-1", False, {}, (PARTITION,), ({1: 10, 2: 10},))
NOW_MS = 1_700_000_000_000
BROKERS = tuple(BrokerState(n, "up", False, "h", 9, None) for n in (1, 2))
BEFORE = Overview("c", 1, 7, BROKERS, {"orders": TOPIC}, NOW_MS)


def with_partition(**changed: object) -> Overview:
    """Return the cluster with another state of its partition."""
    partition = replace(PARTITION, **changed)  # type: ignore[arg-type]
    return replace(BEFORE, topics={"orders": replace(TOPIC, partitions=(partition,))})


def told(before: Overview, after: Overview) -> list[tuple[str, dict[str, object]]]:
    """Return kind and data of the events."""
    return [(each.kind, each.data) for each in changes(before, after)]


def test_nothing_is_told_of_nothing() -> None:
    """Two looks at the same."""
    assert told(BEFORE, BEFORE) == []


def test_new_leader_and_smaller_isr_are_told() -> None:
    """Each by itself, with what was before."""
    after = with_partition(leader=2, leader_epoch=1, partition_epoch=1, isr=frozenset({2}))
    place = {"topic": "orders", "partition": 0}
    assert told(BEFORE, after) == [
        ("leader", {**place, "leader": 2, "leader_epoch": 1, "previous": 1}),
        ("isr", {**place, "isr": [2], "previous": [1, 2], "partition_epoch": 1}),
        ("watermark", {**place, "high_watermark": 4}),
    ]


def test_leader_that_came_back_in_between_shows_by_its_epoch() -> None:
    """The same broker leads, two elections later."""
    ((kind, data),) = told(BEFORE, with_partition(leader_epoch=2))
    assert (kind, data["leader"], data["leader_epoch"]) == ("leader", 1, 2)


def test_topic_made_anew_is_told_as_both() -> None:
    """The name is the same and the topic is not."""
    anew = replace(TOPIC, topic_id="id-2")
    kinds = [kind for kind, _ in told(BEFORE, replace(BEFORE, topics={"orders": anew}))]
    assert kinds == ["topic_deleted", "topic_created", "leader", "replicas", "isr", "watermark"]


def test_topics_are_not_deleted_by_brokers_that_are_all_down() -> None:
    """Then nobody knows."""
    down = tuple(replace(each, condition="down", fenced=None) for each in BROKERS)
    after = Overview("c", None, -1, down, {}, NOW_MS)
    assert [kind for kind, _ in told(BEFORE, after)] == ["broker", "broker", "controller"]
    assert [kind for kind, _ in told(after, BEFORE)] == ["broker", "broker", "controller"]


def test_added_partition_is_told_from_its_beginning() -> None:
    """Its leader, its replicas, its ISR and its watermark."""
    grown = replace(TOPIC, partitions=(PARTITION, replace(PARTITION, partition=1)))
    after = replace(BEFORE, topics={"orders": grown})
    assert [(kind, data["partition"]) for kind, data in told(BEFORE, after)] == [
        ("leader", 1),
        ("replicas", 1),
        ("isr", 1),
        ("watermark", 1),
    ]


def test_replicas_that_move_elsewhere_are_told() -> None:
    """A reassignment shows before anybody is in sync there (KIP-455)."""
    ((kind, data),) = told(BEFORE, with_partition(replicas=(1, 2, 3)))
    assert (kind, data["replicas"], data["previous"]) == ("replicas", [1, 2, 3], [1, 2])


def test_offsets_of_all_that_moved_are_one_event() -> None:
    """Where each replica stands, by topic; at first of all, then of what is different."""
    first = moved(None, BEFORE)
    assert first is not None
    ends = {"1": 5, "2": 5}
    line = {"partition": 0, "high_watermark": 5, "log_end_offsets": ends}
    assert (first.kind, first.data) == ("offsets", {"topics": {"orders": [line]}})
    assert moved(BEFORE, BEFORE) is None
    states = {1: ReplicaState(0, 7, 5, 5), 2: ReplicaState(0, 5, 5, 5)}
    after = moved(BEFORE, with_partition(replica_states=states))
    assert after is not None
    assert after.data["topics"]["orders"][0]["log_end_offsets"] == {"1": 7, "2": 5}


def test_offsets_of_a_new_leader_are_told_without_a_record() -> None:
    """Its watermark is another one, and with no leader there is none."""
    after = moved(BEFORE, with_partition(leader=None))
    assert after is not None
    assert after.data["topics"]["orders"][0]["high_watermark"] is None
