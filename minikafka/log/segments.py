"""All segments of one log, oldest first, and the files they lie in.

Finds the segment of an offset, starts new ones, cuts off either end. Knows nothing of epochs
and watermarks. Counterpart: org.apache.kafka.storage.internals.log.LogSegments, LocalLog.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from minikafka.base.ids import Offset
from minikafka.log.recovery import load_segments
from minikafka.log.segment import Segment, Slice
from minikafka.log.storage import Storage
from minikafka.records.batch import Batch

__all__ = ["Segments"]


class Segments:
    """Segments without gaps between them; the last one, `active`, is written to.

    Args:
        storage: of the broker. The files of this log that it holds are loaded.
        log_name: directory of the files.
    """

    __slots__ = ("_base_offsets", "_log_name", "_storage", "active", "items")

    # Invariant: _base_offsets are those of items; active is the last of items.
    active: Segment

    def __init__(self, storage: Storage, log_name: str) -> None:
        self._storage = storage
        self._log_name = log_name
        self.items = load_segments(storage, log_name)
        self._base_offsets = [segment.base_offset for segment in self.items]
        if self.items:
            self.active = self.items[-1]

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def size_bytes(self) -> int:
        """Bytes of all batches."""
        return sum(segment.size for segment in self.items)

    @property
    def last_batch(self) -> Batch | None:
        """The newest batch, None without any."""
        for segment in reversed(self.items):
            if segment.size:
                return segment.batches[-1]
        return None

    def index_of(self, offset: Offset) -> int:
        """Return the index of the segment that `offset` belongs to, 0 if it lies before all."""
        return max(0, bisect_right(self._base_offsets, offset) - 1)

    def add(self, base_offset: Offset) -> None:
        """Start a new segment, the active one from now on."""
        self.active = segment = Segment(self._log_name, base_offset)
        self.items.append(segment)
        self._base_offsets.append(base_offset)
        self._storage.append(segment.name, b"")
        self._storage.fsync(segment.name)

    def read(
        self, offset: Offset, max_bytes: int, end_offset: Offset, at_least_one: bool
    ) -> Slice:
        """Return whole batches, across segments; as `PartitionLog.read`."""
        batches: list[Batch] = []
        size = 0
        for segment in self.items[self.index_of(offset) :]:
            more = segment.read(offset, max_bytes - size, end_offset, at_least_one and not size)
            batches += more.batches
            size += more.size
            if segment.size and (
                not more.batches or more.batches[-1] is not segment.batches[-1]
            ):
                break
        return Slice(batches, size)

    def truncate_to(self, offset: Offset) -> Offset:
        """Remove the batches that reach `offset`, not below the first segment; return the end."""
        index = self.index_of(offset)
        while len(self.items) > index + 1:
            self._storage.delete(self.items.pop().name)
            self._base_offsets.pop()
        self.active = active = self.items[-1]
        active.truncate(active.index_of(offset))
        self._storage.truncate(active.name, active.size)
        return active.next_offset

    def drop_first(self, count: int) -> None:
        """Delete the `count` oldest segments; at least one stays."""
        for segment in self.items[:count]:
            self._storage.delete(segment.name)
        del self.items[:count], self._base_offsets[:count]

    def restart_at(self, base_offset: Offset) -> None:
        """Delete all segments and start one at `base_offset`."""
        self.drop_first(len(self.items))
        self.add(base_offset)

    def flush(self, from_offset: Offset) -> None:
        """Make durable the segment that `from_offset` belongs to and all behind it."""
        for segment in self.items[self.index_of(from_offset) :]:
            self._storage.fsync(segment.name)
