"""Tests of minikafka.log.compaction where a topic is written to in transactions."""

from __future__ import annotations

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


def compacted(log: PartitionLog) -> list[tuple[bytes | None, bytes | None]]:
    """Compact what can be; return the data left."""
    log.advance_high_watermark(log.log_end_offset)
    for _ in Compaction(log, backlog(log, 0), 0, DAY_MS).steps():
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
