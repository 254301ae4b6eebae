"""Which segments of a log have outlived its retention.

Counterpart: UnifiedLog.deleteOldSegments. Chooses, and leaves the deleting to the log.

Rules of this file
    Nothing is deleted that is not committed.
"""

from __future__ import annotations

from collections.abc import Sequence

from minikafka.base.config import LogConfig
from minikafka.base.ids import Offset
from minikafka.log.partition_log import PartitionLog
from minikafka.log.segment import Segment

__all__ = ["apply_retention", "retained_from"]


def apply_retention(log: PartitionLog, now_timestamp_ms: int) -> Offset:
    """Delete the segments that retention.ms and retention.bytes give up.

    Returns the log start offset, never beyond the high watermark.
    """
    segments = log.segments
    count = retained_from(segments, log.config, log.high_watermark, now_timestamp_ms)
    if count == len(segments):
        log.advance_log_start(log.log_end_offset)
        log.roll()
    elif count:
        log.advance_log_start(segments[count].base_offset)
    return log.log_start_offset


def retained_from(
    segments: Sequence[Segment],
    config: LogConfig,
    high_watermark: Offset,
    now_timestamp_ms: int,
) -> int:
    """Return how many of the oldest segments to delete, all of them included.

    A segment goes as a whole, and only when it lies below the high watermark: what no consumer
    could read yet is never deleted (KAFKA-5634). One without any timestamp does not age.
    """
    if not config.deleted:
        return 0
    count = 0
    while count < len(segments) and (
        _expired(segments[count], config, now_timestamp_ms)
        # Compaction may leave nothing of a segment; the active one may have nothing yet.
        or (not segments[count].size and count < len(segments) - 1)
    ):
        count += 1
    size_bytes = sum(segment.size for segment in segments)
    by_size = 0
    if config.retention_bytes >= 0:
        surplus = size_bytes - config.retention_bytes
        while (
            by_size < len(segments)
            and surplus >= segments[by_size].size
            and (segments[by_size].size or by_size < len(segments) - 1)
        ):
            surplus -= segments[by_size].size
            by_size += 1
    count = max(count, by_size)
    while count and segments[count - 1].next_offset > high_watermark:
        count -= 1
    return count


def _expired(segment: Segment, config: LogConfig, now_timestamp_ms: int) -> bool:
    return (
        config.retention_ms >= 0
        and segment.size > 0
        and segment.max_timestamp_ms >= 0
        and now_timestamp_ms - segment.max_timestamp_ms > config.retention_ms
    )
