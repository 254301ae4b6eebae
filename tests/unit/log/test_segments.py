"""Tests of minikafka.log.segments."""

from __future__ import annotations

from minikafka.log.segments import Segments
from minikafka.log.storage import MemoryStorage
from tests.support.builders import follower_batch


def _segments(storage: MemoryStorage) -> Segments:
    """Segments at 0, 2 and 4, two records in each but the last, which is empty."""
    segments = Segments(storage, "t-0")
    for base_offset in (0, 2):
        segments.add(base_offset)
        batch = follower_batch(base_offset, 2)
        storage.append(segments.active.name, batch.view)
        segments.active.append(batch)
    segments.add(4)
    return segments


def test_offsets_belong_to_the_segment_below() -> None:
    """Those before the first segment are looked for in it."""
    segments = _segments(MemoryStorage())
    assert [segments.index_of(offset) for offset in (-1, 0, 1, 2, 3, 4, 99)] == [
        0,
        0,
        0,
        1,
        1,
        2,
        2,
    ]


def test_read_passes_over_an_empty_segment() -> None:
    """Nothing to read there is no reason to stop before it."""
    read = _segments(MemoryStorage()).read(0, 1_000, 4, True)
    assert [batch.base_offset for batch in read.batches] == [0, 2]


def test_last_batch_is_found_behind_empty_segments() -> None:
    """None without any batch."""
    last = _segments(MemoryStorage()).last_batch
    assert last is not None
    assert last.base_offset == 2
    empty = Segments(MemoryStorage(), "t-0")
    empty.add(0)
    assert empty.last_batch is None


def test_truncation_deletes_the_files_behind_it() -> None:
    """The segment cut becomes the active one."""
    storage = MemoryStorage()
    segments = _segments(storage)
    assert segments.truncate_to(2) == 2
    assert segments.active.base_offset == 2
    assert segments.active.size == storage.size(segments.active.name) == 0
    assert len(storage.list("t-0/")) == len(segments) == 2


def test_restart_leaves_one_empty_segment() -> None:
    """All files before are gone."""
    storage = MemoryStorage()
    segments = _segments(storage)
    segments.restart_at(50)
    assert storage.list("t-0/") == [segments.active.name]
    assert segments.active.next_offset == 50


def test_flush_reaches_from_the_segment_of_the_offset_on() -> None:
    """Earlier segments were made durable when they were closed."""
    storage = MemoryStorage()
    segments = _segments(storage)
    names = [segment.name for segment in segments]
    segments.flush(2)
    assert storage.durable_size(names[0]) == 0
    assert storage.durable_size(names[1]) == storage.size(names[1]) > 0
