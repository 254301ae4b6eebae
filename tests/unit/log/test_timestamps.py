"""Tests of minikafka.log.timestamps, through the log."""

from __future__ import annotations

import pytest

from minikafka.log.partition_log import PartitionLog
from minikafka.log.timestamps import max_timestamp, offset_for_timestamp
from minikafka.records.compressors import Codec
from tests.support.builders import batch_of, open_log


def _log(codec: Codec = Codec.NONE, **changes: object) -> PartitionLog:
    """Offsets 0..2 at 10, 30, 20; 3 at 15; 4..5 at 40, 40."""
    log = open_log(**changes)
    for epoch, times in enumerate([(10, 30, 20), (15,), (40, 40)]):
        log.append_as_leader(batch_of(*times, codec=codec), epoch, now_timestamp_ms=0)
    return log


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize(
    ("timestamp_ms", "found"),
    [
        (0, (10, 0, 0)),
        (10, (10, 0, 0)),
        (11, (30, 1, 0)),
        (31, (40, 4, 2)),
        (40, (40, 4, 2)),
        (41, None),
    ],
)
def test_first_record_not_earlier_is_found(
    codec: Codec, timestamp_ms: int, found: tuple[int, int, int] | None
) -> None:
    """By offset the first, whatever times come later; compressed as well."""
    assert offset_for_timestamp(_log(codec), timestamp_ms, 6) == found


def test_search_crosses_segments() -> None:
    """Segments that end too early are passed over."""
    log = _log(segment_bytes=100)
    assert len(log.segments) == 3
    assert offset_for_timestamp(log, 31, 6) == (40, 4, 2)


def test_deleted_records_are_not_found() -> None:
    """The search begins at the log start offset, inside a batch if need be."""
    log = _log()
    log.advance_high_watermark(6)
    log.advance_log_start(2)
    assert offset_for_timestamp(log, 0, 6) == (20, 2, 0)


def test_record_at_the_end_offset_is_not_found() -> None:
    """What a consumer may not read yet is no answer."""
    assert offset_for_timestamp(_log(), 31, 4) is None
    assert offset_for_timestamp(_log(), 31, 5) == (40, 4, 2)


@pytest.mark.parametrize("codec", list(Codec))
def test_largest_timestamp_is_that_of_its_first_record(codec: Codec) -> None:
    """Of several equal ones the first record counts, compressed or not (KIP-734)."""
    assert max_timestamp(_log(codec), 6) == (40, 4, 2)


def test_largest_timestamp_that_is_not_readable_is_none() -> None:
    """Kafka looks for it in the whole log, and answers nothing if it may not be read."""
    assert max_timestamp(_log(), 4) is None


def test_empty_log_has_no_largest_timestamp() -> None:
    """Nor does it hold a record of any time."""
    assert max_timestamp(open_log(), 0) is None
    assert offset_for_timestamp(open_log(), 0, 0) is None


def test_log_append_time_is_the_first_record_of_the_batch() -> None:
    """All records of the batch have one time."""
    log = open_log(message_timestamp_type="LogAppendTime")
    for now in (100, 200):
        log.append_as_leader(batch_of(1, 2), 0, now_timestamp_ms=now)
    assert offset_for_timestamp(log, 101, 4) == (200, 2, 0)
    assert max_timestamp(log, 4) == (200, 2, 0)
