"""ISR changes that leaders propose, and elections from time to time."""

from __future__ import annotations

import dataclasses
import uuid

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.metadata.commands import AlterPartition, IsrChange, IsrChangeResult
from tests.unit.metadata.clusters import Cluster


def _cluster(config: dict[str, str | int | float | bool] | None = None) -> Cluster:
    """Return brokers 1 to 4 and a topic on the first three, led by broker 1."""
    cluster = Cluster(4, config)
    cluster.create_assigned("t", (1, 2, 3))
    return cluster


def _change(cluster: Cluster, *new_isr: int) -> IsrChange:
    """Return the proposal of a leader that knows the present state."""
    state = cluster.partition("t")
    return IsrChange(
        topic_id=cluster.image.topics["t"].topic_id,
        partition=0,
        leader_epoch=state.leader_epoch,
        partition_epoch=state.partition_epoch,
        new_isr=tuple((broker_id, cluster.epochs.get(broker_id, 0)) for broker_id in new_isr),
    )


def _propose(cluster: Cluster, change: IsrChange, sender: int = 1) -> IsrChangeResult:
    command = AlterPartition(sender, cluster.epochs[sender], (change,))
    [result] = cluster.carry_out(cluster.controller.alter_partition(command))
    return result


def test_accepted_isr_is_the_new_state() -> None:
    """The answer holds the state that the record then gives to everyone (KIP-497)."""
    cluster = _cluster()
    result = _propose(cluster, _change(cluster, 1, 2))
    state = cluster.partition("t")
    assert (result.error, result.leader, result.leader_epoch) == (ErrorCode.NONE, 1, 0)
    assert (result.isr, result.partition_epoch) == ((1, 2), 1)
    assert (state.isr, state.partition_epoch, state.leader_epoch) == ((1, 2), 1, 0)


def test_follower_comes_back_into_the_isr() -> None:
    """Growing works as shrinking does."""
    cluster = _cluster()
    _propose(cluster, _change(cluster, 1))
    assert _propose(cluster, _change(cluster, 1, 3)).isr == (1, 3)


def test_isr_that_holds_already_is_no_change() -> None:
    """The present state is confirmed without a record."""
    cluster = _cluster()
    count = len(cluster.records)
    result = _propose(cluster, _change(cluster, 1, 2, 3))
    assert (result.error, result.partition_epoch, len(cluster.records)) == (0, 0, count)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"topic_id": uuid.UUID(int=9)}, ErrorCode.UNKNOWN_TOPIC_ID),
        ({"partition": 1}, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ({"partition": -1}, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ({"leader_epoch": 1}, ErrorCode.NOT_CONTROLLER),
        ({"partition_epoch": 2}, ErrorCode.NOT_CONTROLLER),
        ({"leader_epoch": -1}, ErrorCode.FENCED_LEADER_EPOCH),
        ({"partition_epoch": 0}, ErrorCode.INVALID_UPDATE_VERSION),
        ({"new_isr": ((1, -1), (4, -1))}, ErrorCode.INVALID_REQUEST),  # not a replica
        ({"new_isr": ((1, -1), (1, -1))}, ErrorCode.INVALID_REQUEST),
        ({"new_isr": ((2, -1),)}, ErrorCode.INVALID_REQUEST),  # without the leader
        ({"new_isr": ()}, ErrorCode.INVALID_REQUEST),
        ({"recovering": True}, ErrorCode.INVALID_REQUEST),
        ({"new_isr": ((1, -1), (2, 999))}, ErrorCode.INELIGIBLE_REPLICA),  # former life
    ],
)
def test_bad_proposal_changes_nothing(changes: dict[str, object], error: ErrorCode) -> None:
    """A leader that knows too little or too much, or proposes nonsense, is refused."""
    cluster = _cluster()
    _propose(cluster, _change(cluster, 1, 2))
    before = cluster.partition("t")
    change = dataclasses.replace(_change(cluster, 1, 2), **changes)
    assert _propose(cluster, change).error is error
    assert cluster.partition("t") == before


def test_only_the_leader_may_propose() -> None:
    """A follower with the right epochs is refused all the same."""
    cluster = _cluster()
    assert (
        _propose(cluster, _change(cluster, 1, 2), sender=2).error is ErrorCode.INVALID_REQUEST
    )


def test_fenced_replica_is_not_let_in() -> None:
    """A broker that lost its session must come back before it counts."""
    cluster = _cluster()
    cluster.fence(3)
    assert _propose(cluster, _change(cluster, 1, 2, 3)).error is ErrorCode.INELIGIBLE_REPLICA


def test_replica_is_let_in_only_in_its_present_life() -> None:
    """The broker epoch that the leader saw must be that of now (KIP-903)."""
    cluster = _cluster()
    cluster.fence(3)
    stale = _change(cluster, 1, 2, 3)
    cluster.join(3, start=1)
    assert _propose(cluster, stale).error is ErrorCode.INELIGIBLE_REPLICA
    assert _propose(cluster, _change(cluster, 1, 2, 3)).isr == (1, 2, 3)


def test_stale_sender_is_refused_whole() -> None:
    """A broker in a former registration decides nothing."""
    cluster = _cluster()
    command = AlterPartition(1, cluster.epochs[1] - 1, (_change(cluster, 1),))
    with pytest.raises(KafkaError) as raised:
        cluster.controller.alter_partition(command)
    assert raised.value.code is ErrorCode.STALE_BROKER_EPOCH


def test_same_partition_twice_in_a_request_counts_once() -> None:
    """The second proposal does not know what the first did."""
    cluster = _cluster()
    command = AlterPartition(
        1, cluster.epochs[1], (_change(cluster, 1), _change(cluster, 1, 2))
    )
    results = cluster.carry_out(cluster.controller.alter_partition(command))
    assert [result.error for result in results] == [ErrorCode.NONE, ErrorCode.INVALID_REQUEST]
    assert cluster.partition("t").isr == (1,)


def test_recovered_leader_may_then_grow_its_isr() -> None:
    """While it recovers from an unclean election it stays alone (KIP-704)."""
    cluster = _cluster({"unclean.leader.election.enable": True})
    _propose(cluster, _change(cluster, 1))
    cluster.fence(1)
    assert (cluster.partition("t").leader, cluster.partition("t").recovering) == (2, True)
    both = dataclasses.replace(_change(cluster, 2, 3), recovering=True)
    assert _propose(cluster, both, sender=2).error is ErrorCode.INVALID_REQUEST
    assert _propose(cluster, _change(cluster, 2), sender=2).recovering is False
    assert _propose(cluster, _change(cluster, 2, 3), sender=2).isr == (2, 3)
