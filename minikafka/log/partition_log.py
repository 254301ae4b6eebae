"""One replica's log of one partition.

Appends, reads and truncates whole batches; owns log start, log end and high watermark. Knows not
who leads or what time it is. Counterpart: UnifiedLog, LocalLog. KIP-32, KIP-101, KIP-107.

Rules of this file
    End offsets are exclusive.
    Bytes of a batch are never copied: storage, segments and readers share them.
    Every change keeps what `check_invariants` says.
    A start makes nothing committed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from minikafka.base.config import LogConfig
from minikafka.base.errors import BrokerBug, ErrorCode, KafkaError
from minikafka.base.ids import NO_LEADER_EPOCH, LeaderEpoch, Offset, TopicId, TopicPartition
from minikafka.log.epoch_cache import EpochCache
from minikafka.log.invariants import check_log
from minikafka.log.observer import LogObserver
from minikafka.log.recovery import read_log_start, recovered_epochs, write_log_start
from minikafka.log.segment import AppendInfo, Segment, Slice
from minikafka.log.segments import Segments
from minikafka.log.storage import Storage
from minikafka.records.batch import Batch, stamp

__all__ = ["AppendInfo", "PartitionLog", "Slice"]


class PartitionLog:
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
        "_log_append_time", "_observer", "_segment_bytes", "_segments", "_storage", "_storage_append",
        "compacted_to", "config", "durable_end_offset", "epochs", "high_watermark",
        "log_end_offset", "log_start_offset", "name", "partition", "topic_id",
    )  # fmt: skip

    # Invariant: log_start_offset <= high_watermark <= log_end_offset.
    # Invariant: log_start_offset lies in the first segment, or at the end of an empty log.
    log_start_offset: Offset
    high_watermark: Offset
    log_end_offset: Offset
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
        self.compacted_to = 0
        self._segments = Segments(storage, name)
        self._open()
        self.configure(config)
        if observer is not None:
            observer.opened(self)

    @property
    def last_epoch(self) -> LeaderEpoch:
        """The latest leader epoch known to the log, -1 while there is none."""
        return self.epochs.latest_epoch

    @property
    def size_bytes(self) -> int:
        """Bytes in the files of the log."""
        return self._segments.size_bytes

    @property
    def gaps_below(self) -> Offset:
        """From here on there is a batch for each offset; compaction leaves gaps below it."""
        return self._segments.gaps_below

    @property
    def segments(self) -> Sequence[Segment]:
        """The segments, oldest first; the last one is written to. Not to be changed."""
        return self._segments.items

    def configure(self, config: LogConfig) -> None:
        """Go by `config` from now on; what is written stays as it is."""
        self.config = config
        self._segment_bytes = config.segment_bytes
        self._log_append_time = config.log_append_time
        self._segments.active.limit_age(config.max_segment_ms)

    # --- append and read: the hot path ---

    def append_as_leader(
        self, batch: Batch, leader_epoch: LeaderEpoch, *, now_timestamp_ms: int
    ) -> AppendInfo:
        """Write a validated batch at the log end offset, stamped with its offsets and epoch.

        Args:
            batch: writable and in no log; belongs to the log afterwards.
            leader_epoch: of the leadership that appends, never less than `last_epoch`.
            now_timestamp_ms: wall-clock time, for a topic with LogAppendTime.

        Raises:
            KafkaError: RECORD_LIST_TOO_LARGE for a batch larger than a segment may be.
        """
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
        if self._observer is not None and batches:
            self._observer.appended(self, batches)

    def read(
        self, offset: Offset, max_bytes: int, end_offset: Offset, *, at_least_one: bool
    ) -> Slice:
        """Return whole batches, from the one that holds `offset` on.

        Args:
            offset: first one wanted, within log start and log end offset; the first batch may
                begin below it.
            max_bytes: the slice is no larger, but for the first batch with `at_least_one`.
            end_offset: exclusive; only batches that lie wholly below it.
            at_least_one: return a first batch even if it alone exceeds `max_bytes`.
        """
        segment = self._segments.active
        if offset >= segment.base_offset:
            return segment.read(offset, max_bytes, end_offset, at_least_one)
        return self._segments.read(offset, max_bytes, end_offset, at_least_one)

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

    # --- inspection ---

    def batches(self) -> Iterator[Batch]:
        """Yield the batches from the one that holds the log start offset on."""
        for segment in self._segments:
            for batch in segment.batches:
                if batch.last_offset >= self.log_start_offset:
                    yield batch

    def all_bytes(self) -> bytes:
        """Return the bytes of all readable batches."""
        return b"".join(batch.view for batch in self.batches())

    def check_invariants(self) -> None:
        """Raise BrokerBug where something that must always hold does not."""
        offsets = self.log_start_offset, self.high_watermark, self.log_end_offset
        check_log(self.segments, self.epochs, *offsets, self.gaps_below)

    def __repr__(self) -> str:
        return (
            f"PartitionLog({self.partition} {self.log_start_offset}..{self.log_end_offset}"
            f" hw={self.high_watermark} e{self.last_epoch})"
        )

    # --- inside ---

    def _open(self) -> None:
        """Take over what the storage holds, or begin at offset 0."""
        stored_start = read_log_start(self._storage, self.name) or 0
        end = self._segments.active.next_offset if self._segments else 0
        if not self._segments or stored_start > end:
            # A log whose readable part is lost goes on behind it: its offsets are used up.
            self._restart(stored_start)
            return
        start = max(self._segments.items[0].base_offset, stored_start)
        self.log_start_offset, self.log_end_offset = start, end
        # What was compacted was committed: nobody has to wait again for it to be.
        self.high_watermark = max(start, min(self.gaps_below, end))
        self.epochs = recovered_epochs(self.batches(), start, end, self._segments.stored_epochs)
        self._segments.allow_gaps(min(self.gaps_below, end), self.epochs)
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
