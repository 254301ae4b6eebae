"""At which offset each leader epoch began in one log.

With it a follower finds where its log parts from the leader's: epochs name who wrote, offsets
alone do not. Counterpart: org.apache.kafka.storage.internals.epoch.LeaderEpochFileCache.
KIP-101, KIP-279, KIP-320.

Rules of this file
    The entries are strictly increasing in epoch and in start offset.
    An epoch ends where the next one starts; the last one ends at the log end offset.
    Only the last entry may be without a record: a leader that has not written yet.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from minikafka.base.errors import BrokerBug
from minikafka.base.ids import NO_LEADER_EPOCH, NO_OFFSET, LeaderEpoch, Offset

__all__ = ["EpochCache"]


class EpochCache:
    """Leader epochs of one log and their start offsets, oldest first."""

    __slots__ = ("_epochs", "_starts", "latest_epoch")

    latest_epoch: LeaderEpoch  # of the last entry, -1 without entries

    def __init__(self, entries: Sequence[tuple[LeaderEpoch, Offset]] = ()) -> None:
        self._epochs: list[LeaderEpoch] = []
        self._starts: list[Offset] = []
        self.latest_epoch = NO_LEADER_EPOCH
        for epoch, start_offset in entries:
            self.assign(epoch, start_offset)

    @property
    def entries(self) -> list[tuple[LeaderEpoch, Offset]]:
        """(epoch, start offset), oldest first."""
        return list(zip(self._epochs, self._starts, strict=True))

    def assign(self, epoch: LeaderEpoch, start_offset: Offset) -> bool:
        """Note that `epoch` begins at `start_offset`; True if that is news.

        Entries that contradict it, of a later or equal epoch or start, give way: the log
        itself is the truth (KAFKA-7897). The latest epoch again, further on, is no news.
        """
        if epoch < 0 or start_offset < 0:
            raise BrokerBug(f"epoch {epoch} assigned to start at offset {start_offset}")
        if epoch == self.latest_epoch and start_offset >= self._starts[-1]:
            return False
        keep = min(bisect_left(self._epochs, epoch), bisect_left(self._starts, start_offset))
        del self._epochs[keep:], self._starts[keep:]
        self._epochs.append(epoch)
        self._starts.append(start_offset)
        self.latest_epoch = epoch
        return True

    def start_offset_of(self, epoch: LeaderEpoch) -> Offset | None:
        """Return where `epoch` begins, None when the log has no record of it."""
        index = bisect_left(self._epochs, epoch)
        if index < len(self._epochs) and self._epochs[index] == epoch:
            return self._starts[index]
        return None

    def epoch_of(self, offset: Offset) -> LeaderEpoch:
        """Return the epoch in which `offset` was written, -1 when it lies before all entries."""
        index = bisect_right(self._starts, offset) - 1
        return self._epochs[index] if index >= 0 else NO_LEADER_EPOCH

    def end_offset_for(
        self, epoch: LeaderEpoch, log_end_offset: Offset
    ) -> tuple[LeaderEpoch, Offset]:
        """Return the largest known epoch up to `epoch`, and the offset where it ends (exclusive).

        With an epoch before the first entry: that epoch, and where the first entry starts, so
        that the asker drops all it has of it. With one after the last entry, or -1: (-1, -1).
        Source: KIP-279.
        """
        if epoch == NO_LEADER_EPOCH or epoch > self.latest_epoch:
            return NO_LEADER_EPOCH, NO_OFFSET
        if epoch == self.latest_epoch:
            return epoch, log_end_offset
        after = bisect_right(self._epochs, epoch)
        known = epoch if after == 0 else self._epochs[after - 1]
        return known, self._starts[after]

    def truncate_from_end(self, end_offset: Offset) -> None:
        """Forget the epochs that begin at or behind `end_offset`, the log's new end."""
        keep = bisect_left(self._starts, end_offset)
        del self._epochs[keep:], self._starts[keep:]
        self.latest_epoch = self._epochs[-1] if self._epochs else NO_LEADER_EPOCH

    def truncate_from_start(self, start_offset: Offset) -> None:
        """Forget the epochs that end before `start_offset`, the log's new start.

        The epoch that `start_offset` lies in now begins there.
        """
        below = bisect_right(self._starts, start_offset)
        if below:
            del self._epochs[: below - 1], self._starts[: below - 1]
            self._starts[0] = start_offset

    def clear(self) -> None:
        """Forget all epochs."""
        self.truncate_from_end(0)

    def __repr__(self) -> str:
        return f"EpochCache({self.entries})"
