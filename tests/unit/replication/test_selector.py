"""Which replica a consumer is sent to."""

from __future__ import annotations

import pytest

from minikafka.base.config import ConfigError
from minikafka.replication.leader import PartitionLeader
from minikafka.replication.selector import RACK_AWARE, preferred_replica, selector_of
from tests.unit.replication.test_leader import fetched, leader_of

RACKS = {1: "a", 2: "b", 3: "b"}


def chosen(
    leader: PartitionLeader, rack: str, offset: int = 0, racks: dict[int, str] = RACKS
) -> int | None:
    """Return what Kafka's rack aware selector chooses."""
    selector = selector_of(RACK_AWARE)
    assert selector is not None
    return preferred_replica(leader, selector, rack, offset, racks, 0)


def replicated(isr: tuple[int, ...] = (1, 2, 3)) -> PartitionLeader:
    """Return a leader with five records, of which 2 has four and 3 has all."""
    leader = leader_of(isr=isr, written=5)
    fetched(leader, 2, 4)
    fetched(leader, 3, 5)
    return leader


def test_consumer_reads_from_the_furthest_replica_in_its_rack() -> None:
    """And from the leader where no other replica is nearer (KIP-392)."""
    leader = replicated()
    assert chosen(leader, "b") == 3
    assert chosen(leader, "a") is None
    assert chosen(leader, "c") is None
    assert chosen(leader, "") is None


def test_leader_is_preferred_in_its_own_rack() -> None:
    """Nobody is sent away from a leader that is as near."""
    assert chosen(replicated(), "b", racks={1: "b", 2: "b"}) is None


def test_of_equal_replicas_the_highest_id_is_taken() -> None:
    """As Kafka's comparison of replicas ends."""
    leader = replicated()
    fetched(leader, 2, 5)
    assert chosen(leader, "b") == 3


def test_replica_out_of_sync_is_not_chosen() -> None:
    """It may fall behind for ever, and its consumers with it (KAFKA-14372)."""
    assert chosen(replicated(isr=(1, 2)), "b") == 2
    assert chosen(replicated(isr=(1,)), "b") is None


def test_replica_without_the_offset_is_not_chosen() -> None:
    """It has to hold what is asked for: neither too far behind nor already deleted."""
    leader = replicated()
    assert chosen(leader, "b", 4) == 3
    leader.on_follower_fetch(3, 5, 3, 103, 0)
    assert chosen(leader, "b", 2) == 2
    assert chosen(leader, "b", 6) is None


def test_dead_broker_is_not_chosen() -> None:
    """Only living ones have a rack here."""
    assert chosen(replicated(), "b", racks={1: "a", 2: "b"}) == 2


def test_unknown_selector_is_refused() -> None:
    """As a class that Kafka cannot load; none is no selector."""
    assert selector_of(None) is None
    with pytest.raises(ConfigError, match=r"com\.example\.Mine"):
        selector_of("com.example.Mine")
