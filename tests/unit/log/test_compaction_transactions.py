"""Tests of minikafka.log.compaction where a topic is written to in transactions."""

from __future__ import annotations

import pytest

from minikafka.log.compaction import Compaction, backlog
from minikafka.log.partition_log import PartitionLog
from minikafka.log.storage import MemoryStorage
from minikafka.records.builder import build_batch
from minikafka.records.markers import EndTransactionMarker, build_marker
from minikafka.records.records import Record, decode_records
from tests.support.builders import open_log

DAY_MS = 86_400_000


def put(log: PartitionLog, key: bytes, value: bytes, producer_id: int = -1) -> None:
    """Append one record in a segment of its own, of a transaction if there is a producer."""
    known = log.producers.entries.get(producer_id)
    who = {
        "producer_id": producer_id,
        "producer_epoch": 0,
        "base_sequence": 0 if known is None else known.last_sequence + 1,
        "transactional": True,
    }
    batch = build_batch([Record(0, 0, key, value)], **(who if producer_id >= 0 else {}))  # type: ignore[arg-type]
    log.append_as_leader(batch, 0, now_timestamp_ms=0)
    log.roll()


def end(log: PartitionLog, producer_id: int, *, committed: bool) -> None:
    """Append a marker in a segment of its own."""
    marker = build_marker(producer_id, 0, EndTransactionMarker(committed, 0), 0)
    log.append_as_leader(marker, 0, now_timestamp_ms=0)
    log.roll()


def compacted(
    log: PartitionLog, now_ms: int = 0, expiry_ms: int = DAY_MS
) -> list[tuple[bytes | None, bytes | None]]:
    """Compact what can be; return the data left."""
    log.advance_high_watermark(log.log_end_offset)
    for _ in Compaction(log, backlog(log, now_ms), now_ms, expiry_ms).steps():
        log.check_invariants()
    log.check_invariants()
    return [
        (record.key, record.value)
        for batch in log.batches()
        if batch.record_count and not batch.is_control
        for record in decode_records(batch)
    ]


def test_an_aborted_record_is_dropped_and_hides_no_committed_one() -> None:
    """However new it is; its marker stays."""
    log = open_log(cleanup_policy=("compact",))
    put(log, b"a", b"old")
    put(log, b"a", b"aborted", 1)
    put(log, b"b", b"aborted", 1)
    end(log, 1, committed=False)
    assert compacted(log) == [(b"a", b"old")]
    assert [batch.base_offset for batch in log.batches() if batch.is_control] == [3]


def test_a_committed_record_takes_the_place_of_an_older_one() -> None:
    """As one that was written outside of transactions."""
    log = open_log(cleanup_policy=("compact",))
    put(log, b"a", b"old")
    put(log, b"a", b"new", 1)
    end(log, 1, committed=True)
    assert compacted(log) == [(b"a", b"new")]


def test_nothing_behind_an_open_transaction_is_compacted() -> None:
    """Whether its records count is not decided."""
    log = open_log(cleanup_policy=("compact",))
    put(log, b"a", b"1")
    put(log, b"a", b"2")
    put(log, b"a", b"open", 1)
    put(log, b"a", b"3")
    assert compacted(log) == [(b"a", b"2"), (b"a", b"open"), (b"a", b"3")]


def test_the_last_batch_of_a_producer_outlives_its_marker() -> None:
    """So that its sequence is known after a start, though the marker is newer."""
    storage = MemoryStorage()
    log = open_log(storage, cleanup_policy=("compact",))
    put(log, b"a", b"1", 1)
    end(log, 1, committed=True)
    put(log, b"a", b"2")
    assert compacted(log) == [(b"a", b"2")]
    again = open_log(storage, cleanup_policy=("compact",))
    assert again.producers.entries[1].last_sequence == 0


def markers(log: PartitionLog) -> list[int]:
    """Return the offsets of the markers that say something."""
    return [each.base_offset for each in log.batches() if each.is_control and each.record_count]


def superseded(*, committed: bool = True) -> PartitionLog:
    """Return a log with a transaction of which nothing stays, at 0 and 1, and later ones."""
    log = open_log(cleanup_policy=("compact",), delete_retention_ms=100)
    put(log, b"a", b"1", 1)
    end(log, 1, committed=committed)
    put(log, b"a", b"2", 1)
    end(log, 1, committed=True)
    put(log, b"b", b"plain")
    return log


@pytest.mark.parametrize("committed", [True, False])
def test_a_marker_goes_delete_retention_ms_after_its_transaction(committed: bool) -> None:
    """The pass that takes the last record leaves it; the next one gives it a horizon (KIP-534)."""
    log = superseded(committed=committed)
    for now_ms in (0, 10, 109):
        assert compacted(log, now_ms) == [(b"a", b"2"), (b"b", b"plain")]
        assert markers(log) == [1, 3]
        horizon_ms = next(each for each in log.batches() if each.is_control).delete_horizon_ms
        assert horizon_ms == (None if now_ms == 0 else 110)
    compacted(log, 110)
    assert markers(log) == [3]


def test_a_marker_stays_while_some_record_of_its_transaction_does() -> None:
    """Readers would wait for the end of it."""
    log = open_log(cleanup_policy=("compact",), delete_retention_ms=0)
    put(log, b"a", b"1", 1)
    put(log, b"b", b"1", 1)
    end(log, 1, committed=True)
    put(log, b"a", b"2", 2)
    end(log, 2, committed=True)
    put(log, b"c", b"1", 1)
    end(log, 1, committed=True)
    for now_ms in range(4):
        compacted(log, now_ms)
    assert markers(log) == [2, 4, 6]


def test_the_last_marker_of_a_producer_stays_until_it_expires() -> None:
    """A start knows from it which epoch is over; there are no records to know that from."""
    log = open_log(cleanup_policy=("compact",), delete_retention_ms=0)
    end(log, 1, committed=False)
    put(log, b"a", b"1")
    for now_ms in (0, DAY_MS):
        compacted(log, now_ms)
    assert markers(log) == [0]
    for now_ms in (DAY_MS + 1, DAY_MS + 2):
        compacted(log, now_ms)
    assert markers(log) == []


def test_no_reader_is_told_of_an_abort_that_only_its_marker_is_left_of() -> None:
    """It would take what the producer has written since for aborted, once the marker is gone."""
    log = superseded(committed=False)
    transactions = log.producers.transactions
    compacted(log)
    assert transactions.aborted_within(0, log.log_end_offset) == [(1, 0)]
    compacted(log)
    assert transactions.aborted_within(0, log.log_end_offset) == []


def test_what_a_start_finds_is_what_compaction_has_left() -> None:
    """Also where markers have gone: the transactions behind them are known by their own."""
    storage = MemoryStorage()
    log = open_log(storage, cleanup_policy=("compact",), delete_retention_ms=0)
    for value in (b"1", b"2", b"3"):
        put(log, b"a", value, 1)
        end(log, 1, committed=value != b"2")
    put(log, b"b", b"plain")
    for now_ms in range(4):
        compacted(log, now_ms)
    assert markers(log) == [5]
    again = open_log(storage, cleanup_policy=("compact",))
    again.check_invariants()
    assert again.producers.entries[1].last_sequence == 2
    assert again.producers.entries[1].transaction_start is None
