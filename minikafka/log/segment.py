"""One segment of a partition's log: a run of batches, the indexes over it, one file.

The indexes are exact and in memory, one entry a batch, where Kafka's are sparse files.
Counterpart: org.apache.kafka.storage.internals.log.LogSegment, OffsetIndex, TimeIndex.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple

from minikafka.base.ids import NO_TIMESTAMP, Offset
from minikafka.records.batch import Batch

__all__ = [
    "REPLACEMENT_SUFFIX",
    "AppendInfo",
    "Segment",
    "Slice",
    "segment_base_offset",
    "segment_name",
]

_SUFFIX = ".log"
REPLACEMENT_SUFFIX = ".cleaned"
"""Of the file that is about to be one or more segments in compacted form."""

# No batch is later than this, so an empty segment never rolls for its age.
_NEVER = 2**63


class AppendInfo(NamedTuple):
    """Where a batch came to lie."""

    base_offset: Offset
    last_offset: Offset  # inclusive
    log_append_time_ms: int  # -1 unless the topic has LogAppendTime
    log_start_offset: Offset
    duplicate: bool = False  # it lies there already; the time is then that of the batch


class Slice(NamedTuple):
    """Consecutive batches of a log, and their size in bytes."""

    batches: list[Batch]
    size: int


def segment_name(log_name: str, base_offset: Offset) -> str:
    """Return the name of a segment's file, as Kafka names it."""
    return f"{log_name}/{base_offset:020d}{_SUFFIX}"


def segment_base_offset(name: str) -> Offset | None:
    """Return the base offset in a segment file's name, None for any other file."""
    file = name[name.rfind("/") + 1 :]
    if not file.endswith(_SUFFIX) or not file[: -len(_SUFFIX)].isdecimal():
        return None
    return int(file[: -len(_SUFFIX)])


class Segment:
    """Batches with increasing offsets.

    Args:
        log_name: directory of the log.
        base_offset: no batch begins below it; the file is named after it.
    """

    __slots__ = (
        "_base_offsets",
        "_ends",
        "_max_timestamps",
        "base_offset",
        "batches",
        "max_timestamp_ms",
        "name",
        "roll_after_timestamp_ms",
        "size",
    )

    # Invariant: the lists below have one entry for each of `batches`.
    # _base_offsets: for the search by offset. _ends: position in the file behind the batch.
    # _max_timestamps: the largest timestamp up to and including the batch, so never falling.

    def __init__(self, log_name: str, base_offset: Offset) -> None:
        self.name = segment_name(log_name, base_offset)
        self.base_offset = base_offset
        self.batches: list[Batch] = []
        self._base_offsets: list[Offset] = []
        self._ends: list[int] = []
        self._max_timestamps: list[int] = []
        self.size = 0
        self.max_timestamp_ms = NO_TIMESTAMP
        self.roll_after_timestamp_ms = _NEVER

    @property
    def next_offset(self) -> Offset:
        """The offset behind the last batch; the base offset while empty."""
        return self.batches[-1].last_offset + 1 if self.batches else self.base_offset

    def append(self, batch: Batch) -> None:
        """Add a batch whose offsets lie behind all that are here."""
        self.batches.append(batch)
        self._base_offsets.append(batch.base_offset)
        self.size = size = self.size + batch.size
        self._ends.append(size)
        # Compaction may keep a batch without records: nobody looks for its time.
        if batch.max_timestamp_ms > self.max_timestamp_ms and batch.record_count:
            self.max_timestamp_ms = batch.max_timestamp_ms
        self._max_timestamps.append(self.max_timestamp_ms)

    def limit_age(self, segment_ms: int) -> None:
        """Have the segment roll for a batch `segment_ms` or more later than its first one."""
        if self.batches and self.batches[0].max_timestamp_ms >= 0:
            self.roll_after_timestamp_ms = self.batches[0].max_timestamp_ms + segment_ms

    def index_of(self, offset: Offset) -> int:
        """Return the index of the first batch that ends at or behind `offset`."""
        index = bisect_right(self._base_offsets, offset) - 1
        if index < 0 or self.batches[index].last_offset < offset:
            index += 1
        return index

    def read(
        self, offset: Offset, max_bytes: int, end_offset: Offset, at_least_one: bool
    ) -> Slice:
        """Return whole batches from the one that holds `offset`; as `PartitionLog.read`."""
        batches = self.batches
        first = bisect_right(self._base_offsets, offset) - 1
        if first < 0 or batches[first].last_offset < offset:
            first += 1
        count = len(batches)
        if first >= count:
            return Slice([], 0)
        stop = count
        if batches[-1].last_offset >= end_offset:
            stop = bisect_left(self._base_offsets, end_offset)
            if stop and batches[stop - 1].last_offset >= end_offset:
                stop -= 1
        ends = self._ends
        start = ends[first - 1] if first else 0
        if ends[stop - 1] - start > max_bytes:
            fitting = bisect_right(ends, start + max_bytes)
            stop = min(stop, max(fitting, first + 1) if at_least_one else fitting)
        if stop <= first:
            return Slice([], 0)
        return Slice(batches[first:stop], ends[stop - 1] - start)

    def batches_since(self, timestamp_ms: int) -> list[Batch]:
        """Return the batches from the first one that reaches `timestamp_ms` on."""
        return self.batches[bisect_left(self._max_timestamps, timestamp_ms) :]

    def truncate(self, index: int) -> None:
        """Drop the batches from `index` on."""
        for entries in (self._base_offsets, self._ends, self._max_timestamps):
            del entries[index:]
        del self.batches[index:]
        self.size = self._ends[-1] if index else 0
        self.max_timestamp_ms = self._max_timestamps[-1] if index else NO_TIMESTAMP
        if not index:
            self.roll_after_timestamp_ms = _NEVER
