"""All segments of one log, oldest first, and the files they lie in.

Finds the segment of an offset, starts new ones, cuts off either end. Knows nothing of epochs
and watermarks. Counterpart: org.apache.kafka.storage.internals.log.LogSegments, LocalLog.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from minikafka.base.ids import Offset
from minikafka.log.epoch_cache import EpochCache
from minikafka.log.recovery import load_segments, read_compacted, write_compacted
from minikafka.log.segment import REPLACEMENT_SUFFIX, Segment, Slice
from minikafka.log.storage import Storage
from minikafka.records.batch import Batch

__all__ = ["Segments"]


class Segments:
    """Segments in the order of their offsets; the last one, `active`, is written to.

    Args:
        storage: of the broker. The files of this log that it holds are loaded.
        log_name: directory of the files.

    Attributes:
        gaps_below: only below it compaction may have left gaps between offsets.
        stored_epochs: those that began there when that was last stored.
    """

    __slots__ = (
        "_base_offsets",
        "_log_name",
        "_storage",
        "active",
        "gaps_below",
        "items",
        "stored_epochs",
    )

    # Invariant: _base_offsets are those of items; active is the last of items.
    active: Segment

    def __init__(self, storage: Storage, log_name: str) -> None:
        self._storage = storage
        self._log_name = log_name
        self.gaps_below, self.stored_epochs = read_compacted(storage, log_name)
        self.items = load_segments(storage, log_name, self.gaps_below)
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
            last = segment.batches[-1] if segment.batches else None
            if last is None or last.last_offset < offset:
                continue  # its last offsets were compacted away: what comes next is behind it
            if not more.batches or more.batches[-1] is not last:
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

    def allow_gaps(self, gaps_below: Offset, epochs: EpochCache) -> None:
        """Store durably below which offset a gap is no damage, and the epochs that begin there."""
        if gaps_below == self.gaps_below:
            return
        self.gaps_below = gaps_below
        self.stored_epochs = [entry for entry in epochs.entries if entry[1] < gaps_below]
        write_compacted(self._storage, self._log_name, gaps_below, self.stored_epochs)

    def replace(self, first: int, count: int, batches: Iterable[Batch]) -> None:
        """Let one segment with `batches` stand for `count` closed ones from index `first` on.

        Once its file has its name it counts, whatever happens to the files of the others.
        """
        old = self.items[first : first + count]
        segment = Segment(self._log_name, old[0].base_offset)
        replacement = segment.name + REPLACEMENT_SUFFIX
        self._storage.delete(replacement)  # of a run that was broken off
        self._storage.append(replacement, b"")
        for batch in batches:
            self._storage.append(replacement, batch.view)
            segment.append(batch)
        self._storage.fsync(replacement)
        self._storage.rename(replacement, segment.name)
        self.items[first : first + count] = [segment]
        self._base_offsets[first : first + count] = [segment.base_offset]
        for each in old[1:]:
            self._storage.delete(each.name)

    def restart_at(self, base_offset: Offset) -> None:
        """Delete all segments and start one at `base_offset`."""
        self.drop_first(len(self.items))
        self.add(base_offset)

    def flush(self, from_offset: Offset) -> None:
        """Make durable the segment that `from_offset` belongs to and all behind it."""
        for segment in self.items[self.index_of(from_offset) :]:
            self._storage.fsync(segment.name)
