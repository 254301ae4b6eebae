"""Partitions on the move: begun, ended by the ISR, given up, listed."""

from __future__ import annotations

import dataclasses

import pytest

from minikafka.base.errors import ErrorCode
from minikafka.metadata.commands import AlterPartition, IsrChange, IsrChangeResult
from minikafka.metadata.reassignment import (
    AlterReassignments,
    MovedPartition,
    Reassignment,
    ongoing_reassignments,
)
from minikafka.metadata.states import PartitionImage
from tests.unit.metadata.clusters import Cluster


def _cluster(config: dict[str, str | int | float | bool] | None = None) -> Cluster:
    """Return brokers 1 to 5 and a topic on the first three, led by broker 1."""
    cluster = Cluster(5, config)
    cluster.create_assigned("t", (1, 2, 3))
    return cluster


def _move(
    cluster: Cluster, *targets: tuple[int, ...] | None, allow_factor_change: bool = True
) -> MovedPartition:
    """Ask for partition 0 to be moved to each target in turn, in one request."""
    moves = tuple(Reassignment("t", 0, target) for target in targets)
    command = AlterReassignments(moves, allow_factor_change)
    return cluster.carry_out(cluster.controller.alter_reassignments(command))[-1]


def _propose(cluster: Cluster, *isr: int) -> IsrChangeResult:
    """Let the leader, who knows all, propose an ISR."""
    state = cluster.partition("t")
    change = IsrChange(
        cluster.image.topics["t"].topic_id,
        0,
        state.leader_epoch,
        state.partition_epoch,
        tuple((broker_id, cluster.epochs[broker_id]) for broker_id in isr),
    )
    command = AlterPartition(state.leader, cluster.epochs[state.leader], (change,))
    [result] = cluster.carry_out(cluster.controller.alter_partition(command))
    return result


def _shape(state: PartitionImage) -> tuple[tuple[int, ...], ...]:
    return (state.replicas, state.isr, state.adding, state.removing)


def test_move_adds_first_and_changes_neither_leader_nor_isr() -> None:
    """The leader goes on in its epoch; the record says who comes and who will go (KIP-455)."""
    cluster = _cluster()
    assert _move(cluster, (4, 2, 3)) == MovedPartition("t", 0)
    state = cluster.partition("t")
    assert _shape(state) == ((4, 2, 3, 1), (1, 2, 3), (4,), (1,))
    assert (state.leader, state.leader_epoch, state.partition_epoch) == (1, 0, 1)


def test_isr_that_holds_all_targets_ends_the_move_in_the_same_record() -> None:
    """Who was removed is out of everything, and a new leader epoch keeps its fetches out."""
    cluster = _cluster()
    _move(cluster, (1, 2, 4))
    count = len(cluster.records)
    result = _propose(cluster, 1, 2, 3, 4)
    state = cluster.partition("t")
    assert len(cluster.records) == count + 1
    assert _shape(state) == ((1, 2, 4), (1, 2, 4), (), ())
    assert (state.leader, state.leader_epoch) == (1, 1)
    assert (result.error, result.isr, result.leader_epoch) == (ErrorCode.NONE, (1, 2, 4), 1)


def test_leader_that_is_removed_hands_over_in_the_same_record() -> None:
    """The first target leads, and the old leader hears that it no longer does."""
    cluster = _cluster()
    _move(cluster, (4, 5))
    assert _propose(cluster, 1, 2, 3, 4).error is ErrorCode.NONE
    assert cluster.partition("t").replicas == (4, 5, 1, 2, 3)
    assert _propose(cluster, 1, 4, 5).error is ErrorCode.NEW_LEADER_ELECTED
    state = cluster.partition("t")
    assert _shape(state) == ((4, 5), (4, 5), (), ())
    assert (state.leader, state.leader_epoch) == (4, 1)


def test_move_does_not_end_without_one_of_its_targets() -> None:
    """Also a target that was a replica before has to be in sync (KAFKA-15665)."""
    cluster = _cluster()
    _move(cluster, (1, 2, 4))
    _propose(cluster, 1, 4)
    assert _shape(cluster.partition("t")) == ((1, 2, 4, 3), (1, 4), (4,), (3,))


def test_other_order_of_the_same_replicas_is_done_at_once() -> None:
    """Nobody comes or goes, so there is nothing to wait for and no new leader epoch."""
    cluster = _cluster()
    _move(cluster, (3, 2, 1))
    state = cluster.partition("t")
    assert _shape(state) == ((3, 2, 1), (1, 2, 3), (), ())
    assert (state.leader, state.leader_epoch) == (1, 0)


def test_replica_that_only_goes_is_gone_at_once() -> None:
    """With the others in sync a smaller target waits for nobody."""
    cluster = _cluster()
    _move(cluster, (2, 3))
    state = cluster.partition("t")
    assert _shape(state) == ((2, 3), (2, 3), (), ())
    assert (state.leader, state.leader_epoch) == (2, 1)


def test_smaller_target_keeps_the_last_complete_replica() -> None:
    """While the only replica in sync would go, it stays."""
    cluster = _cluster()
    _propose(cluster, 1)
    _move(cluster, (2, 3))
    assert _shape(cluster.partition("t")) == ((2, 3, 1), (1,), (), (1,))
    _propose(cluster, 1, 2)
    assert cluster.partition("t").removing == (1,)
    _propose(cluster, 1, 2, 3)
    assert _shape(cluster.partition("t")) == ((2, 3), (2, 3), (), ())


def test_move_given_up_is_undone() -> None:
    """The new replica goes, though it was in sync; so the leader epoch moves."""
    cluster = _cluster()
    _move(cluster, (4, 5, 1))
    _propose(cluster, 1, 2, 3, 4)
    assert _move(cluster, None).error is ErrorCode.NONE
    state = cluster.partition("t")
    assert _shape(state) == ((1, 2, 3), (1, 2, 3), (), ())
    assert (state.leader, state.leader_epoch) == (1, 1)


@pytest.mark.parametrize("unclean", [False, True])
def test_move_is_not_given_up_where_that_loses_records(unclean: bool) -> None:
    """Only a topic that allows unclean elections goes back to replicas out of sync."""
    cluster = _cluster({"unclean.leader.election.enable": unclean})
    _move(cluster, (4, 5))
    _propose(cluster, 1, 4)
    cluster.fence(1)
    before = cluster.partition("t")
    assert (before.isr, before.leader) == ((4,), 4)
    result = _move(cluster, None)
    if unclean:
        assert _shape(cluster.partition("t")) == ((1, 2, 3), (2,), (), ())
        assert (cluster.partition("t").leader, cluster.partition("t").recovering) == (2, True)
    else:
        assert result.error is ErrorCode.INVALID_REPLICA_ASSIGNMENT
        assert cluster.partition("t") == before


@pytest.mark.parametrize(("fenced", "isr"), [((1,), (2,)), ((1, 2), (3,)), ((1, 2, 3), None)])
def test_move_is_given_up_for_the_living(
    fenced: tuple[int, ...], isr: tuple[int, ...] | None
) -> None:
    """The first former replica that is alive; none of them, and the move stays."""
    cluster = _cluster({"unclean.leader.election.enable": True})
    _move(cluster, (4, 5))
    _propose(cluster, 1, 4)
    for broker in fenced:
        cluster.fence(broker)
    before = cluster.partition("t")
    assert before.isr == (4,)
    result = _move(cluster, None)
    if isr is None:
        assert result.error is ErrorCode.INVALID_REPLICA_ASSIGNMENT
        assert cluster.partition("t") == before
    else:
        assert _shape(cluster.partition("t")) == ((1, 2, 3), isr, (), ())


def test_new_target_takes_the_place_of_the_old_one() -> None:
    """There is one move at a time; the second one merges with the first."""
    cluster = _cluster()
    _move(cluster, (1, 2, 4))
    _move(cluster, (1, 2, 5))
    assert _shape(cluster.partition("t")) == ((1, 2, 5, 3, 4), (1, 2, 3), (5,), (3, 4))


def test_partition_named_twice_is_moved_twice() -> None:
    """The second wish of one request finds what the first has done."""
    cluster = _cluster()
    assert _move(cluster, (1, 2, 4), (1, 2, 5)).error is ErrorCode.NONE
    assert cluster.partition("t").replicas == (1, 2, 5, 3, 4)
    assert cluster.partition("t").partition_epoch == 2


@pytest.mark.parametrize(
    ("move", "error"),
    [
        (Reassignment("nope", 0, (1,)), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (Reassignment("t", 1, (1,)), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (Reassignment("t", -1, (1,)), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (Reassignment("t", 0, (1, 9)), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (Reassignment("t", 0, (1, 1)), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (Reassignment("t", 0, ()), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (Reassignment("t", 0, None), ErrorCode.NO_REASSIGNMENT_IN_PROGRESS),
    ],
)
def test_bad_wish_changes_nothing(move: Reassignment, error: ErrorCode) -> None:
    """It is refused on its own, and said why where the code does not say it."""
    cluster = _cluster()
    before = cluster.partition("t")
    command = AlterReassignments((move,))
    [result] = cluster.carry_out(cluster.controller.alter_reassignments(command))
    assert result.error is error
    assert bool(result.message) == (error is not ErrorCode.NO_REASSIGNMENT_IN_PROGRESS)
    assert cluster.partition("t") == before


def test_factor_may_be_held() -> None:
    """A target of another size is refused, measured by what the partition has at rest (KIP-860)."""
    cluster = _cluster()
    for target in ((1, 2), (1, 2, 3, 4)):
        result = _move(cluster, target, allow_factor_change=False)
        assert result.error is ErrorCode.INVALID_REPLICATION_FACTOR
    assert _move(cluster, (1, 2, 4), allow_factor_change=False).error is ErrorCode.NONE
    assert _move(cluster, (1, 2, 5), allow_factor_change=False).error is ErrorCode.NONE


def test_fenced_broker_may_be_a_target() -> None:
    """The move waits until it is back and in sync."""
    cluster = _cluster()
    cluster.fence(4)
    assert _move(cluster, (1, 2, 4)).error is ErrorCode.NONE
    assert _propose(cluster, 1, 2, 3, 4).error is ErrorCode.INELIGIBLE_REPLICA
    assert cluster.partition("t").adding == (4,)


def test_moving_partitions_are_listed() -> None:
    """All of them, or those asked for; what is at rest or unknown is left out."""
    cluster = _cluster()
    cluster.create_assigned("u", (1, 2), (2, 3))
    assert ongoing_reassignments(cluster.image, None) == []
    _move(cluster, (1, 2, 4))
    [found] = ongoing_reassignments(cluster.image, None)
    assert (found.topic, found.partition) == ("t", 0)
    assert dataclasses.astuple(found.assignment) == ((1, 2, 4, 3), (4,), (3,))
    assert ongoing_reassignments(cluster.image, [("t", 0), ("t", 9), ("no", 0)]) == [found]
    assert ongoing_reassignments(cluster.image, [("u", 1)]) == []
