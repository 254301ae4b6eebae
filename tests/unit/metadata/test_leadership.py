"""Who leads: elections from the ISR, and from outside it where that is allowed."""

from __future__ import annotations

import uuid

import pytest

from minikafka.base.ids import NO_LEADER
from minikafka.metadata.leadership import (
    change_partition,
    created_partition,
    elect,
    eligible_leader_replicas,
    is_unclean,
    last_known_leader,
)
from minikafka.metadata.records import PartitionChanged
from minikafka.metadata.states import PartitionImage
from tests.unit.metadata.clusters import Cluster

_ID = uuid.UUID(int=1)


def _partition(
    leader: int,
    isr: tuple[int, ...],
    elr: tuple[int, ...] = (),
    last: tuple[int, ...] = (),
    *,
    recovering: bool = False,
) -> PartitionImage:
    return PartitionImage(leader, 5, 8, (1, 2, 3), isr, elr, recovering, last)


def _change(
    partition: PartitionImage,
    isr: tuple[int, ...],
    alive: tuple[int, ...],
    *,
    min_isr: int = 2,
    recovering: bool | None = None,
    unclean: bool = False,
    unclean_shutdown: tuple[int, ...] = (),
) -> PartitionChanged:
    """Return the record of a change that there must be."""
    record = change_partition(
        _ID,
        0,
        partition,
        isr,
        alive.__contains__,
        min_isr=min_isr,
        recovering=recovering,
        unclean=unclean,
        unclean_shutdown=unclean_shutdown,
    )
    assert record is not None
    return record


@pytest.mark.parametrize(
    ("leader", "isr", "alive", "elected"),
    [
        (2, (1, 2, 3), (1, 2, 3), 2),  # stays, though it is not the preferred one
        (2, (1, 2, 3), (1, 3), 1),
        (1, (2, 3), (1, 2, 3), 2),  # alive, but out of the ISR
        (1, (3,), (2, 3), 3),
        (1, (1,), (2, 3), NO_LEADER),
        (1, (), (1, 2, 3), NO_LEADER),
    ],
)
def test_clean_election_takes_the_first_live_replica_in_sync(
    leader: int, isr: tuple[int, ...], alive: tuple[int, ...], elected: int
) -> None:
    """The present leader stays if it may; nobody from outside the ISR ever leads."""
    assert elect(_partition(leader, isr), isr, alive.__contains__) == (elected, False)


def test_unclean_election_needs_an_isr_without_life() -> None:
    """While anyone in the ISR is alive the election is clean, whatever the topic allows."""
    alive = (2, 3).__contains__
    assert elect(_partition(1, (1, 3)), (1, 3), alive, unclean=True) == (3, False)
    assert elect(_partition(1, (1,)), (1,), alive, unclean=True) == (2, True)


def test_preferred_election_moves_only_to_a_replica_in_sync() -> None:
    """The preferred leader gets its place back when it has caught up."""
    alive = (1, 2, 3).__contains__
    assert elect(_partition(2, (1, 2)), (1, 2), alive, preferred=True) == (1, False)
    assert elect(_partition(2, (2, 3)), (2, 3), alive, preferred=True) == (2, False)


def test_eligible_replica_leads_only_where_the_isr_is_empty() -> None:
    """KIP-966: an ELR member may be elected when no ISR member is left."""
    alive = (1, 2, 3).__contains__
    gone = _partition(NO_LEADER, (), (2, 3))
    assert elect(gone, (), alive, elr=(2, 3)) == (2, False)
    assert elect(gone, (), (3,).__contains__, elr=(2, 3)) == (3, False)
    assert elect(_partition(1, (1,), (2,)), (1,), (2,).__contains__, elr=(2,)) == (
        NO_LEADER,
        False,
    )


@pytest.mark.parametrize(
    ("isr", "elr", "last", "alive", "elected"),
    [
        ((), (), (3,), (1, 3), (3, True)),
        ((), (), (3,), (1, 2), (NO_LEADER, False)),  # KAFKA-19522: not while it is fenced
        ((), (2,), (3,), (3,), (NO_LEADER, False)),  # somebody else is known to be complete
        ((2,), (), (3,), (3,), (NO_LEADER, False)),
        ((), (), (), (1, 2, 3), (NO_LEADER, False)),
    ],
)
def test_last_known_leader_leads_again_where_nobody_is_known_to_be_complete(
    isr: tuple[int, ...],
    elr: tuple[int, ...],
    last: tuple[int, ...],
    alive: tuple[int, ...],
    elected: tuple[int, bool],
) -> None:
    """KIP-966: with ISR and ELR empty, the last known leader is elected, uncleanly, when it is back."""
    partition = _partition(NO_LEADER, isr, elr, last)
    assert elect(partition, isr, alive.__contains__, elr=elr) == elected


def test_last_known_leader_comes_before_any_other_replica() -> None:
    """KIP-966: also where any live replica would do."""
    partition = _partition(NO_LEADER, (), (), (3,))
    assert elect(partition, (), (1, 3).__contains__, unclean=True) == (3, True)
    assert elect(partition, (), (1,).__contains__, unclean=True) == (1, True)


@pytest.mark.parametrize(
    ("old_isr", "old_elr", "isr", "min_isr", "unclean_shutdown", "elr"),
    [
        ((1, 2, 3), (), (1, 2), 2, (), ()),  # large enough without it
        ((1, 2), (), (1,), 2, (), (2,)),
        ((1,), (2,), (), 2, (), (1, 2)),
        ((1, 2, 3), (), (1,), 3, (), (2, 3)),
        ((1,), (2, 3), (1, 3), 3, (), (2,)),  # back in the ISR
        ((1,), (2,), (1, 3), 2, (), ()),  # large enough again
        ((1, 2), (), (1,), 1, (), ()),
        ((1,), (), (), 1, (), (1,)),
        ((1,), (2,), (1,), 2, (2,), ()),
        ((1,), (2,), (), 2, (1,), (2,)),
    ],
)
def test_who_leaves_an_isr_that_is_too_small_is_eligible(
    old_isr: tuple[int, ...],
    old_elr: tuple[int, ...],
    isr: tuple[int, ...],
    min_isr: int,
    unclean_shutdown: tuple[int, ...],
    elr: tuple[int, ...],
) -> None:
    """KIP-966: below min.insync.replicas leavers go to the ELR; at or above it the ELR is emptied."""
    partition = _partition(1, old_isr, old_elr)
    assert eligible_leader_replicas(partition, isr, min_isr, unclean_shutdown) == elr


def test_last_known_leader_is_kept_while_there_is_none() -> None:
    """KIP-966: noted when the partition first becomes leaderless, cleared by the next leader."""
    assert last_known_leader(_partition(2, (2,)), (), NO_LEADER) == (2,)
    assert last_known_leader(_partition(NO_LEADER, (), (1,), (2,)), (), NO_LEADER) == (2,)
    assert last_known_leader(_partition(NO_LEADER, (), (1,), (2,)), (1,), 1) == ()
    assert last_known_leader(_partition(2, (2, 3)), (3,), 3) == ()


def test_only_a_leader_from_outside_isr_and_elr_is_unclean() -> None:
    """KIP-966: an election from the ELR loses nothing."""
    assert not is_unclean(_partition(1, (1, 2)), 2)
    assert not is_unclean(_partition(NO_LEADER, (), (2,)), 2)
    assert not is_unclean(_partition(1, (1,)), NO_LEADER)
    assert is_unclean(_partition(NO_LEADER, (), (2,)), 3)


def test_isr_change_moves_the_partition_epoch_only() -> None:
    """A follower that leaves or joins does not start a new leader epoch (KIP-497)."""
    record = _change(_partition(1, (1, 2, 3)), (1, 2), (1, 2))
    assert (record.leader, record.leader_epoch, record.partition_epoch) == (1, 5, 9)
    assert record.isr == (1, 2)


def test_change_of_leader_moves_both_epochs() -> None:
    """Every change of leader, to nobody included, starts a new leader epoch."""
    moved = _change(_partition(1, (1, 2)), (2,), (2,))
    lost = _change(_partition(1, (1, 2)), (), ())
    assert (moved.leader, moved.leader_epoch, moved.partition_epoch) == (2, 6, 9)
    assert (lost.leader, lost.leader_epoch, lost.partition_epoch) == (NO_LEADER, 6, 9)


def test_last_member_leaves_an_empty_isr_and_is_eligible() -> None:
    """KIP-966: the ISR may be empty; then there is no leader, and who was in it is in the ELR."""
    record = _change(_partition(1, (1,), (2,)), (), (3,))
    assert (record.leader, record.isr, record.elr) == (NO_LEADER, (), (1, 2))
    assert record.last_known_elr == (1,)


def test_leader_from_the_elr_is_the_new_isr() -> None:
    """KIP-966: it moves from the ELR to the ISR; the others stay eligible, and nothing is lost."""
    record = _change(_partition(NO_LEADER, (), (1, 2), (1,)), (), (2, 3))
    assert (record.leader, record.isr, record.elr) == (2, (2,), (1,))
    assert (record.recovering, record.last_known_elr, record.leader_epoch) == (False, (), 6)


def test_leader_from_the_elr_may_be_enough() -> None:
    """With min.insync.replicas 1 nobody else is eligible beside it."""
    record = _change(_partition(NO_LEADER, (), (1, 2), (1,)), (), (2,), min_isr=1)
    assert (record.leader, record.isr, record.elr) == (2, (2,), ())


def test_unclean_leader_is_alone_and_recovering() -> None:
    """After an unclean election nobody else is known to agree with the leader (KIP-704)."""
    record = _change(_partition(1, (1,), (3,)), (), (2,), unclean=True)
    assert (record.leader, record.isr, record.elr, record.recovering) == (2, (2,), (), True)


def test_unclean_shutdown_ends_eligibility() -> None:
    """KIP-966: who may have lost its tail is neither in the ISR nor in the ELR."""
    record = _change(_partition(1, (1,), (2,)), (), (), unclean_shutdown=(1,))
    assert (record.leader, record.isr, record.elr) == (NO_LEADER, (), (2,))
    assert record.last_known_elr == (1,)


def test_nothing_new_is_no_record() -> None:
    """A state that already holds is not written again."""
    partition = _partition(1, (1, 2))
    alive = (1, 2).__contains__
    assert change_partition(_ID, 0, partition, (1, 2), alive, min_isr=2) is None


def test_recovered_leader_is_a_change_of_its_own() -> None:
    """The end of recovery is written though ISR and leader stay."""
    record = _change(_partition(2, (2,), recovering=True), (2,), (2,), recovering=False)
    assert (record.recovering, record.leader_epoch) == (False, 5)


def test_new_partition_starts_with_its_live_replicas_in_sync() -> None:
    """The first live replica leads; with none there is no partition."""
    record = created_partition(_ID, 4, (3, 1, 2), (1, 2).__contains__)
    assert record is not None
    assert (record.isr, record.leader, record.leader_epoch) == ((1, 2), 1, 0)
    assert created_partition(_ID, 4, (3, 1, 2), ().__contains__) is None


def test_fencing_all_and_coming_back_brings_an_eligible_leader_back() -> None:
    """KIP-966: with min.insync.replicas 2 the last two of the ISR are eligible, the first is not."""
    cluster = Cluster(3, {"min.insync.replicas": 2})
    cluster.create_assigned("t", (1, 2, 3))
    for broker_id in (1, 2, 3):
        cluster.fence(broker_id)
    state = cluster.partition("t")
    assert (state.leader, state.isr, state.elr, state.last_known_elr) == (
        NO_LEADER,
        (),
        (2, 3),
        (3,),
    )
    cluster.heartbeat(1)
    assert cluster.partition("t").leader == NO_LEADER
    cluster.heartbeat(2)
    state = cluster.partition("t")
    assert (state.leader, state.isr, state.elr, state.last_known_elr) == (2, (2,), (3,), ())


def test_topic_that_allows_it_gets_an_unclean_leader() -> None:
    """unclean.leader.election.enable trades records for a leader."""
    cluster = Cluster(2, {"unclean.leader.election.enable": True})
    cluster.create_assigned("t", (1, 2))
    cluster.fence(2)
    cluster.heartbeat(2)
    cluster.fence(1)
    state = cluster.partition("t")
    assert (state.leader, state.isr, state.recovering) == (2, (2,), True)
