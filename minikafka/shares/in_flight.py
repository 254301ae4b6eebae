"""The records of a share-partition that are between its start and its end, as slices.

A slice is a range of offsets with one state; it is divided into single offsets when only a part
of it is meant. Knows no rule of delivery, but keeps slices sorted and apart.
Counterpart: SharePartition's cachedState, InFlightBatch and InFlightState. KIP-932.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from minikafka.base.errors import BrokerBug
from minikafka.base.ids import Offset
from minikafka.shares.state_batches import RecordState, StateBatch

__all__ = ["NOBODY", "InFlight", "Slice"]

NOBODY = ""
"""The member id of what no member holds."""


class Slice:
    """Records with one state; `first` and `last` are inclusive.

    Attributes:
        member_id: who holds it; NOBODY unless it is acquired.
        deadline_ms: when its lock ends, monotonic; None unless it is acquired.
        before: state, count, holder and deadline to go back to, while it is not written down yet
            that it has left them; else None.
    """

    __slots__ = (
        "before",
        "deadline_ms",
        "delivery_count",
        "first",
        "last",
        "member_id",
        "state",
    )

    def __init__(
        self,
        first: Offset,
        last: Offset,
        state: RecordState,
        delivery_count: int,
        member_id: str = NOBODY,
        deadline_ms: int | None = None,
    ) -> None:
        self.first = first
        self.last = last
        self.state = state
        self.delivery_count = delivery_count
        self.member_id = member_id
        self.deadline_ms = deadline_ms
        self.before: tuple[RecordState, int, str, int | None] | None = None

    @property
    def count(self) -> int:
        """How many offsets it spans."""
        return self.last - self.first + 1

    @property
    def is_available(self) -> bool:
        """Say whether it may be delivered now."""
        return self.state is RecordState.AVAILABLE and self.before is None

    @property
    def is_acquired(self) -> bool:
        """Say whether a member holds it and has not spoken of it yet."""
        return self.state is RecordState.ACQUIRED and self.before is None

    @property
    def is_done(self) -> bool:
        """Say whether it never will be delivered again."""
        done = self.state in (RecordState.ACKNOWLEDGED, RecordState.ARCHIVED)
        return done and self.before is None

    def become(
        self,
        state: RecordState,
        delivery_count: int,
        member_id: str = NOBODY,
        deadline_ms: int | None = None,
    ) -> None:
        """Take another state."""
        self.state = state
        self.delivery_count = delivery_count
        self.member_id = member_id
        self.deadline_ms = deadline_ms

    def batch(self) -> StateBatch:
        """Return the state as it is written down."""
        return StateBatch(self.first, self.last, int(self.state), self.delivery_count)


def _first(each: Slice) -> Offset:
    return each.first


class InFlight:
    """Slices in offset order, none over another. What lies between two of them is unknown."""

    def __init__(self) -> None:
        self._slices: list[Slice] = []

    def __iter__(self) -> Iterator[Slice]:
        return iter(self._slices)

    def __len__(self) -> int:
        return len(self._slices)

    def floor(self, offset: Offset) -> Slice | None:
        """Return the last slice that begins at or below an offset."""
        index = bisect_right(self._slices, offset, key=_first)
        return self._slices[index - 1] if index else None

    def holder(self, offset: Offset) -> tuple[str, int] | None:
        """Return who holds a record, and until when; None where nobody does."""
        each = self.floor(offset)
        if each is None or offset > each.last or not each.is_acquired:
            return None
        assert each.deadline_ms is not None
        return each.member_id, each.deadline_ms

    def ending_from(self, offset: Offset) -> Iterator[Slice]:
        """Return, in order, the slices that end at or above an offset; not to be changed meanwhile."""
        index = bisect_right(self._slices, offset, key=_first)
        if index and self._slices[index - 1].last >= offset:
            index -= 1
        slices = self._slices
        while index < len(slices):
            yield slices[index]
            index += 1

    def within(self, first: Offset, last: Offset) -> list[Slice]:
        """Return the slices that have an offset in this range, both ends included."""
        found = []
        for each in self.ending_from(first):
            if each.first > last:
                break
            found.append(each)
        return found

    def insert(self, new: Slice) -> None:
        """Take in a slice where there is none."""
        index = bisect_right(self._slices, new.first, key=_first)
        before = self._slices[index - 1] if index else None
        after = self._slices[index] if index < len(self._slices) else None
        if (before is not None and before.last >= new.first) or (
            after is not None and after.first <= new.last
        ):
            raise BrokerBug(f"{new.first}..{new.last} is there already")
        self._slices.insert(index, new)

    def divide(self, whole: Slice) -> list[Slice]:
        """Put single offsets in the place of a slice, in the same state; return them."""
        if whole.before is not None:
            raise BrokerBug(f"{whole.first}..{whole.last} is on its way to another state")
        if whole.count == 1:
            return [whole]
        index = bisect_right(self._slices, whole.first, key=_first) - 1
        assert self._slices[index] is whole
        parts = [
            Slice(
                offset,
                offset,
                whole.state,
                whole.delivery_count,
                whole.member_id,
                whole.deadline_ms,
            )
            for offset in range(whole.first, whole.last + 1)
        ]
        self._slices[index : index + 1] = parts
        # Nobody is to wait for its lock any more.
        whole.deadline_ms = None
        return parts

    def cut(self, start_offset: Offset) -> None:
        """Forget everything below an offset."""
        index = 0
        while index < len(self._slices) and self._slices[index].last < start_offset:
            index += 1
        del self._slices[:index]
        if self._slices and self._slices[0].first < start_offset:
            self._slices[0].first = start_offset

    def take_done(self, start_offset: Offset) -> Offset:
        """Forget what is done at the start; return where the rest begins."""
        index = 0
        for each in self._slices:
            if each.first != start_offset or not each.is_done:
                break
            start_offset = each.last + 1
            index += 1
        del self._slices[:index]
        return start_offset
