"""Where the leader is, told along with NOT_LEADER_OR_FOLLOWER (KIP-951)."""

from __future__ import annotations

from minikafka.apis.leader_hints import current_leader, endpoints
from minikafka.base.ids import NO_LEADER, TopicPartition
from minikafka.wire.endpoints import NodeEndpoint
from tests.support.replica_cell import Cell

TOPIC = TopicPartition("t", 0)


def test_current_leader_is_what_this_broker_knows() -> None:
    """Leader and epoch of a known partition; nothing about another."""
    cell = Cell()
    cell.create(replicas=(2, 3))
    assert current_leader(cell[1].image, TOPIC) == (2, 0)
    cell.change(leader=3, leader_epoch=1, isr=(2, 3), partition_epoch=1)
    assert current_leader(cell[1].image, TOPIC) == (3, 1)
    assert current_leader(cell[1].image, TopicPartition("t", 1)) is None
    assert current_leader(cell[1].image, TopicPartition("u", 0)) is None


def test_leader_address_is_told_once() -> None:
    """However many partitions it leads; others are added behind."""
    image = Cell()[1].image
    two = NodeEndpoint(2, "host2", 9_002, None)
    three = NodeEndpoint(3, "host3", 9_003, None)
    known = endpoints(image, (), 2)
    assert list(known) == [two]
    assert endpoints(image, known, 2) is known
    assert list(endpoints(image, known, 3)) == [two, three]


def test_nobody_has_no_address() -> None:
    """Neither a missing leader nor one that is not registered."""
    image = Cell()[1].image
    assert endpoints(image, (), NO_LEADER) == ()
    assert endpoints(image, (), 99) == ()
