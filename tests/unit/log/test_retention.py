"""Tests of minikafka.log.retention, through the log that applies it."""

from __future__ import annotations

from typing import Any

from minikafka.log.partition_log import PartitionLog
from minikafka.log.retention import apply_retention
from tests.support.builders import append, batch_of, open_log

SIZE = batch_of().size


def _log(**changes: Any) -> PartitionLog:
    """Four segments of one record each, at times 1000, 2000, 3000, 4000; all committed."""
    log = open_log(segment_bytes=100, **changes)
    for time in (1_000, 2_000, 3_000, 4_000):
        append(log, timestamp_ms=time)
    log.advance_high_watermark(4)
    return log


def test_segments_older_than_retention_ms_go() -> None:
    """Age counts from a segment's newest record; exactly as old as allowed stays."""
    log = _log(retention_ms=1_000)
    assert apply_retention(log, 2_000) == 0
    assert apply_retention(log, 2_001) == 1
    assert apply_retention(log, 3_001) == 2
    log.check_invariants()


def test_even_the_active_segment_ages() -> None:
    """A log nobody writes to empties in the end, and keeps its offsets."""
    log = _log(retention_ms=1_000)
    assert apply_retention(log, 10_000) == 4
    log.check_invariants()
    assert (log.log_start_offset, log.log_end_offset, log.size_bytes) == (4, 4, 0)
    assert append(log, timestamp_ms=9_999) == 5
    log.check_invariants()


def test_oldest_segments_go_until_the_log_is_small_enough() -> None:
    """retention.bytes may be exceeded by less than a segment."""
    assert apply_retention(_log(retention_bytes=4 * SIZE), 0) == 0
    assert apply_retention(_log(retention_bytes=2 * SIZE + 1), 0) == 1
    assert apply_retention(_log(retention_bytes=2 * SIZE), 0) == 2
    assert apply_retention(_log(retention_bytes=0), 0) == 4


def test_nothing_above_the_high_watermark_goes() -> None:
    """What no consumer could read yet is kept, however old (KAFKA-5634)."""
    log = open_log(segment_bytes=100, retention_ms=1, retention_bytes=0)
    for _ in range(3):
        append(log)
    log.advance_high_watermark(2)
    assert apply_retention(log, 10**9) == 2
    log.check_invariants()


def test_without_the_delete_policy_nothing_goes() -> None:
    """A compacted topic keeps its segments."""
    log = _log(retention_ms=1, retention_bytes=0, cleanup_policy=("compact",))
    assert apply_retention(log, 10**9) == 0


def test_negative_limits_are_none() -> None:
    """-1 keeps for ever."""
    assert apply_retention(_log(retention_ms=-1, retention_bytes=-1), 10**15) == 0


def test_records_without_timestamps_do_not_age() -> None:
    """There is nothing to measure from."""
    log = open_log(segment_bytes=100, retention_ms=1)
    for _ in range(3):
        append(log, timestamp_ms=-1)
    log.advance_high_watermark(3)
    assert apply_retention(log, 10**9) == 0
