"""Offsets that producers commit in transactions, until the markers come.

Counterpart: the pendingTransactionalOffsets and openTransactions of OffsetMetadataManager. KIP-98, KIP-447.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from minikafka.base.ids import ProducerId, TopicPartition
from minikafka.groups.records import OffsetCommitted, PendingOffset, TransactionEnded

__all__ = ["PendingOffsets"]


class _Pending(NamedTuple):
    """An offset, and its place among all of them; None where a later one stands in for it."""

    place: int
    offset: OffsetCommitted | None


class PendingOffsets:
    """What open transactions have of one partition of `__consumer_offsets`: a fold of its log.

    The later one in the log wins, also over what counts later: an offset of a transaction that
    something else was committed after does not come back with the marker.
    """

    def __init__(self) -> None:
        self._producers: dict[ProducerId, dict[tuple[str, TopicPartition], _Pending]] = {}
        self._places = 0

    def add(self, record: PendingOffset) -> None:
        """Take over an offset of a transaction."""
        self._places += 1
        offsets = self._producers.setdefault(record.producer_id, {})
        offsets[_key(record.offset)] = _Pending(self._places, record.offset)

    def supersede(self, offset: OffsetCommitted) -> None:
        """Note that an offset was committed, later in the log than all of these."""
        self._supersede(offset, self._places)

    def _supersede(self, offset: OffsetCommitted, place: int) -> None:
        key = _key(offset)
        for offsets in self._producers.values():
            found = offsets.get(key)
            if found is not None and found.place <= place:
                offsets[key] = found._replace(offset=None)

    def end(self, record: TransactionEnded) -> Sequence[OffsetCommitted]:
        """End a producer's transaction; return the offsets that count from now on."""
        ended = self._producers.pop(record.producer_id, {})
        if not record.committed:
            return ()
        counting = []
        for place, offset in ended.values():
            if offset is not None:
                self._supersede(offset, place)
                counting.append(offset)
        return counting

    def of_group(self, group_id: str) -> Collection[TopicPartition]:
        """Return the partitions of which a transaction that goes on has an offset of a group."""
        return {
            partition: None
            for offsets in self._producers.values()
            for name, partition in offsets
            if name == group_id
        }.keys()


def _key(offset: OffsetCommitted) -> tuple[str, TopicPartition]:
    return offset.group_id, TopicPartition(offset.topic, offset.partition)
