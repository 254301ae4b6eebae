"""The partition log against the most naive log that could be right: a list of records."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.log.partition_log import PartitionLog
from minikafka.log.storage import MemoryStorage
from minikafka.log.timestamps import offset_for_timestamp
from minikafka.records.records import decode_records
from tests.support.builders import batch_of, follower_batch, open_log

_times = st.lists(st.integers(0, 50), min_size=1, max_size=4)


class _Entry(NamedTuple):
    """One record of the model; `batch` is the offset its batch begins at."""

    offset: int
    timestamp_ms: int
    epoch: int
    batch: int


class PartitionLogMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.storage = MemoryStorage()
        self.log: PartitionLog
        self.entries: list[_Entry] = []
        self.start = self.watermark = self.end = self.durable = 0
        self.epoch = 0

    @initialize(segment_bytes=st.sampled_from([160, 400, 10_000]))
    def open(self, segment_bytes: int) -> None:
        self.changes = {"segment_bytes": segment_bytes, "segment_ms": 30}
        self.log = open_log(self.storage, **self.changes)

    # --- rules ---

    @rule(times=_times, new_epoch=st.booleans())
    def append(self, times: list[int], new_epoch: bool) -> None:
        self.epoch += new_epoch
        info = self.log.append_as_leader(batch_of(*times), self.epoch, now_timestamp_ms=0)
        assert (info.base_offset, info.last_offset) == (self.end, self.end + len(times) - 1)
        self._add(times)

    @rule(producer_id=st.integers(1, 3), times=_times, new_epoch=st.booleans())
    def append_idempotent(self, producer_id: int, times: list[int], new_epoch: bool) -> None:
        known = self.log.producers.entries.get(producer_id)
        epoch, sequence = 0, 7
        if known is not None:
            epoch, sequence = known.producer_epoch, known.last_sequence + 1
        if new_epoch:
            epoch, sequence = epoch + 1, 0
        fields = {
            "producer_id": producer_id,
            "producer_epoch": epoch,
            "base_sequence": sequence,
        }
        for again in (False, True):
            batch = batch_of(*times, **fields)
            info = self.log.append_as_leader(batch, self.epoch, now_timestamp_ms=0)
            assert (info.base_offset, info.duplicate) == (self.end, again)
        self._add(times)

    @rule(time=st.integers(0, 50), counts=st.lists(st.integers(1, 3), max_size=3))
    def replicate(self, time: int, counts: list[int]) -> None:
        batches = []
        end = self.end
        for count in counts:
            batches.append(follower_batch(end, count, self.epoch, time))
            end += count
        self.log.append_as_follower(batches)
        for count in counts:
            self._add([time] * count)

    @rule(share=st.floats(0, 1))
    def advance_watermark(self, share: float) -> None:
        target = int(share * (self.end + 1))
        target = min(target, self.end)
        assert self.log.advance_high_watermark(target) == (target > self.watermark)
        self.watermark = max(self.watermark, target)

    @rule(offset=st.integers(0, 40))
    def delete_records(self, offset: int) -> None:
        code = None
        try:
            self.log.advance_log_start(offset)
        except KafkaError as error:
            code = error.code
        assert code == (ErrorCode.OFFSET_OUT_OF_RANGE if offset > self.watermark else None)
        if code is None and offset > self.start:
            self.start = offset

    @rule(back=st.integers(0, 6))
    def truncate(self, back: int) -> None:
        target = max(self.end - back, 0)
        cut = [entry.batch for entry in self.entries if entry.offset == target]
        # Below the first file nothing is kept; above it a batch goes as a whole.
        first_file = self.log.segments[0].base_offset
        self.log.truncate_to(target)
        self.end = target if target < first_file else min([*cut, target])
        self.entries = [entry for entry in self.entries if entry.offset < self.end]
        self.watermark = min(self.watermark, self.end)
        self.start = min(self.start, self.end)
        self.durable = min(self.durable, self.end)

    @rule(new_start=st.integers(0, 40))
    def start_over(self, new_start: int) -> None:
        self.log.truncate_fully(new_start)
        self.entries = []
        self.start = self.watermark = self.end = self.durable = new_start

    @rule()
    def flush(self) -> None:
        self.log.flush()
        self.durable = self.end

    @rule()
    def restart(self) -> None:
        self._reopen()

    @rule(torn_bytes=st.sampled_from([0, 5, 61, 65]))
    def lose_power(self, torn_bytes: int) -> None:
        # A segment that was closed was flushed: the log may be durable further than asked.
        durable = max(self.durable, self.log.durable_end_offset)
        self.storage.lose_unflushed(lambda lost: torn_bytes)
        self.entries = [entry for entry in self.entries if entry.offset < durable]
        self.end = max(durable, self.start)
        self._reopen()

    # --- what must hold ---

    @invariant()
    def offsets_agree(self) -> None:
        log = self.log
        got = (log.log_start_offset, log.high_watermark, log.log_end_offset)
        assert got == (self.start, self.watermark, self.end)
        assert log.durable_end_offset >= self.durable
        log.check_invariants()

    @invariant()
    def reads_agree(self) -> None:
        for end in (self.watermark, self.end):
            for offset in {self.start, (self.start + end) // 2, max(self.start, end - 1)}:
                read = self.log.read(offset, 10_000, end, at_least_one=True)
                got = [
                    _Entry(
                        record.offset,
                        record.timestamp_ms,
                        batch.leader_epoch,
                        batch.base_offset,
                    )
                    for batch in read.batches
                    for record in decode_records(batch)
                ]
                assert got == self._whole_batches(offset, end)

    @invariant()
    def searches_by_time_agree(self) -> None:
        readable = [entry for entry in self.entries if entry.offset >= self.start]
        for time in (0, 20, 45):
            want = next((entry for entry in readable if entry.timestamp_ms >= time), None)
            got = offset_for_timestamp(self.log, time, self.end)
            assert (got and tuple(got)) == (
                want and (want.timestamp_ms, want.offset, want.epoch)
            )

    @precondition(lambda self: self.entries)
    @invariant()
    def epochs_end_where_the_next_one_begins(self) -> None:
        readable = [entry for entry in self.entries if entry.offset >= self.start]
        for epoch in {entry.epoch for entry in readable}:
            later = [entry.offset for entry in readable if entry.epoch > epoch]
            want = (epoch, min(later, default=self.end))
            assert self.log.epochs.end_offset_for(epoch, self.end) == want

    # --- the model ---

    def _add(self, times: list[int]) -> None:
        base = self.end
        for time in times:
            self.entries.append(_Entry(self.end, time, self.epoch, base))
            self.end += 1

    def _whole_batches(self, offset: int, end: int) -> list[_Entry]:
        first = min(
            (entry.batch for entry in self.entries if entry.offset == offset), default=end
        )
        reaching = {entry.batch for entry in self.entries if entry.offset >= end}
        chosen = [entry for entry in self.entries if entry.batch >= first]
        return [entry for entry in chosen if entry.offset < end and entry.batch not in reaching]

    def _reopen(self) -> None:
        self.log = open_log(self.storage, **self.changes)
        self.durable = self.end
        self.watermark = self.start


TestPartitionLog = PartitionLogMachine.TestCase
