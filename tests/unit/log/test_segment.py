"""Tests of minikafka.log.segment."""

from __future__ import annotations

import pytest

from minikafka.log.segment import Segment, segment_base_offset, segment_name
from tests.support.builders import follower_batch


def _segment() -> Segment:
    """Offsets 10..11, 12..12, 13..17; times 50, 40, 60."""
    segment = Segment("t-0", 10)
    segment.append(follower_batch(10, 2, timestamp_ms=50))
    segment.append(follower_batch(12, 1, timestamp_ms=40))
    segment.append(follower_batch(13, 5, timestamp_ms=60))
    return segment


def _read(offset: int, max_bytes: int, end: int, at_least_one: bool = True) -> list[int]:
    read = _segment().read(offset, max_bytes, end, at_least_one)
    assert read.size == sum(batch.size for batch in read.batches)
    return [batch.base_offset for batch in read.batches]


ALL = 10_000


@pytest.mark.parametrize(
    ("offset", "bases"),
    [
        (10, [10, 12, 13]),
        (11, [10, 12, 13]),
        (12, [12, 13]),
        (15, [13]),
        (17, [13]),
        (18, []),
    ],
)
def test_read_begins_with_the_batch_that_holds_the_offset(
    offset: int, bases: list[int]
) -> None:
    """Batches are whole: the first may begin below what was asked for."""
    assert _read(offset, ALL, 18) == bases


@pytest.mark.parametrize(
    ("end", "bases"),
    [(18, [10, 12, 13]), (17, [10, 12]), (13, [10, 12]), (12, [10]), (11, []), (10, [])],
)
def test_read_ends_below_the_end_offset(end: int, bases: list[int]) -> None:
    """A batch that reaches the end offset is left out, even as the first."""
    assert _read(10, ALL, end) == bases


def test_read_stops_before_it_exceeds_the_limit() -> None:
    """The limit may be met exactly; only a first batch may pass it, and only if asked to."""
    first, second = (batch.size for batch in _segment().batches[:2])
    assert _read(10, first + second, 18) == [10, 12]
    assert _read(10, first + second - 1, 18) == [10]
    assert _read(10, 1, 18) == [10]
    assert _read(10, 1, 18, at_least_one=False) == []
    assert _read(10, 0, 11) == []


def test_search_by_time_uses_the_largest_time_so_far() -> None:
    """The first batch that reaches a time begins the answer."""
    segment = _segment()
    for time, bases in [(40, [10, 12, 13]), (50, [10, 12, 13]), (51, [13]), (61, [])]:
        assert [batch.base_offset for batch in segment.batches_since(time)] == bases


def test_truncation_takes_the_indexes_along() -> None:
    """After a cut, size, offsets and times are those of what is left."""
    segment = _segment()
    segment.truncate(segment.index_of(14))
    assert (segment.next_offset, segment.max_timestamp_ms) == (13, 50)
    assert segment.size == sum(batch.size for batch in segment.batches)
    segment.truncate(0)
    assert (segment.next_offset, segment.max_timestamp_ms, segment.size) == (10, -1, 0)


def test_files_are_named_as_kafka_names_them() -> None:
    """Twenty digits of the base offset."""
    assert segment_name("t-0", 42) == "t-0/00000000000000000042.log"
    assert segment_base_offset("t-0/00000000000000000042.log") == 42
    assert segment_base_offset("t-0/quorum-state") is None
    assert segment_base_offset("t-0/x.log") is None
