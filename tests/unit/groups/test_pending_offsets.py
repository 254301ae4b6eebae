"""Offsets of transactions: which one counts, and from when on."""

from __future__ import annotations

from minikafka.base.ids import TopicPartition
from minikafka.groups.offsets import OffsetTable
from minikafka.groups.records import (
    CommittedOffset,
    OffsetCommitted,
    PendingOffset,
    TransactionEnded,
)

T0 = TopicPartition("t", 0)


def commit(offset: int | None) -> OffsetCommitted:
    """Return a commit, or a deletion, of group `g`."""
    value = None if offset is None else CommittedOffset(offset, -1, "", 1_000)
    return OffsetCommitted("g", "t", 0, value)


def pending(producer_id: int, offset: int) -> PendingOffset:
    """Return a commit in a producer's transaction."""
    return PendingOffset(producer_id, commit(offset))


def after(*records: OffsetCommitted | PendingOffset | TransactionEnded) -> int | None:
    """Return the offset that counts after these."""
    table = OffsetTable()
    for record in records:
        table.replay(record)
    found = table.get("g", "t", 0)
    return None if found is None else found.offset


def test_an_offset_counts_with_the_commit_of_its_transaction() -> None:
    """Not before, and not after an abort."""
    assert after(pending(7, 5)) is None
    assert after(commit(1), pending(7, 5)) == 1
    assert after(commit(1), pending(7, 5), TransactionEnded(7, True)) == 5
    assert after(commit(1), pending(7, 5), TransactionEnded(7, False)) == 1


def test_each_producer_ends_its_own_transaction() -> None:
    """The marker of another one is none; a second one has nothing to end."""
    assert after(pending(7, 5), TransactionEnded(8, True)) is None
    ended = TransactionEnded(7, True)
    assert after(pending(7, 5), ended, commit(2), ended) == 2


def test_what_is_later_in_the_log_stays() -> None:
    """Whenever the marker comes: the offsets are in the order in which they were committed."""
    assert after(pending(7, 5), commit(9), TransactionEnded(7, True)) == 9
    first, second = TransactionEnded(7, True), TransactionEnded(8, True)
    assert after(pending(7, 5), pending(8, 6), second, first) == 6
    assert after(pending(7, 5), pending(8, 6), first, second) == 6
    assert after(pending(7, 5), commit(9), pending(7, 4), first) == 4


def test_a_deletion_does_not_stand_in_for_an_offset() -> None:
    """As in Kafka: a transaction that was under way brings the group back."""
    assert after(pending(7, 5), commit(None), TransactionEnded(7, True)) == 5


def test_a_partition_is_unstable_until_the_marker() -> None:
    """Also where its offset will not count."""
    table = OffsetTable()
    table.replay(pending(7, 5))
    table.replay(commit(9))
    assert list(table.unstable("g")) == [T0]
    assert list(table.unstable("h")) == []
    table.replay(TransactionEnded(7, False))
    assert list(table.unstable("g")) == []
