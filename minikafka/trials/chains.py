"""Each replica's log as a chain of prefix hashes, one per batch.

Two logs agree up to an offset exactly if their hashes there do.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from minikafka.base.ids import LeaderEpoch, Offset
from minikafka.records.batch import Batch

if TYPE_CHECKING:
    from minikafka.log.partition_log import PartitionLog

__all__ = ["Chain", "Entry"]


class Entry(NamedTuple):
    """One batch in some replica's log; the hash stands for it and everything before it."""

    base_offset: Offset
    next_offset: Offset
    epoch: LeaderEpoch
    prefix_hash: int


class Chain:
    """One replica's log, as the batches in it.

    Attributes:
        log: of the living incarnation; the last one's while the broker is down.
        disk_losses: how often the disk had lost something when the log was opened.
    """

    __slots__ = ("_base_offsets", "_gone", "disk_losses", "entries", "log", "root", "root_hash")

    def __init__(
        self, log: PartitionLog, root: Offset = 0, root_hash: int = 0, disk_losses: int = 0
    ) -> None:
        self.log = log
        self.disk_losses = disk_losses
        self.root = root
        self.root_hash = root_hash
        self.entries: list[Entry] = []
        self._base_offsets: list[Offset] = []
        self._gone: dict[Offset, None] = {}

    def restart(self, root: Offset, root_hash: int) -> None:
        """Begin anew at `root`: a snapshot stands for what lies below it."""
        self.root, self.root_hash = root, root_hash
        self.entries.clear()
        self._base_offsets.clear()
        self._gone.clear()

    @property
    def end(self) -> Offset:
        """The offset behind the last batch."""
        return self.entries[-1].next_offset if self.entries else self.root

    def append(self, batch: Batch) -> Entry:
        """Add a batch behind all others; return what it became."""
        before = self.entries[-1].prefix_hash if self.entries else self.root_hash
        # Numbers hash alike in every process.
        mixed = hash(
            (before, batch.base_offset, batch.last_offset, batch.leader_epoch, batch.crc)
        )
        entry = Entry(batch.base_offset, batch.next_offset, batch.leader_epoch, mixed)
        self.entries.append(entry)
        self._base_offsets.append(entry.base_offset)
        return entry

    def take(self, entries: Sequence[Entry], *, all_gone: bool = False) -> None:
        """Add what is known of other logs; of which this one holds the last, or nothing."""
        offsets = [entry.base_offset for entry in entries]
        self.entries += entries
        self._base_offsets += offsets
        self._gone.update(dict.fromkeys(offsets if all_gone else offsets[:-1]))

    def thin(self, start: Offset, end: Offset, left: Iterable[Offset]) -> None:
        """Note that of the batches from `start` to `end` compaction has left those at `left`.

        They stay entries: the log stands for them all the same.
        """
        first, last = (
            bisect_left(self._base_offsets, start),
            bisect_left(self._base_offsets, end),
        )
        self._gone.update(dict.fromkeys(self._base_offsets[first:last]))
        for offset in left:
            self._gone.pop(offset, None)

    def cut(self, end: Offset) -> list[Entry]:
        """Remove the batches that reach `end`; return those that compaction had not taken."""
        count = bisect_left(self._base_offsets, end)
        while count and self.entries[count - 1].next_offset > end:
            count -= 1
        removed = self.entries[count:]
        del self.entries[count:], self._base_offsets[count:]
        return [entry for entry in removed if not self._forget(entry.base_offset)]

    def _forget(self, offset: Offset) -> bool:
        was_gone = offset in self._gone
        self._gone.pop(offset, None)
        return was_gone

    def at(self, base_offset: Offset) -> Entry | None:
        """Return the batch that holds `base_offset`, None where there is none."""
        index = bisect_right(self._base_offsets, base_offset) - 1
        if index < 0 or self.entries[index].next_offset <= base_offset:
            return None
        return self.entries[index]

    def holds(self, entry: Entry) -> bool:
        """Say whether this log agrees with another one up to and including its `entry`."""
        found = self.at(entry.base_offset)
        if found is None:
            # Retention and DeleteRecords take away the beginning.
            return self.root >= entry.next_offset
        return found.prefix_hash == entry.prefix_hash

    def between(self, start: Offset, end: Offset) -> list[Entry]:
        """Return the batches from `start` on that end at `end` or below."""
        first = bisect_left(self._base_offsets, start)
        last = bisect_left(self._base_offsets, end)
        return [entry for entry in self.entries[first:last] if entry.next_offset <= end]
