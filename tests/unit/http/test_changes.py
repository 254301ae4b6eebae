"""What has happened between two looks."""

from __future__ import annotations

from dataclasses import replace

from minikafka.cluster.overview import BrokerState, Overview, TopicState
from minikafka.cluster.partition_state import PartitionState, ReplicaState
from minikafka.http.changes import changes

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
BROKERS = tuple(BrokerState(n, "up", False, "h", 9, None) for n in (1, 2))
BEFORE = Overview("c", 1, 7, BROKERS, {"orders": TOPIC})


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
    assert kinds == ["topic_deleted", "topic_created", "leader", "isr", "watermark"]


def test_topics_are_not_deleted_by_brokers_that_are_all_down() -> None:
    """Then nobody knows."""
    down = tuple(replace(each, condition="down", fenced=None) for each in BROKERS)
    after = Overview("c", None, -1, down, {})
    assert [kind for kind, _ in told(BEFORE, after)] == ["broker", "broker", "controller"]
    assert [kind for kind, _ in told(after, BEFORE)] == ["broker", "broker", "controller"]


def test_added_partition_is_told_from_its_beginning() -> None:
    """Its leader, its ISR and its watermark."""
    grown = replace(TOPIC, partitions=(PARTITION, replace(PARTITION, partition=1)))
    after = replace(BEFORE, topics={"orders": grown})
    assert [(kind, data["partition"]) for kind, data in told(BEFORE, after)] == [
        ("leader", 1),
        ("isr", 1),
        ("watermark", 1),
    ]
