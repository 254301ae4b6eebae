"""What compaction leaves of a log: of each key the newest record, and that for a time only if it
is a tombstone.

Who copies the log later than that misses the tombstone, and goes on with what it deleted, as in
Kafka. That is no fault of the brokers: there is delete.retention.ms for it, and a clock that leaps
takes it away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from minikafka.base.ids import Offset
from minikafka.log.partition_log import PartitionLog
from minikafka.log.segment import Segment
from minikafka.records.batch import Batch
from minikafka.records.markers import decode_marker
from minikafka.records.records import Record, decode_records

__all__ = ["gone", "misses", "newest_values"]


def gone(log: PartitionLog, sources: Iterable[Segment]) -> Iterator[tuple[Batch, Record]]:
    """Yield the newest committed record of each key whose last one a compaction has taken.

    Args:
        sources: the segments as they were.
    """
    before = [batch for segment in sources for batch in segment.batches]
    end = before[-1].next_offset if before else 0
    behind = [batch for batch in log.batches() if batch.base_offset >= end]
    aborted = _aborted([*before, *behind])
    newest = _by_key(before, log.high_watermark, aborted)
    left = _by_key(log.batches(), log.high_watermark, aborted)
    for key, (batch, record) in newest.items():
        if key not in left or left[key][1].offset < record.offset:
            yield batch, record


def misses(
    forgotten: Iterable[Offset], batches: Sequence[Batch], start: Offset, end: Offset
) -> bool:
    """Say whether what is copied from `start` to `end`, exclusive, lacks one of some records."""
    passed = [offset for offset in forgotten if start <= offset < end]
    if not passed:
        return False
    held = {record.offset for batch in batches for record in decode_records(batch)}
    return any(offset not in held for offset in passed)


def newest_values(log: PartitionLog) -> dict[bytes, tuple[Offset, bytes]]:
    """Return of each key that is not deleted the newest committed value, and where it lies."""
    return {
        key: (record.offset, record.value)
        for key, (_, record) in _by_key(
            log.batches(), log.high_watermark, _aborted(log.batches())
        ).items()
        if record.value is not None
    }


def _aborted(batches: Iterable[Batch]) -> dict[Offset, None]:
    """Return the base offsets of the batches whose transactions were aborted."""
    found: dict[Offset, None] = {}
    pending: dict[int, list[Offset]] = {}
    for batch in batches:
        if batch.is_control:
            marker, ended = decode_marker(batch), pending.pop(batch.producer_id, [])
            if marker is not None and not marker.committed:
                found.update(dict.fromkeys(ended))
        elif batch.is_transactional:
            pending.setdefault(batch.producer_id, []).append(batch.base_offset)
    return found


def _by_key(
    batches: Iterable[Batch], end_offset: Offset, aborted: Mapping[Offset, None]
) -> dict[bytes, tuple[Batch, Record]]:
    """Return the last record of each key that counts, and its batch."""
    return {
        record.key: (batch, record)
        for batch in batches
        if batch.next_offset <= end_offset
        and not batch.is_control
        and batch.base_offset not in aborted
        for record in decode_records(batch)
        if record.key is not None
    }
