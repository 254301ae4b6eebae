"""Tests of minikafka.log.invariants: each check must be able to fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from minikafka.base.errors import BrokerBug
from minikafka.log.partition_log import PartitionLog
from tests.support.builders import append, open_log, producer_batch


def _raise_watermark(log: PartitionLog) -> None:
    log.high_watermark = log.log_end_offset + 1


def _lower_watermark(log: PartitionLog) -> None:
    log.high_watermark = log.log_start_offset - 1


def _move_end(log: PartitionLog) -> None:
    log.log_end_offset += 1


def _drop_middle(log: PartitionLog) -> None:
    del log.segments[0].batches[1]


def _lower_epoch(log: PartitionLog) -> None:
    log.segments[0].batches[-1].leader_epoch = 0


def _forget_epoch(log: PartitionLog) -> None:
    log.epochs.truncate_from_end(4)


def _invent_epoch(log: PartitionLog) -> None:
    log.epochs.assign(9, 5)


def _miscount(log: PartitionLog) -> None:
    log.segments[0].size += 1


def _forget_producer(log: PartitionLog) -> None:
    log.producers.clear()


def _invent_producer(log: PartitionLog) -> None:
    log.producers.take(producer_batch(0, producer_id=2, offset=3))


def _take_twice(log: PartitionLog) -> None:
    log.producers.take(producer_batch(1, offset=log.log_end_offset))


def _start_before_files(log: PartitionLog) -> None:
    log.truncate_fully(10)
    log.log_start_offset = 9


@pytest.mark.parametrize(
    "break_it",
    [
        _raise_watermark,
        _lower_watermark,
        _move_end,
        _drop_middle,
        _lower_epoch,
        _forget_epoch,
        _invent_epoch,
        _miscount,
        _forget_producer,
        _invent_producer,
        _take_twice,
        _start_before_files,
    ],
)
def test_broken_log_is_noticed(break_it: Callable[[PartitionLog], None]) -> None:
    """A sound log passes, and each planted flaw raises BrokerBug."""
    log = open_log()
    for epoch in (1, 2, 3):
        append(log, 2, epoch)
    log.append_as_leader(producer_batch(0), 3, now_timestamp_ms=0)
    log.check_invariants()
    break_it(log)
    with pytest.raises(BrokerBug):
        log.check_invariants()
