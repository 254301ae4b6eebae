"""Searches for a record by its time.

Counterparts: UnifiedLog.fetchOffsetByTimestamp, LogSegment.findOffsetByTimestamp. KIP-33,
KIP-79, KIP-734.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from minikafka.base.ids import LeaderEpoch, Offset
from minikafka.log.partition_log import PartitionLog
from minikafka.log.segment import Segment
from minikafka.records.records import decode_records

__all__ = ["TimestampOffset", "max_timestamp", "offset_for_timestamp"]


class TimestampOffset(NamedTuple):
    """A record: its time, its offset, and the leader epoch it was written in."""

    timestamp_ms: int
    offset: Offset
    leader_epoch: LeaderEpoch


def offset_for_timestamp(
    log: PartitionLog, timestamp_ms: int, end_offset: Offset
) -> TimestampOffset | None:
    """Return the first record at or after `timestamp_ms`, None if not below `end_offset`."""
    found = _find_timestamp(log.segments, timestamp_ms, log.log_start_offset)
    return None if found is None or found.offset >= end_offset else found


def max_timestamp(log: PartitionLog, end_offset: Offset) -> TimestampOffset | None:
    """Return the first record with the log's largest timestamp (KIP-734).

    None where there is none, and, as in Kafka, where it does not lie below `end_offset`,
    though an earlier record may.
    """
    found = _find_max_timestamp(log.segments)
    return None if found is None or found.offset >= end_offset else found


def _find_timestamp(
    segments: Iterable[Segment], timestamp_ms: int, from_offset: Offset
) -> TimestampOffset | None:
    """Return the first record, by offset, at or behind `from_offset` and not earlier than asked.

    The times of records need not rise with their offsets. Opens one batch as a rule.

    Raises:
        KafkaError: CORRUPT_MESSAGE where the records of that batch cannot be decoded.
    """
    for segment in segments:
        if segment.max_timestamp_ms < timestamp_ms:
            continue
        for batch in segment.batches_since(timestamp_ms):
            if batch.max_timestamp_ms < timestamp_ms or batch.last_offset < from_offset:
                continue
            for record in decode_records(batch):
                if record.timestamp_ms >= timestamp_ms and record.offset >= from_offset:
                    return TimestampOffset(
                        record.timestamp_ms, record.offset, batch.leader_epoch
                    )
    return None


def _find_max_timestamp(segments: Iterable[Segment]) -> TimestampOffset | None:
    """Return the first record with the largest timestamp of all, None without records.

    Source: KAFKA-16310 (the record, not the batch, compressed or not).

    Raises:
        KafkaError: CORRUPT_MESSAGE where the records of that batch cannot be decoded.
    """
    latest: Segment | None = None
    for segment in segments:
        if segment.size and (
            latest is None or segment.max_timestamp_ms > latest.max_timestamp_ms
        ):
            latest = segment
    if latest is None:
        return None
    batch = latest.batches_since(latest.max_timestamp_ms)[0]
    for record in decode_records(batch):
        if record.timestamp_ms == batch.max_timestamp_ms:
            return TimestampOffset(record.timestamp_ms, record.offset, batch.leader_epoch)
    return None
