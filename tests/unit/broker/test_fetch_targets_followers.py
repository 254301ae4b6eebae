"""Consumers that read from followers, and who sends them there (KIP-392)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode
from minikafka.replication.selector import RACK_AWARE
from minikafka.wire.fetch import FetchPartition, FetchPartitionResponse, FetchTopic
from tests.support.replica_cell import Cell, asked


@pytest.fixture
def cell() -> Iterator[Cell]:
    """Three brokers in racks of their own, one record everywhere, committed everywhere."""
    made = Cell(racks=("a", "b", "c"), replica_selector_class=RACK_AWARE)
    made.create()
    made[1].produce(b"v")
    made.loop.run()
    made.loop.advance(1_000)
    yield made
    made.close()


def fetch(
    cell: Cell, node_id: int, partition: FetchPartition, version: int = 11, **more: Any
) -> Deferred[Any]:
    """Let a consumer fetch by name."""
    topics = [FetchTopic("t", None, [partition])]
    return cell[node_id].fetch(version, topics=topics, min_bytes=1, **more)


def told(answer: Deferred[Any]) -> FetchPartitionResponse:
    """Return the one partition of an answer that is there."""
    ((partition,),) = (topic.partitions for topic in answer.result().topics)
    found: FetchPartitionResponse = partition
    return found


@pytest.mark.parametrize(("version", "serves"), [(10, False), (11, True)])
def test_follower_serves_consumers_that_know_of_it(
    cell: Cell, version: int, serves: bool
) -> None:
    """Older ones take a follower for a leader that is none any more."""
    answer = told(fetch(cell, 2, asked(0), version))
    if serves:
        assert (answer.error_code, len(answer.batches)) == (ErrorCode.NONE, 1)
        assert answer.high_watermark == 1
    else:
        assert answer.error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER


def test_follower_serves_up_to_the_watermark_it_knows(cell: Cell) -> None:
    """What it holds above may be gone tomorrow; what it lacks is out of range."""
    cell.links.partition([1], [3])
    cell[1].produce(b"w", acks=1)
    cell.loop.run()
    assert cell[2].partition().log.log_end_offset == 2
    above = told(fetch(cell, 2, asked(1)))
    assert (above.error_code, above.size, above.high_watermark) == (ErrorCode.NONE, 0, 1)
    beyond = told(fetch(cell, 2, asked(3)))
    assert beyond.error_code == ErrorCode.OFFSET_OUT_OF_RANGE


def test_follower_checks_the_leader_epoch(cell: Cell) -> None:
    """A consumer must not go back in time on a replica that has not heard of the new leader."""
    ahead = told(fetch(cell, 2, asked(0, current_leader_epoch=1)))
    assert ahead.error_code == ErrorCode.UNKNOWN_LEADER_EPOCH
    cell.change(leader=3, leader_epoch=1, isr=(1, 2, 3), partition_epoch=1)
    behind = told(fetch(cell, 2, asked(0, current_leader_epoch=0)))
    assert behind.error_code == ErrorCode.FENCED_LEADER_EPOCH


@pytest.mark.parametrize("session_epoch", [-1, 0], ids=["no session", "session"])
def test_consumer_waits_at_a_follower_for_its_watermark(cell: Cell, session_epoch: int) -> None:
    """It is answered as soon as the follower learns that the record is committed."""
    answer = fetch(cell, 2, asked(1), max_wait_ms=60_000, session_epoch=session_epoch)
    if session_epoch == 0:
        number = answer.result().session_id if answer.done else 0
        if number:
            answer = cell[2].fetch(
                11, min_bytes=1, max_wait_ms=60_000, session_id=number, session_epoch=1
            )
    assert not answer.done
    cell[1].produce(b"w")
    cell.loop.run()
    cell.loop.advance(1_000)
    assert told(answer).high_watermark == 2
    assert len(told(answer).batches) == 1


def test_leader_sends_consumers_to_a_replica_nearby_at_once(cell: Cell) -> None:
    """Without records, and without waiting for any."""
    answer = fetch(cell, 1, asked(1), max_wait_ms=60_000, rack_id="c")
    assert (told(answer).preferred_read_replica, told(answer).size) == (3, 0)
    assert told(answer).high_watermark == 1
    assert told(fetch(cell, 1, asked(0), rack_id="a")).preferred_read_replica == -1
    assert len(told(fetch(cell, 1, asked(0), rack_id="a")).batches) == 1


def test_session_is_told_where_to_read_also_without_news(cell: Cell) -> None:
    """The follower of the rack comes into the ISR while the consumer waits at the leader."""
    cell.change(leader=1, leader_epoch=0, isr=(1, 2), partition_epoch=1)
    first = fetch(cell, 1, asked(1), rack_id="c", session_epoch=0)
    assert told(first).preferred_read_replica == -1
    parked = cell[1].fetch(
        11,
        min_bytes=1,
        max_wait_ms=60_000,
        session_id=first.result().session_id,
        session_epoch=1,
    )
    assert not parked.done
    cell.change(leader=1, leader_epoch=0, isr=(1, 2, 3), partition_epoch=2)
    cell.loop.run()
    assert told(parked).preferred_read_replica == 3


def test_follower_sends_nobody_elsewhere() -> None:
    """Only the leader knows how far the others are."""
    cell = Cell(racks=("a", "b", "c"), replica_selector_class=RACK_AWARE)
    cell.create()
    answer = told(fetch(cell, 2, asked(0), rack_id="c"))
    assert (answer.error_code, answer.preferred_read_replica) == (ErrorCode.NONE, -1)
    cell.close()


def test_without_a_selector_everybody_stays_at_the_leader() -> None:
    """Which is the default."""
    cell = Cell(racks=("a", "b", "c"))
    cell.create()
    answer = told(fetch(cell, 1, asked(0), rack_id="c"))
    assert answer.preferred_read_replica == -1
    cell.close()
