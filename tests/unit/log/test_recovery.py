"""Tests of minikafka.log.recovery, through logs opened again over their storage."""

from __future__ import annotations

import pytest

from minikafka.log.storage import MemoryStorage
from minikafka.records.batch import Batch
from tests.support.builders import append, follower_batch, open_log

FIRST = "orders-0/00000000000000000000.log"


def test_log_opened_again_is_the_same() -> None:
    """Batches, offsets and epochs come back; the high watermark starts at the log start."""
    storage = MemoryStorage()
    log = open_log(storage, segment_bytes=200)
    for epoch in (0, 0, 3, 3, 3):
        append(log, 2, epoch)
    log.advance_high_watermark(7)
    again = open_log(storage, segment_bytes=200)
    again.check_invariants()
    assert again.all_bytes() == log.all_bytes()
    assert again.epochs.entries == log.epochs.entries == [(0, 0), (3, 4)]
    assert [segment.name for segment in again.segments] == [item.name for item in log.segments]
    assert (again.high_watermark, again.log_end_offset) == (0, 10)


def test_power_loss_costs_what_was_not_flushed() -> None:
    """Up to the durable end offset everything is still there, and no more."""
    storage = MemoryStorage()
    log = open_log(storage)
    append(log, 3)
    log.flush()
    append(log, 2)
    assert log.durable_end_offset == 3
    storage.lose_unflushed()
    again = open_log(storage)
    assert again.log_end_offset == again.durable_end_offset == 3


@pytest.mark.parametrize("torn_bytes", [1, 11, 16, 60, 68])
def test_torn_batch_is_cut_off(torn_bytes: int) -> None:
    """A batch that is not whole is not a batch; the file ends before it and goes on there."""
    storage = MemoryStorage()
    log = open_log(storage)
    append(log, 1)
    log.flush()
    durable = storage.size(FIRST)
    append(log, 1)
    assert torn_bytes < storage.size(FIRST) - durable
    storage.lose_unflushed(lambda lost: torn_bytes)
    again = open_log(storage)
    assert again.log_end_offset == 1
    assert storage.size(FIRST) == durable
    assert append(again, 1) == 2
    again.check_invariants()


def _stored(*batches: Batch, pieces: int = 1) -> MemoryStorage:
    storage = MemoryStorage()
    data = b"".join(batch.view for batch in batches)
    step = -(-len(data) // pieces)
    for position in range(0, len(data), step):
        storage.append(FIRST, data[position : position + step])
    return storage


@pytest.mark.parametrize("pieces", [1, 2, 7, 500])
def test_storage_may_hand_out_any_pieces(pieces: int) -> None:
    """A storage need not remember the borders between appends."""
    storage = _stored(follower_batch(0, 2), follower_batch(2, 3), pieces=pieces)
    log = open_log(storage)
    log.check_invariants()
    assert log.log_end_offset == 5


def test_corrupt_batch_ends_the_log() -> None:
    """What follows a batch with a wrong CRC cannot be trusted either."""
    bad = follower_batch(1)
    bad.view[-1] ^= 1
    storage = _stored(follower_batch(0), bad, follower_batch(2))
    assert open_log(storage).log_end_offset == 1


@pytest.mark.parametrize(
    "second", [follower_batch(2), follower_batch(0), follower_batch(1, epoch=1)]
)
def test_batch_out_of_sequence_ends_the_log(second: Batch) -> None:
    """Neither a gap, nor a repetition, nor a falling epoch is taken in."""
    storage = _stored(follower_batch(0, epoch=2), second)
    assert open_log(storage).log_end_offset == 1


def test_segments_behind_a_flaw_are_deleted() -> None:
    """The valid prefix ends with the first flaw, wherever later segments begin."""
    storage = MemoryStorage()
    log = open_log(storage, segment_bytes=100)
    for _ in range(4):
        append(log)
    names = [segment.name for segment in log.segments]
    assert len(names) == 4
    storage.truncate(names[1], storage.size(names[1]) - 1)
    again = open_log(storage, segment_bytes=100)
    again.check_invariants()
    assert again.log_end_offset == 1
    assert [name for name in storage.list("orders-0/") if name.endswith(".log")] == names[:2]


def test_log_start_inside_a_batch_is_remembered() -> None:
    """DeleteRecords outlasts a restart and a power loss."""
    storage = MemoryStorage()
    log = open_log(storage)
    append(log, 10)
    log.flush()
    log.advance_high_watermark(10)
    log.advance_log_start(4)
    storage.lose_unflushed()
    again = open_log(storage)
    again.check_invariants()
    assert (again.log_start_offset, again.high_watermark) == (4, 4)


def test_lost_tail_below_the_log_start_leaves_an_empty_log_there() -> None:
    """Offsets that were deleted are not given out again."""
    storage = MemoryStorage()
    log = open_log(storage)
    append(log, 10)
    log.advance_high_watermark(10)
    log.advance_log_start(4)
    storage.lose_unflushed()
    again = open_log(storage)
    again.check_invariants()
    assert (again.log_start_offset, again.log_end_offset) == (4, 4)


def test_start_of_a_log_that_began_anew_is_remembered() -> None:
    """A follower told to start over at an offset does so durably."""
    storage = MemoryStorage()
    log = open_log(storage)
    append(log, 10)
    log.truncate_fully(100)
    storage.lose_unflushed()
    assert open_log(storage).log_end_offset == 100
