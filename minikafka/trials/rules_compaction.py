"""Rules of compacted logs: S4. The names are those of docs/invariants.md."""

from __future__ import annotations

from collections.abc import Iterator

from minikafka.base.ids import Offset
from minikafka.log.partition_log import PartitionLog
from minikafka.records.batch import Batch
from minikafka.records.records import Record, decode_records
from minikafka.trials.invariants import CompactedLog, check

__all__ = ["REGISTERED_HERE", "newest_values"]

REGISTERED_HERE = ("S4",)


@check("S4", "compacted")
def _compaction_spares_the_newest(event: CompactedLog) -> str | None:
    """Of each key the newest committed record is still there, or it was an old tombstone."""
    newest: dict[bytes, tuple[Batch, Record]] = {}
    for segment in event.sources:
        newest.update(_by_key(iter(segment.batches), event.log.high_watermark))
    left = _by_key(event.log.batches(), event.log.high_watermark)
    now_timestamp_ms = event.clock.wall_ms()
    for key, (batch, record) in newest.items():
        if key in left and left[key][1].offset >= record.offset:
            continue
        horizon_ms = batch.delete_horizon_ms
        if record.value is None and horizon_ms is not None and horizon_ms <= now_timestamp_ms:
            continue
        return (
            f"broker {event.broker} has compacted {event.log.partition}, and the newest record "
            f"of key {key!r} is gone, which was at offset {record.offset}"
        )
    return None


def newest_values(log: PartitionLog) -> dict[bytes, tuple[Offset, bytes]]:
    """Return of each key that is not deleted the newest committed value, and where it lies."""
    return {
        key: (record.offset, record.value)
        for key, (_, record) in _by_key(log.batches(), log.high_watermark).items()
        if record.value is not None
    }


def _by_key(batches: Iterator[Batch], end_offset: Offset) -> dict[bytes, tuple[Batch, Record]]:
    """Return the last record of each key, and its batch."""
    return {
        record.key: (batch, record)
        for batch in batches
        if batch.next_offset <= end_offset and not batch.is_control
        for record in decode_records(batch)
        if record.key is not None
    }
