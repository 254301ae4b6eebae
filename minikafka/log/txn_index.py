"""Transactions in one log: which are open, which were aborted, and what is stable.

Told of by `producer_state.py`, which knows who has which transaction open. Nothing is stored:
what is written down of it are the batches and markers of the log. Counterparts:
TransactionIndex, and the transactions of ProducerStateManager. KIP-98.

Invariant: what lies below `first_unstable` is decided, and so are all markers for it committed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

from minikafka.base.ids import Offset, ProducerId

__all__ = ["NEVER", "AbortedTransaction", "TransactionIndex"]

NEVER: Offset = 2**63 - 1
"""Behind every offset."""


class AbortedTransaction(NamedTuple):
    """A transaction whose records no reader of committed ones may see."""

    producer_id: ProducerId
    first_offset: Offset
    last_offset: Offset  # of the marker, inclusive
    last_stable_offset: Offset  # exclusive: all below was decided once the marker was there


class TransactionIndex:
    """The transactions of one log.

    Attributes:
        aborted: in the order of their markers. Not to be changed.
        first_unstable: first offset of the earliest transaction that is open, or not committed
            to be ended: by a marker below the high watermark. `NEVER` without one.
        unreplicated: first offset and marker of those, at most as many as have ended since the
            watermark moved.
    """

    __slots__ = ("_last_offsets", "_open", "aborted", "first_unstable", "unreplicated")

    def __init__(self) -> None:
        self._open: list[Offset] = []  # rising
        self._last_offsets: list[Offset] = []  # of `aborted`
        self.aborted: list[AbortedTransaction] = []
        self.unreplicated: dict[Offset, Offset] = {}
        self.first_unstable = NEVER

    def begin(self, first_offset: Offset) -> None:
        """Note a transaction whose first batch is the last of the log."""
        self._open.append(first_offset)
        self.first_unstable = min(self.first_unstable, first_offset)

    def end(
        self,
        producer_id: ProducerId,
        first_offset: Offset,
        marker_offset: Offset,
        *,
        committed: bool,
    ) -> None:
        """Note the marker that ends a transaction; it stays unstable until that is replicated."""
        self._open.remove(first_offset)
        if not committed:
            stable = self._open[0] if self._open else marker_offset + 1
            self.aborted.append(
                AbortedTransaction(producer_id, first_offset, marker_offset, stable)
            )
            self._last_offsets.append(marker_offset)
        self.unreplicated[first_offset] = marker_offset

    def on_high_watermark(self, high_watermark: Offset) -> None:
        """Count as stable what has ended below the high watermark."""
        self._keep_unreplicated(high_watermark, NEVER)

    def on_log_start(self, log_start_offset: Offset) -> None:
        """Forget what has ended before the log start."""
        count = bisect_left(self._last_offsets, log_start_offset)
        del self.aborted[:count], self._last_offsets[:count]
        self._keep_unreplicated(log_start_offset, NEVER)

    def forget(self, marker_offset: Offset) -> None:
        """Forget that a transaction was aborted of which the log has nothing left but its marker.

        A reader that was told of it would wait for a marker that may be gone, and take what its
        producer has written since for aborted, too.
        """
        at = bisect_left(self._last_offsets, marker_offset)
        if self._last_offsets[at : at + 1] == [marker_offset]:
            del self.aborted[at], self._last_offsets[at]

    def truncate(self, end_offset: Offset, still_open: Iterable[Offset]) -> None:
        """Forget the markers that were cut off.

        Args:
            end_offset: of the log, now.
            still_open: first offsets of the transactions that are open now.
        """
        count = bisect_left(self._last_offsets, end_offset)
        del self.aborted[count:], self._last_offsets[count:]
        self._open = sorted(still_open)
        self._keep_unreplicated(0, end_offset)

    def aborted_within(
        self, offset: Offset, end_offset: Offset
    ) -> list[tuple[ProducerId, Offset]]:
        """Return producer and first offset of the aborted transactions that a reader must know.

        Args:
            offset: first offset that it is given.
            end_offset: exclusive.
        """
        found: list[tuple[ProducerId, Offset]] = []
        for each in self.aborted[bisect_left(self._last_offsets, offset) :]:
            if each.first_offset < end_offset:
                found.append((each.producer_id, each.first_offset))
            if each.last_stable_offset >= end_offset:
                break  # what was aborted later began behind
        return found

    def is_aborted(self, producer_id: ProducerId, offset: Offset) -> bool:
        """Say whether a transactional record of this producer is part of an aborted one."""
        for each in self.aborted[bisect_left(self._last_offsets, offset) :]:
            if each.producer_id == producer_id:
                return (
                    each.first_offset <= offset
                )  # its next abort: of this one, or a later one
        return False

    def _keep_unreplicated(self, from_marker: Offset, to_marker: Offset) -> None:
        self.unreplicated = {
            first: marker
            for first, marker in self.unreplicated.items()
            if from_marker <= marker < to_marker
        }
        self.first_unstable = min([*self.unreplicated, *self._open[:1]], default=NEVER)

    def __repr__(self) -> str:
        return f"TransactionIndex(open={self._open} aborted={self.aborted})"
