"""One replica's log of one partition.

Appends and truncates whole batches, `reading.py` reads them; owns log start, log end and high
watermark. Knows not who leads or what time it is. Counterpart: UnifiedLog, LocalLog. KIP-32, KIP-101, KIP-107.

Rules of this file
    End offsets are exclusive.
    Bytes of a batch are never copied: storage, segments and readers share them.
    Every change keeps what `check_invariants` says.
    A start makes nothing committed.
"""

from __future__ import annotations

from collections.abc import Sequence

from minikafka.base.config import LogConfig
from minikafka.base.errors import BrokerBug, ErrorCode, KafkaError
from minikafka.base.ids import NO_LEADER_EPOCH, LeaderEpoch, Offset, TopicId, TopicPartition
from minikafka.log.epoch_cache import EpochCache
from minikafka.log.observer import LogObserver
from minikafka.log.opening import open_log
from minikafka.log.producer_state import AppendOrigin, ProducerStates
from minikafka.log.reading import ReadableLog
from minikafka.log.recovery import write_log_start
from minikafka.log.segment import AppendInfo, Segment, Slice
from minikafka.log.segments import Segments
from minikafka.log.storage import Storage
from minikafka.records.batch import Batch, stamp

__all__ = ["AppendInfo", "PartitionLog", "Slice"]


class PartitionLog(ReadableLog):
    """The log of one partition on one broker.

    Opened over a storage that holds its files already, it goes on from the longest valid
    prefix of them, with the high watermark at the log start offset: what was committed is for
    the leader to say.

    Args:
        partition: for messages.
        topic_id: of the topic the files belong to.
        config: of the topic; `configure` changes it.
        storage: of this broker.
        name: directory of the files, `<topic>-<partition>`.
        observer: told of each change.
    """

    __slots__ = (
        "_log_append_time", "_observer", "_segment_bytes", "_storage", "_storage_append",
        "compacted_to", "config", "durable_end_offset", "name", "topic_id",
    )  # fmt: skip

    durable_end_offset: Offset  # exclusive: what a power loss would leave
    compacted_to: Offset  # exclusive: what the last compaction since the start has seen

    def __init__(
        self,
        partition: TopicPartition,
        topic_id: TopicId,
        config: LogConfig,
        storage: Storage,
        *,
        name: str,
        observer: LogObserver | None = None,
    ) -> None:
        self._observer = observer
        self.partition = partition
        self.topic_id = topic_id
        self.name = name
        self._storage = storage
        self._storage_append = storage.append
        self.epochs = EpochCache()
        self.producers = ProducerStates()
        self.compacted_to = 0
        self._segments = Segments(storage, name)
        self._open()
        self.configure(config)
        if observer is not None:
            observer.opened(self)

    def configure(self, config: LogConfig) -> None:
        """Go by `config` from now on; what is written stays as it is."""
        self.config = config
        self._segment_bytes = config.segment_bytes
        self._log_append_time = config.log_append_time
        self._segments.active.limit_age(config.max_segment_ms)

    # --- append: the hot path ---

    def append_as_leader(
        self,
        batch: Batch,
        leader_epoch: LeaderEpoch,
        *,
        now_timestamp_ms: int,
        origin: AppendOrigin = AppendOrigin.CLIENT,
    ) -> AppendInfo:
        """Write a validated batch at the log end offset, stamped with its offsets and epoch.

        One of its producer's last five batches is not written again, but answered as it was.

        Args:
            batch: writable and in no log; belongs to the log afterwards.
            leader_epoch: of the leadership that appends, never less than `last_epoch`.
            now_timestamp_ms: wall-clock time, for a topic with LogAppendTime.
            origin: what is asked of a batch with a producer id.

        Raises:
            KafkaError: RECORD_LIST_TOO_LARGE for a batch larger than a segment may be, and what
                `ProducerStates.validate` raises; nothing has changed then.
        """
        idempotent = batch.producer_id >= 0
        if idempotent and (known := self.producers.validate(batch, origin)) is not None:
            _, _, first, last, timestamp_ms = known
            return AppendInfo(first, last, timestamp_ms, self.log_start_offset, duplicate=True)
        base_offset = self.log_end_offset
        size = batch.size
        log_append_time_ms = -1
        if self._log_append_time:
            log_append_time_ms = now_timestamp_ms
            stamp(batch, base_offset, leader_epoch, now_timestamp_ms)
        else:
            stamp(batch, base_offset, leader_epoch)
        segment = self._segments.active
        if (
            segment.size + size > self._segment_bytes
            or batch.max_timestamp_ms > segment.roll_after_timestamp_ms
            or not segment.size
        ):
            if size > self._segment_bytes:
                message = f"batch of {size} bytes, segment.bytes is {self._segment_bytes}"
                raise KafkaError(ErrorCode.RECORD_LIST_TOO_LARGE, message)
            segment = self._segment_for(batch)
        if leader_epoch != self.epochs.latest_epoch:
            self._begin_epoch(leader_epoch, base_offset)
        self._storage_append(segment.name, batch.view)
        segment.append(batch)
        self.log_end_offset = batch.last_offset + 1
        if idempotent:
            self.producers.take(batch)
        if self._observer is not None:
            self._observer.appended(self, (batch,))
        return AppendInfo(
            base_offset, batch.last_offset, log_append_time_ms, self.log_start_offset
        )

    def append_as_follower(self, batches: Sequence[Batch], committed_below: Offset = 0) -> None:
        """Write batches as the leader has them; they continue at the log end offset.

        An empty log also takes a first batch that holds its log end offset in the middle:
        the leader's log may start inside a batch, after DeleteRecords. What is committed may
        have gaps, as compaction leaves them.

        Args:
            committed_below: the leader's high watermark, exclusive.

        Raises:
            BrokerBug: offsets leave a gap or overlap, or a leader epoch falls.
        """
        for batch in batches:
            base_offset = batch.base_offset
            if base_offset != self.log_end_offset:
                self._leave_gap(batch, min(committed_below, batches[-1].base_offset))
            segment = self._segments.active
            if (
                segment.size + batch.size > self._segment_bytes
                or batch.max_timestamp_ms > segment.roll_after_timestamp_ms
                or not segment.size
            ):
                segment = self._segment_for(batch)
            if batch.leader_epoch != self.epochs.latest_epoch:
                self._begin_epoch(batch.leader_epoch, max(base_offset, self.log_start_offset))
            self._storage_append(segment.name, batch.view)
            segment.append(batch)
            self.log_end_offset = batch.last_offset + 1
            if batch.producer_id >= 0:
                self.producers.take(batch)
        if self._observer is not None and batches:
            self._observer.appended(self, batches)

    # --- offsets ---

    def advance_high_watermark(self, offset: Offset) -> bool:
        """Raise the high watermark to `offset`, exclusive; True if it moved, never back.

        Raises:
            BrokerBug: `offset` lies beyond the log end offset.
        """
        if offset <= self.high_watermark:
            return False
        if offset > self.log_end_offset:
            raise BrokerBug(f"{self}: high watermark {offset} beyond the log end")
        old, self.high_watermark = self.high_watermark, offset
        if self.producers.transactions.unreplicated:
            self.producers.transactions.on_high_watermark(offset)
        if self._observer is not None:
            self._observer.watermark_moved(self, old)
        return True

    def advance_log_start(self, offset: Offset) -> None:
        """Make `offset` the first readable one and delete the segments that lie below it.

        Inside a batch that batch stays whole: reads still return it, ListOffsets does not
        (KIP-107). No effect where the log already starts there or behind.

        Raises:
            KafkaError: OFFSET_OUT_OF_RANGE beyond the high watermark.
        """
        if offset > self.high_watermark:
            message = f"offset {offset} of {self.partition} is beyond the high watermark"
            raise KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, message)
        if offset <= self.log_start_offset:
            return
        self.log_start_offset = offset
        self.epochs.truncate_from_start(offset)
        self.producers.transactions.on_log_start(offset)
        self._drop_below_start()

    # --- truncation, rolling, compaction, durability ---

    def truncate_to(self, offset: Offset) -> None:
        """Remove all batches that reach `offset` or lie behind it; the log ends at most there.

        A batch that holds `offset` in its middle goes whole. Watermark, start and epochs follow.
        """
        if offset < self._segments.items[0].base_offset:
            self.truncate_fully(offset)
            return
        old_end = self.log_end_offset
        if offset >= old_end:
            self.epochs.truncate_from_end(offset)  # no batch, but an epoch (KAFKA-10706)
        else:
            self.log_end_offset = end = self._segments.truncate_to(offset)
            self.high_watermark = min(self.high_watermark, end)
            self.durable_end_offset = min(self.durable_end_offset, end)
            self.epochs.truncate_from_end(end)
            self.compacted_to = min(self.compacted_to, end)
            self._segments.allow_gaps(min(self.gaps_below, end), self.epochs)
            if self.log_start_offset > end:
                self.log_start_offset = end
                self._save_log_start()
            self.producers.truncate(end, self.batches())
        if self._observer is not None:
            self._observer.truncated(self, old_end)

    def truncate_fully(self, new_start: Offset) -> None:
        """Remove everything; the log is empty and goes on at `new_start`."""
        old_end = self.log_end_offset
        self._restart(new_start)
        if self._observer is not None:
            self._observer.truncated(self, old_end)

    def _restart(self, new_start: Offset) -> None:
        self._segments.restart_at(new_start)
        self.epochs.clear()
        self.producers.clear()
        self.log_start_offset = self.high_watermark = self.log_end_offset = new_start
        self.durable_end_offset = self.compacted_to = new_start
        self._segments.allow_gaps(0, self.epochs)
        self._save_log_start()

    def roll(self) -> None:
        """Close the active segment durably and start a new one; no effect while it is empty."""
        if self._segments.active.size:
            self.flush()
            self._segments.add(self.log_end_offset)
            self._drop_below_start()

    def replace(self, sources: Sequence[Segment], batches: Sequence[Batch]) -> bool:
        """Let `batches` stand for closed, committed segments that follow each other.

        Returns False, and does nothing, where they are no longer there.
        """
        items = self._segments.items
        first = self._segments.index_of(sources[0].base_offset)
        count = len(sources)
        if items[first : first + count] != list(sources) or first + count == len(items):
            return False
        if sources[-1].next_offset > self.high_watermark:
            return False
        gaps_below = max(self.gaps_below, items[first + count].base_offset)
        self._segments.allow_gaps(gaps_below, self.epochs)
        self._segments.replace(first, count, batches)
        if self._observer is not None:
            self._observer.compacted(self, sources, batches)
        return True

    def flush(self) -> None:
        """Make everything written so far durable."""
        self._segments.flush(self.durable_end_offset)
        self.durable_end_offset = self.log_end_offset

    def delete(self) -> None:
        """Remove all files, for a replica that is no longer ours; the log must not be used on."""
        for name in self._storage.list(f"{self.name}/"):
            self._storage.delete(name)

    # --- inside ---

    def _open(self) -> None:
        """Take over what the storage holds, or begin at offset 0."""
        opened = open_log(self._storage, self.name, self._segments)
        if isinstance(opened, int):
            self._restart(opened)
            return
        self.log_start_offset, self.log_end_offset = start, _ = opened[:2]
        self.high_watermark, self.epochs, self.producers = opened[2:]
        self.durable_end_offset = start
        self.flush()

    def _segment_for(self, batch: Batch) -> Segment:
        """Return the segment to append to: a new one where the active one has its fill."""
        self.roll()
        segment = self._segments.active
        if batch.max_timestamp_ms >= 0:
            segment.roll_after_timestamp_ms = (
                batch.max_timestamp_ms + self.config.max_segment_ms
            )
        return segment

    def _begin_epoch(self, leader_epoch: LeaderEpoch, start_offset: Offset) -> None:
        last = self._segments.last_batch
        if last is not None and leader_epoch < last.leader_epoch:
            raise BrokerBug(f"{self}: append in epoch {leader_epoch} behind {last!r}")
        if leader_epoch != NO_LEADER_EPOCH:
            self.epochs.assign(leader_epoch, start_offset)

    def _leave_gap(self, batch: Batch, committed_below: Offset) -> None:
        """Go on at a batch behind the end, if that is where compaction may have left a gap."""
        if not self.log_end_offset < batch.base_offset <= committed_below:
            self._begin_inside(batch)
        elif batch.base_offset > self.gaps_below:
            self._segments.allow_gaps(committed_below, self.epochs)

    def _begin_inside(self, batch: Batch) -> None:
        """Let an empty log begin with a batch that holds its end in the middle."""
        end = self.log_end_offset
        if self.log_start_offset != end or not batch.base_offset < end <= batch.last_offset:
            raise BrokerBug(f"{self}: append of {batch!r}")
        self.truncate_fully(batch.base_offset)
        self.log_start_offset = self.high_watermark = end
        self._save_log_start()

    def _drop_below_start(self) -> None:
        self._segments.drop_first(self._segments.index_of(self.log_start_offset))
        self._save_log_start()

    def _save_log_start(self) -> None:
        inside = self.log_start_offset != self._segments.items[0].base_offset
        write_log_start(self._storage, self.name, self.log_start_offset if inside else None)
