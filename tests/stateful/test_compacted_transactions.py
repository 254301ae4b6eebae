"""A compacted log that is written to in transactions, and who reads what is committed of it.

The model is a list of values with their fates. Readers do what clients do: they are told which
transactions were aborted, and leave out what they find of one until its marker comes.
"""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from minikafka.log.compaction import Compaction, backlog
from minikafka.log.partition_log import PartitionLog
from minikafka.log.storage import MemoryStorage
from minikafka.records.builder import build_batch
from minikafka.records.markers import EndTransactionMarker, build_marker, decode_marker
from minikafka.records.records import Record, decode_records
from tests.support.builders import open_log

PRODUCERS = st.integers(1, 2)
KEYS = st.sampled_from([b"a", b"b", b"c"])
RETENTION_MS, EXPIRY_MS = 5, 12
CONFIG: dict[str, Any] = {"cleanup_policy": ("compact",), "delete_retention_ms": RETENTION_MS}


def read_committed(log: PartitionLog, offset: int) -> list[Record]:
    """Return what a consumer is handed from an offset on."""
    end_offset = log.last_stable_offset
    told = log.producers.transactions.aborted_within(offset, end_offset)
    waiting = sorted(told, key=lambda each: each[1])
    leaving_out: set[int] = set()
    handed: list[Record] = []
    for batch in log.batches():
        if batch.next_offset <= offset or batch.base_offset >= end_offset:
            continue
        while waiting and waiting[0][1] <= batch.last_offset:
            leaving_out.add(waiting.pop(0)[0])
        if batch.is_control:
            marker = decode_marker(batch)
            if marker is not None and not marker.committed:
                leaving_out.discard(batch.producer_id)
        elif batch.record_count and not (
            batch.is_transactional and batch.producer_id in leaving_out
        ):
            handed += [each for each in decode_records(batch) if each.offset >= offset]
    return handed


class CompactedTransactions(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.storage = MemoryStorage()
        self.log = open_log(self.storage, **CONFIG)
        self.now_ms = 100
        self.sequences: dict[int, int] = {}
        self.open: dict[int, list[bytes]] = {}
        self.began: dict[int, int] = {}
        self.written: list[tuple[int, bytes, bytes]] = []
        self.committed: set[bytes] = set()

    def append(self, key: bytes, **who: Any) -> bytes:
        value = b"%d" % len(self.written)
        batch = build_batch([Record(0, self.now_ms, key, value)], **who)
        info = self.log.append_as_leader(batch, 0, now_timestamp_ms=self.now_ms)
        self.written.append((info.base_offset, key, value))
        if who:
            self.began.setdefault(who["producer_id"], info.base_offset)
        return value

    def settle(self) -> None:
        self.log.roll()
        self.log.advance_high_watermark(self.log.log_end_offset)

    @rule(key=KEYS)
    def write_plainly(self, key: bytes) -> None:
        self.committed.add(self.append(key))
        self.settle()

    @rule(producer=PRODUCERS, key=KEYS)
    def write_in_transaction(self, producer: int, key: bytes) -> None:
        sequence = self.sequences.get(producer, 0)
        who = {"producer_id": producer, "producer_epoch": 0, "base_sequence": sequence}
        value = self.append(key, transactional=True, **who)
        self.sequences[producer] = sequence + 1
        self.open.setdefault(producer, []).append(value)
        self.settle()

    @rule(producer=PRODUCERS, commit=st.booleans())
    def end(self, producer: int, commit: bool) -> None:
        marker = EndTransactionMarker(commit, 0)
        batch = build_marker(producer, 0, marker, self.now_ms)
        self.log.append_as_leader(batch, 0, now_timestamp_ms=self.now_ms)
        self.began.pop(producer, None)
        ended = self.open.pop(producer, [])
        self.committed.update(ended if commit else ())
        self.settle()

    @rule(producer=PRODUCERS, keys=st.lists(KEYS, min_size=1, max_size=2), commit=st.booleans())
    def run_transaction(self, producer: int, keys: list[bytes], commit: bool) -> None:
        for key in keys:
            self.write_in_transaction(producer, key)
        self.end(producer, commit)

    @rule(passes=st.integers(1, 3), passed_ms=st.integers(0, 2 * RETENTION_MS))
    def compact(self, passes: int, passed_ms: int) -> None:
        for _ in range(passes):
            self.now_ms += passed_ms
            found = backlog(self.log, self.now_ms)
            for _ in Compaction(self.log, found, self.now_ms, EXPIRY_MS).steps():
                pass

    @rule()
    def start_again(self) -> None:
        high_watermark = self.log.high_watermark
        self.log.flush()
        self.log = open_log(self.storage, **CONFIG)
        self.log.advance_high_watermark(high_watermark)
        # Who is forgotten by now writes from anywhere on; the rest is known.
        self.log.check_invariants()

    @invariant()
    def readers_are_handed_what_is_committed_and_the_newest_of_it(self) -> None:
        end_offset = self.log.log_end_offset
        for offset in (end_offset // 3, end_offset // 2, end_offset * 3 // 4):
            handed = read_committed(self.log, offset)
            assert {each.value for each in handed} <= self.committed
        first_open = min(self.began.values(), default=self.log.log_end_offset)
        assert self.log.last_stable_offset == first_open
        stable = {each.value for each in read_committed(self.log, 0)}
        newest = {
            key: value
            for offset, key, value in self.written
            if value in self.committed and offset < first_open
        }
        assert stable >= set(newest.values()), (newest, stable)


CompactedTransactions.TestCase.settings = settings(stateful_step_count=25)
TestCompactedTransactions = CompactedTransactions.TestCase
