"""Who leads: elections from the ISR, and from outside it where that is allowed."""

from __future__ import annotations

import uuid

import pytest

from minikafka.base.ids import NO_LEADER
from minikafka.metadata.leadership import change_partition, created_partition, elect
from minikafka.metadata.states import PartitionImage
from tests.unit.metadata.clusters import Cluster

_ID = uuid.UUID(int=1)


def _partition(
    leader: int, isr: tuple[int, ...], *, recovering: bool = False
) -> PartitionImage:
    return PartitionImage(leader, 5, 8, (1, 2, 3), isr, (), recovering)


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


def test_isr_change_moves_the_partition_epoch_only() -> None:
    """A follower that leaves or joins does not start a new leader epoch (KIP-497)."""
    record = change_partition(_ID, 0, _partition(1, (1, 2, 3)), (1, 2), (1, 2).__contains__)
    assert record is not None
    assert (record.leader, record.leader_epoch, record.partition_epoch) == (1, 5, 9)
    assert record.isr == (1, 2)


def test_change_of_leader_moves_both_epochs() -> None:
    """Every change of leader, to nobody included, starts a new leader epoch."""
    moved = change_partition(_ID, 0, _partition(1, (1, 2)), (2,), (2,).__contains__)
    lost = change_partition(_ID, 0, _partition(1, (1, 2)), (), ().__contains__)
    assert moved is not None
    assert lost is not None
    assert (moved.leader, moved.leader_epoch, moved.partition_epoch) == (2, 6, 9)
    assert (lost.leader, lost.leader_epoch, lost.partition_epoch) == (NO_LEADER, 6, 9)


def test_last_member_stays_in_the_isr() -> None:
    """It alone is known to have all committed records, so the place is kept for it."""
    record = change_partition(_ID, 0, _partition(1, (1,)), (), (2, 3).__contains__)
    assert record is not None
    assert (record.leader, record.isr) == (NO_LEADER, (1,))


def test_unclean_leader_is_alone_and_recovering() -> None:
    """After an unclean election nobody else is known to agree with the leader (KIP-704)."""
    record = change_partition(
        _ID, 0, _partition(1, (1,)), (), (2, 3).__contains__, unclean=True
    )
    assert record is not None
    assert (record.leader, record.isr, record.recovering) == (2, (2,), True)


def test_nothing_new_is_no_record() -> None:
    """A state that already holds is not written again."""
    partition = _partition(1, (1, 2))
    assert change_partition(_ID, 0, partition, (1, 2), (1, 2).__contains__) is None


def test_recovered_leader_is_a_change_of_its_own() -> None:
    """The end of recovery is written though ISR and leader stay."""
    partition = _partition(2, (2,), recovering=True)
    record = change_partition(_ID, 0, partition, (2,), (2,).__contains__, recovering=False)
    assert record is not None
    assert (record.recovering, record.leader_epoch) == (False, 5)


def test_new_partition_starts_with_its_live_replicas_in_sync() -> None:
    """The first live replica leads; with none there is no partition."""
    record = created_partition(_ID, 4, (3, 1, 2), (1, 2).__contains__)
    assert record is not None
    assert (record.isr, record.leader, record.leader_epoch) == ((1, 2), 1, 0)
    assert created_partition(_ID, 4, (3, 1, 2), ().__contains__) is None


def test_fencing_all_and_coming_back_brings_the_last_leader_back() -> None:
    """Only the last member of the ISR may lead again, not the first to return."""
    cluster = Cluster(3)
    cluster.create_assigned("t", (1, 2, 3))
    for broker_id in (1, 2, 3):
        cluster.fence(broker_id)
    assert (cluster.partition("t").leader, cluster.partition("t").isr) == (NO_LEADER, (3,))
    cluster.heartbeat(1)
    assert cluster.partition("t").leader == NO_LEADER
    cluster.heartbeat(3)
    assert (cluster.partition("t").leader, cluster.partition("t").isr) == (3, (3,))


def test_topic_that_allows_it_gets_an_unclean_leader() -> None:
    """unclean.leader.election.enable trades records for a leader."""
    cluster = Cluster(2, {"unclean.leader.election.enable": True})
    cluster.create_assigned("t", (1, 2))
    cluster.fence(2)
    cluster.heartbeat(2)
    cluster.fence(1)
    state = cluster.partition("t")
    assert (state.leader, state.isr, state.recovering) == (2, (2,), True)
