"""What compaction leaves of a log: of each key the newest record.

Pure: goes through closed segments below the high watermark, in steps, and says which batches
stand for them afterwards; the log takes them over (`PartitionLog.replace`). Offsets stay as they
are, so a compacted log has gaps. Counterparts: LogCleanerManager, Cleaner. KIP-354.

Rules of this file
    Of each key the newest committed record stays, but for a tombstone past its delete horizon.
    Only what is committed is compacted, or counts as newer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from minikafka.base.ids import Offset, ProducerId
from minikafka.log.partition_log import PartitionLog
from minikafka.log.segment import Segment
from minikafka.records.batch import Batch
from minikafka.records.builder import keep_records
from minikafka.records.markers import decode_marker
from minikafka.records.records import Record, decode_records

__all__ = ["Backlog", "Compaction", "backlog", "compacted_batch"]

_NO_PRODUCER: ProducerId = -1


class Backlog(NamedTuple):
    """What there is to compact in a log.

    Attributes:
        segments: how many of the oldest ones would be gone through.
        dirty_from: the first offset that no compaction has seen.
        ratio: of the bytes not seen yet to all that would be gone through; 0 without any.
        overdue: something has waited for longer than max.compaction.lag.ms.
    """

    segments: int
    dirty_from: Offset
    ratio: float
    overdue: bool

    def is_due(self, min_cleanable_dirty_ratio: float) -> bool:
        """Say whether the log is to be compacted now."""
        return self.ratio > 0 and (self.overdue or self.ratio > min_cleanable_dirty_ratio)


def backlog(log: PartitionLog, now_timestamp_ms: int) -> Backlog:
    """Return what could be compacted: closed segments that are committed and old enough.

    No transaction in them is open, and all that end them are committed.
    """
    segments, config = log.segments, log.config
    count = 0
    for segment in segments[:-1]:
        young = (
            config.min_compaction_lag_ms > 0
            and segment.max_timestamp_ms > now_timestamp_ms - config.min_compaction_lag_ms
        )
        if young or segment.next_offset > log.last_stable_offset:
            break
        count += 1
    dirty_from = max(log.compacted_to, segments[0].base_offset)
    dirty = [segment for segment in segments[:count] if segment.base_offset >= dirty_from]
    dirty_bytes = sum(segment.size for segment in dirty)
    total = sum(segment.size for segment in segments[:count])
    oldest_ms = now_timestamp_ms - config.max_compaction_lag_ms
    overdue = any(0 <= _first_timestamp(segment) < oldest_ms for segment in dirty)
    return Backlog(count, dirty_from, dirty_bytes / total if dirty_bytes else 0.0, overdue)


def _first_timestamp(segment: Segment) -> int:
    return segment.batches[0].max_timestamp_ms if segment.batches else -1


class Compaction:
    """One pass over one log.

    Args:
        found: what `backlog` says of the log now.
        now_timestamp_ms: wall-clock time, for delete horizons.
        producer_expiry_ms: of a producer that has not written for so long nothing is kept.

    Attributes:
        end: exclusive; what lies below has been seen, once all steps are done.
    """

    def __init__(
        self,
        log: PartitionLog,
        found: Backlog,
        now_timestamp_ms: int,
        producer_expiry_ms: int,
    ) -> None:
        self._log = log
        self._segments = log.segments[: found.segments]
        self.end = log.segments[found.segments].base_offset  # of closed ones only
        self._dirty_from = found.dirty_from
        self._now_ms = now_timestamp_ms
        self._active_since_ms = now_timestamp_ms - producer_expiry_ms
        self._newest: dict[bytes, Offset] = {}
        self._last_of: dict[ProducerId, Offset] = {}
        self._unended: dict[
            ProducerId, None
        ] = {}  # transactions with something left in the log

    def steps(self) -> Iterator[int]:
        """Do the work; yields bytes looked at since the last step, so that others get their turn.

        Where the log has changed in between, by a truncation or by retention, what is left is
        given up; the next pass takes it.
        """
        for segment in self._segments:
            if segment.base_offset >= self._dirty_from:
                for batch in segment.batches:
                    self._note_keys(batch)
                    yield batch.size
        self._note_producers()
        sources: list[Segment] = []
        kept: list[Batch] = []
        for segment in self._segments:
            left: list[Batch] = []
            for batch in tuple(segment.batches):
                yield batch.size
                found = self._compacted(batch)
                if found is not None:
                    left.append(found)
            if sources and _size(kept) + _size(left) > self._log.config.segment_bytes:
                if not self._log.replace(sources, kept):
                    return
                sources, kept = [], []
            sources.append(segment)
            kept += left
        if sources and self._log.replace(sources, kept):
            self._log.compacted_to = self.end

    def _note_keys(self, batch: Batch) -> None:
        if batch.is_control or self._is_aborted(batch):
            return
        for record in decode_records(batch):
            if record.key is not None:
                self._newest[record.key] = record.offset

    def _note_producers(self) -> None:
        """Find the last batch of each producer: its sequence number has to stay known."""
        for batch in self._log.batches():
            if batch.producer_id != _NO_PRODUCER and not batch.is_control:
                self._last_of[batch.producer_id] = batch.base_offset

    def _is_aborted(self, batch: Batch) -> bool:
        transactions = self._log.producers.transactions
        return batch.is_transactional and transactions.is_aborted(
            batch.producer_id, batch.base_offset
        )

    def _compacted(self, batch: Batch) -> Batch | None:
        if batch.is_control:
            return self._compacted_marker(batch)
        if batch.is_transactional:
            self._unended[batch.producer_id] = None
        retention_ms = self._log.config.delete_retention_ms
        found = None
        if not self._is_aborted(batch):
            found = compacted_batch(batch, self._newest, self._now_ms, retention_ms)
        if found is not None and found.record_count:
            return found
        is_last = self._last_of.get(batch.producer_id) == batch.base_offset
        expired = not is_last or batch.max_timestamp_ms < self._active_since_ms
        if expired and batch.next_offset < self._log.log_end_offset:
            return None
        # Who copies the log must come to its end, whatever becomes of the last record.
        return found or keep_records(batch, (), now_timestamp_ms=self._now_ms)

    def _compacted_marker(self, batch: Batch) -> Batch | None:
        """Return what stays of a control batch: no marker without a transaction, but for a time.

        Who has read some of a transaction, or copied it, has delete.retention.ms to come to its
        end (KAFKA-8522). The last marker of a producer stays until that expires:
        DIVERGENCE(last-marker-stays), as a start knows the producer's epoch from it.
        """
        if batch.record_count and decode_marker(batch) is None:
            return batch  # not of a transaction
        if batch.producer_id in self._unended:
            # Of this one there was something left as this pass came by; perhaps not any more.
            del self._unended[batch.producer_id]
            return batch
        self._log.producers.transactions.forget(batch.last_offset)
        entry = self._log.producers.entries.get(batch.producer_id)
        is_last = entry is not None and entry.last_offset == batch.last_offset
        if is_last and batch.max_timestamp_ms >= self._active_since_ms:
            return batch
        horizon_ms = batch.delete_horizon_ms
        if horizon_ms is None:
            return keep_records(
                batch,
                decode_records(batch),
                now_timestamp_ms=self._now_ms,
                delete_horizon_ms=self._now_ms + self._log.config.delete_retention_ms,
            )
        if self._now_ms < horizon_ms:
            return batch
        if batch.next_offset < self._log.log_end_offset:
            return None
        return keep_records(batch, (), now_timestamp_ms=self._now_ms)


def compacted_batch(
    batch: Batch,
    newest: Mapping[bytes, Offset],
    now_timestamp_ms: int,
    delete_retention_ms: int,
) -> Batch | None:
    """Return what stays of a batch: itself where all does, None where nothing does.

    A tombstone stays for delete.retention.ms from the first compaction that sees it on, so that
    who reads the log from its beginning within that time hears of the deletion (KAFKA-8522).

    Args:
        newest: offset of the newest record of each key; without those that are only old.
    """
    if not batch.record_count:
        return batch
    records = decode_records(batch)
    horizon_ms = batch.delete_horizon_ms
    expired = horizon_ms is not None and now_timestamp_ms >= horizon_ms
    kept = [record for record in records if _stays(record, newest, expired)]
    if not kept:
        return None
    marked = horizon_ms is None and any(record.value is None for record in kept)
    if len(kept) == len(records) and not marked:
        return batch
    return keep_records(
        batch,
        kept,
        now_timestamp_ms=now_timestamp_ms,
        delete_horizon_ms=now_timestamp_ms + delete_retention_ms if marked else None,
    )


def _stays(record: Record, newest: Mapping[bytes, Offset], expired: bool) -> bool:
    if record.key is None:  # written before the topic was compacted
        return False
    if record.offset < newest.get(record.key, record.offset):
        return False
    return record.value is not None or not expired


def _size(batches: Sequence[Batch]) -> int:
    return sum(batch.size for batch in batches)
