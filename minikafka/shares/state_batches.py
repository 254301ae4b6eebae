"""States of records as they are written down: ranges of offsets with a state and a count.

Counterpart: SharePartition.RecordState, PersisterStateBatch, PersisterStateBatchCombiner. KIP-932.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from heapq import heappop, heappush
from itertools import pairwise
from typing import NamedTuple

from minikafka.base.ids import Offset

__all__ = ["RecordState", "StateBatch", "combine"]


class RecordState(IntEnum):
    """What has become of a record, by Kafka's numbers."""

    AVAILABLE = 0
    """May be delivered, for the first time or again."""
    ACQUIRED = 1
    """Delivered to one member, until its lock ends; never written down."""
    ACKNOWLEDGED = 2
    """Processed."""
    ARCHIVED = 4
    """Not to be delivered any more: rejected, delivered too often, or not there."""


class StateBatch(NamedTuple):
    """Records that share a state; `first` and `last` are inclusive."""

    first: Offset
    last: Offset
    state: int
    delivery_count: int


def combine(
    so_far: Iterable[StateBatch], later: Iterable[StateBatch], start_offset: Offset
) -> tuple[StateBatch, ...]:
    """Return both as one: in offset order, without overlaps, and as few as it takes.

    Of two that speak of the same record the one with more deliveries holds, then the one further
    on in the order of states; so the order in which they were written does not matter.

    Args:
        start_offset: what lies below is left out; -1 to leave out nothing.

    >>> combine([StateBatch(0, 9, 0, 1)], [StateBatch(4, 9, 2, 1)], 2)
    (StateBatch(first=2, last=3, state=0, delivery_count=1), StateBatch(first=4, last=9, state=2, delivery_count=1))
    """
    batches = [each for each in (*so_far, *later) if each.last >= start_offset]
    batches.sort(key=lambda each: each.first)
    edges = dict.fromkeys(max(each.first, start_offset) for each in batches)
    edges |= dict.fromkeys(each.last + 1 for each in batches)
    points = sorted(edges)
    found: list[StateBatch] = []
    # Those that may cover the present position, the one that holds on top.
    open_: list[tuple[int, int, Offset]] = []
    index = 0
    for first, end in pairwise(points):
        while index < len(batches) and batches[index].first <= first:
            each = batches[index]
            heappush(open_, (-each.delivery_count, -each.state, each.last))
            index += 1
        while open_ and open_[0][2] < first:
            heappop(open_)
        if open_:
            count, state, _ = open_[0]
            _add(found, StateBatch(first, end - 1, -state, -count))
    return tuple(found)


def _add(found: list[StateBatch], batch: StateBatch) -> None:
    """Put a batch behind the others, as part of the last where that is of its kind."""
    if found and found[-1].last + 1 == batch.first and found[-1][2:] == batch[2:]:
        found[-1] = found[-1]._replace(last=batch.last)
    else:
        found.append(batch)
