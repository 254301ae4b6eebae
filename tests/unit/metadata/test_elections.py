"""Elections that somebody asks for, and those that are due from time to time."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_LEADER, TopicPartition
from minikafka.metadata import elections
from minikafka.metadata.commands import (
    AlterPartition,
    ElectionResult,
    ElectionType,
    ElectLeaders,
    IsrChange,
)
from minikafka.metadata.elections import (
    ElectionTimer,
    preferred_elections,
    unclean_between,
    unclean_elections,
)
from tests.unit.metadata.clusters import Cluster


def propose(cluster: Cluster, *new_isr: int, topic: str = "t") -> None:
    """Let the leader have another ISR."""
    state = cluster.partition(topic)
    change = IsrChange(
        cluster.image.topics[topic].topic_id,
        0,
        state.leader_epoch,
        state.partition_epoch,
        tuple((broker_id, -1) for broker_id in new_isr),
    )
    command = AlterPartition(state.leader, cluster.epochs[state.leader], (change,))
    [result] = cluster.carry_out(cluster.controller.alter_partition(command))
    assert not result.error


def elect(
    cluster: Cluster, kind: int, *partitions: tuple[str, int]
) -> tuple[ElectionResult, ...]:
    """Ask for elections; without partitions for all."""
    command = ElectLeaders(kind, partitions or None)
    return cluster.carry_out(cluster.controller.elect_leaders(command))


def moved() -> Cluster:
    """Return a cluster where broker 2 leads in place of 1, which is back and in sync."""
    cluster = Cluster(3)
    cluster.create_assigned("t", (1, 2, 3))
    cluster.fence(1)
    cluster.heartbeat(1)
    propose(cluster, 2, 3, 1)
    assert cluster.partition("t").leader == 2
    return cluster


def dead() -> Cluster:
    """Return a cluster where the last in-sync replica is gone, and others are alive."""
    cluster = Cluster(3)
    cluster.create_assigned("t", (1, 2, 3))
    propose(cluster, 1)
    cluster.fence(1)
    assert cluster.partition("t").leader == NO_LEADER
    return cluster


def test_preferred_leader_gets_its_partition_back_when_in_sync() -> None:
    """A restarted broker leads again what it should, once it has caught up (KIP-460)."""
    cluster = moved()
    assert elect(cluster, ElectionType.PREFERRED, ("t", 0)) == (ElectionResult("t", 0),)
    assert cluster.partition("t").leader == 1
    [again] = elect(cluster, ElectionType.PREFERRED, ("t", 0))
    assert again.error is ErrorCode.ELECTION_NOT_NEEDED


def test_preferred_leader_that_is_not_in_sync_is_not_available() -> None:
    """KIP-460: who may lack records gets nothing back."""
    cluster = Cluster(3)
    cluster.create_assigned("t", (1, 2, 3))
    cluster.fence(1)
    cluster.heartbeat(1)
    [result] = elect(cluster, ElectionType.PREFERRED, ("t", 0))
    assert result.error is ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE


def test_unclean_election_is_for_a_partition_without_a_leader() -> None:
    """KIP-460: any live replica then, whatever the topic allows; counted as unclean."""
    cluster = dead()
    assert elect(cluster, ElectionType.UNCLEAN, ("t", 0)) == (ElectionResult("t", 0),)
    state = cluster.partition("t")
    assert (state.leader, state.isr, state.recovering) == (2, (2,), True)
    assert cluster.controller.election_counts.unclean == 1
    [again] = elect(cluster, ElectionType.UNCLEAN, ("t", 0))
    assert again.error is ErrorCode.ELECTION_NOT_NEEDED


def test_unclean_election_without_a_living_replica_finds_nobody() -> None:
    """ELIGIBLE_LEADERS_NOT_AVAILABLE: one of them must be there at least."""
    cluster = dead()
    cluster.fence(2)
    cluster.fence(3)
    [result] = elect(cluster, ElectionType.UNCLEAN, ("t", 0))
    assert result.error is ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE


@pytest.mark.parametrize("partition", [("nope", 0), ("t", 1), ("t", -1)])
def test_unknown_partition_is_refused_alone(partition: tuple[str, int]) -> None:
    """The others of the request are elected all the same."""
    cluster = moved()
    first, second = elect(cluster, ElectionType.PREFERRED, partition, ("t", 0))
    assert first.error is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert (second.error, cluster.partition("t").leader) == (ErrorCode.NONE, 1)


def test_all_partitions_answer_only_where_an_election_was_needed() -> None:
    """What is led as it should be is not told of."""
    cluster = moved()
    cluster.create_assigned("u", (2, 3))
    assert elect(cluster, ElectionType.PREFERRED) == (ElectionResult("t", 0),)


def test_partition_named_twice_is_elected_once() -> None:
    """Two records of one partition epoch would break the log."""
    results = elect(moved(), ElectionType.PREFERRED, ("t", 0), ("t", 0))
    assert [result.error for result in results] == [
        ErrorCode.NONE,
        ErrorCode.ELECTION_NOT_NEEDED,
    ]


def test_unknown_type_of_election_is_refused_whole() -> None:
    """There are two."""
    with pytest.raises(KafkaError) as raised:
        elect(moved(), 2, ("t", 0))
    assert raised.value.code is ErrorCode.INVALID_REQUEST


def test_election_from_the_elr_is_counted_apart() -> None:
    """KIP-966: nothing is lost by it."""
    cluster = Cluster(2, {"min.insync.replicas": 2})
    cluster.create_assigned("t", (1, 2))
    cluster.fence(1)
    cluster.fence(2)
    cluster.heartbeat(1)
    assert cluster.partition("t").leader == 1
    counts = cluster.controller.election_counts
    assert (counts.from_elr, counts.unclean) == (1, 0)


def test_due_elections_are_those_that_change_something() -> None:
    """Preferred leaders in sync get their place; without a clean leader a topic waits."""
    [record] = preferred_elections(moved().image)
    assert (record.leader, record.leader_epoch) == (1, 2)
    assert unclean_elections(moved().image) == []
    assert preferred_elections(dead().image) == []
    assert unclean_elections(dead().image) == []


def test_timer_holds_elections_once_in_each_period() -> None:
    """The first period begins when it is first asked."""
    image = moved().image
    timer = ElectionTimer(100, preferred_elections)
    held = [len(timer.elections(image, now_ms)) for now_ms in (0, 99, 100, 150, 200)]
    assert held == [0, 0, 1, 0, 1]


def test_timer_goes_on_at_once_where_one_turn_is_not_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A turn holds a bounded number of elections."""
    monkeypatch.setattr(elections, "ELECTIONS_MAX", 1)
    timer = ElectionTimer(100, preferred_elections)
    timer.elections(moved().image, 0)
    assert len(timer.elections(moved().image, 100)) == 1
    assert timer.due_ms == 100


def test_unclean_elections_are_told_from_two_images() -> None:
    """Who looks on at the controller hears of each partition that may have lost something."""
    cluster = dead()
    cluster.create_assigned("u", (2, 3))
    before = cluster.image
    elect(cluster, ElectionType.UNCLEAN, ("t", 0))
    cluster.fence(3)
    after = cluster.image
    assert unclean_between(before, after, after.everything()) == [TopicPartition("t", 0)]
    assert unclean_between(after, after, after.everything()) == []
