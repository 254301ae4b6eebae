"""Tests of minikafka.log.txn_index, alone and in a log."""

from __future__ import annotations

import pytest

from minikafka.log.partition_log import PartitionLog
from minikafka.log.producer_state import AppendOrigin
from minikafka.log.storage import MemoryStorage
from minikafka.log.txn_index import NEVER, AbortedTransaction, TransactionIndex
from minikafka.records.markers import EndTransactionMarker, build_marker
from tests.support.builders import append, open_log, producer_batch


def write(log: PartitionLog, producer_id: int, count: int = 1) -> int:
    """Append a transactional batch; return its first offset."""
    known = log.producers.entries.get(producer_id)
    sequence = 0 if known is None else known.last_sequence + 1
    batch = producer_batch(sequence, count, producer_id=producer_id, transactional=True)
    return log.append_as_leader(batch, 0, now_timestamp_ms=0).base_offset


def end(log: PartitionLog, producer_id: int, *, committed: bool = False) -> int:
    """Append a marker; return its offset."""
    marker = build_marker(producer_id, 0, EndTransactionMarker(committed, 0), 5)
    origin = AppendOrigin.COORDINATOR
    return log.append_as_leader(marker, 0, now_timestamp_ms=0, origin=origin).base_offset


def replicate(log: PartitionLog) -> None:
    """Move the high watermark to the end."""
    log.advance_high_watermark(log.log_end_offset)


def test_without_transactions_all_that_is_committed_is_stable() -> None:
    """The last stable offset is the high watermark."""
    log = open_log()
    append(log, 3)
    log.advance_high_watermark(2)
    assert log.last_stable_offset == 2
    assert log.producers.transactions.first_unstable == NEVER


def test_an_open_transaction_holds_the_last_stable_offset() -> None:
    """At its first offset, however far the watermark is; below the watermark at most."""
    log = open_log()
    append(log, 2)
    assert write(log, 1) == 2
    log.advance_high_watermark(1)
    assert log.last_stable_offset == 1
    append(log)
    replicate(log)
    assert log.last_stable_offset == 2


@pytest.mark.parametrize("committed", [True, False])
def test_a_marker_counts_once_it_is_committed(*, committed: bool) -> None:
    """Until then another leader may not have it."""
    log = open_log()
    write(log, 1)
    replicate(log)
    end(log, 1, committed=committed)
    assert log.last_stable_offset == 0
    replicate(log)
    assert log.last_stable_offset == 2


def test_the_earliest_transaction_counts() -> None:
    """Whether it is open or ended by a marker that is not committed."""
    log = open_log()
    first, second = write(log, 1), write(log, 2)
    replicate(log)
    end(log, 2)
    assert log.last_stable_offset == first
    replicate(log)
    end(log, 1)
    assert log.last_stable_offset == first
    replicate(log)
    assert (second, log.last_stable_offset) == (1, 4)


def test_readers_are_told_of_the_aborted_transactions_that_they_meet() -> None:
    """Those whose records or marker lie in what is read; no committed ones."""
    log = open_log()
    write(log, 1)  # 0
    write(log, 2)  # 1
    end(log, 1)  # 2
    end(log, 2, committed=True)  # 3
    write(log, 3)  # 4
    end(log, 3)  # 5
    index = log.producers.transactions
    assert index.aborted_within(0, 6) == [(1, 0), (3, 4)]
    assert index.aborted_within(0, 4) == [(1, 0)]
    assert index.aborted_within(2, 3) == [(1, 0)]
    assert index.aborted_within(3, 6) == [(3, 4)]


def test_a_transaction_that_was_aborted_later_may_reach_back() -> None:
    """The search ends where everything was decided, not at the first marker behind."""
    log = open_log()
    write(log, 1)  # 0
    write(log, 2)  # 1
    end(log, 2)  # 2: 1 is still open
    end(log, 1)  # 3
    index = log.producers.transactions
    assert index.aborted == [AbortedTransaction(2, 1, 2, 0), AbortedTransaction(1, 0, 3, 4)]
    assert index.aborted_within(0, 2) == [(2, 1), (1, 0)]
    assert index.aborted_within(0, 1) == [(1, 0)]


def test_a_marker_without_a_transaction_changes_nothing() -> None:
    """A partition that was added to a transaction, and not written to."""
    log = open_log()
    end(log, 1)
    assert log.producers.transactions.aborted == []
    replicate(log)
    assert log.last_stable_offset == 1


def test_a_marker_that_was_cut_off_leaves_its_transaction_open() -> None:
    """And an aborted transaction is not aborted any more."""
    log = open_log()
    write(log, 1)
    write(log, 2)
    end(log, 2)
    marker = end(log, 1)
    replicate(log)
    log.truncate_to(marker)
    assert log.last_stable_offset == 0
    assert [each.producer_id for each in log.producers.transactions.aborted] == [2]
    log.check_invariants()
    log.truncate_to(2)
    assert log.producers.transactions.aborted == []
    assert log.producers.entries[2].transaction_start == 1
    log.check_invariants()
    log.truncate_to(0)
    append(log)
    replicate(log)
    assert log.last_stable_offset == 1


def test_a_start_finds_the_transactions_in_the_log() -> None:
    """Open ones and aborted ones."""
    storage = MemoryStorage()
    log = open_log(storage)
    write(log, 1)
    end(log, 1)
    write(log, 2)
    replicate(log)
    again = open_log(storage)
    replicate(again)
    assert again.last_stable_offset == log.last_stable_offset == 2
    assert again.producers.transactions.aborted == log.producers.transactions.aborted


def test_deleted_records_take_their_transactions_along() -> None:
    """Aborted ones are forgotten with their marker; an open one holds at the log start."""
    log = open_log()
    write(log, 1)
    end(log, 1)
    write(log, 2, 3)
    replicate(log)
    log.advance_log_start(1)
    assert len(log.producers.transactions.aborted) == 1
    log.advance_log_start(3)
    assert log.producers.transactions.aborted == []
    assert log.last_stable_offset == 3
    log.check_invariants()


def test_a_log_that_begins_anew_has_no_transactions() -> None:
    """What was open is nowhere."""
    log = open_log()
    write(log, 1)
    log.truncate_fully(7)
    append(log)
    replicate(log)
    assert log.last_stable_offset == 8


def test_a_record_is_aborted_with_its_own_transaction() -> None:
    """Not with an earlier or later one of the same producer, nor with another producer's."""
    index = TransactionIndex()
    for producer_id, first, marker, committed in ((1, 0, 2, True), (1, 4, 6, False)):
        index.begin(first)
        index.end(producer_id, first, marker, committed=committed)
    assert [index.is_aborted(1, offset) for offset in (0, 4, 5, 7)] == [
        False,
        True,
        True,
        False,
    ]
    assert not index.is_aborted(2, 5)
