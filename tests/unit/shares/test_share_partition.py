"""What a share-partition gives to whom, and what it does with what they say."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.shares.share_partition import (
    AcknowledgementBatch,
    AcquiredRecords,
    ShareLimits,
    SharePartition,
)
from minikafka.shares.state_batches import StateBatch

ACCEPT, RELEASE, REJECT = 1, 2, 3
LOCK_MS = 1_000
LIMITS = ShareLimits(
    delivery_count_limit=3, record_lock_duration_ms=LOCK_MS, max_record_locks=20
)


def acquire(
    share: SharePartition,
    member: str,
    *batches: tuple[int, int],
    at: int | None = None,
    records: int = 500,
    size: int = 500,
    now_ms: int = 0,
) -> list[tuple[int, int, int]]:
    """Let a member have what it may of batches; `at` is where was read from."""
    found = share.acquire(
        member,
        share.next_fetch_offset() if at is None else at,
        batches,
        max_records=records,
        batch_size=size,
        now_ms=now_ms,
    )
    share.check_invariants()
    return [tuple(each) for each in found]


def say(share: SharePartition, member: str, first: int, last: int, *types: int) -> None:
    """Let a member acknowledge, and have that written down."""
    transition = share.acknowledge(member, [AcknowledgementBatch(first, last, types)])
    share.settle(transition, ok=True)
    share.check_invariants()


def refusal(
    share: SharePartition, member: str, first: int, last: int, *types: int
) -> ErrorCode:
    """Return why a member may not acknowledge this."""
    with pytest.raises(KafkaError) as caught:
        share.acknowledge(member, [AcknowledgementBatch(first, last, types)])
    share.check_invariants()
    return caught.value.code


def test_a_record_goes_to_one_member() -> None:
    """What one member holds is not given to another, which gets what comes next."""
    share = SharePartition(0, limits=LIMITS)
    assert acquire(share, "a", (0, 4)) == [(0, 4, 1)]
    assert share.next_fetch_offset() == 5
    assert acquire(share, "b", (0, 4), (5, 6)) == [(5, 6, 1)]


def test_the_last_batch_is_given_as_a_whole() -> None:
    """A limit of records is exceeded up to the end of its batch in the log (KIP-932)."""
    share = SharePartition(0, limits=LIMITS)
    assert acquire(share, "a", (0, 4), (5, 9), (10, 14), records=6) == [(0, 9, 1)]
    assert share.next_fetch_offset() == 10


def test_new_records_come_in_pieces_of_whole_batches() -> None:
    """More than batch_size records are divided where a batch begins."""
    share = SharePartition(0, limits=LIMITS)
    got = acquire(share, "a", (0, 1), (2, 3), (4, 5), size=2)
    assert got == [(0, 1, 1), (2, 3, 1), (4, 5, 1)]


def test_accepted_records_move_the_start() -> None:
    """The start follows what is done without a gap; end and start meet when all is."""
    share = SharePartition(0, limits=LIMITS)
    acquire(share, "a", (0, 4))
    acquire(share, "b", (5, 9))
    say(share, "b", 5, 9, ACCEPT)
    assert share.start_offset == 0
    say(share, "a", 0, 1, ACCEPT)
    assert share.start_offset == 2
    say(share, "a", 2, 4, REJECT)
    assert (share.start_offset, share.end_offset) == (10, 10)


def test_released_records_are_delivered_again_and_counted() -> None:
    """A released part of a batch comes again, each record by itself, with a higher count."""
    share = SharePartition(0, limits=LIMITS)
    acquire(share, "a", (0, 3))
    say(share, "a", 0, 3, ACCEPT, RELEASE, RELEASE, ACCEPT)
    assert share.start_offset == 1
    assert acquire(share, "b", (0, 3)) == [(1, 1, 2), (2, 2, 2)]


def test_a_record_that_was_delivered_too_often_is_archived() -> None:
    """The release of the last delivery that is allowed is the end of the record."""
    share = SharePartition(0, limits=LIMITS)
    for count in (1, 2, 3):
        assert acquire(share, "a", (0, 0)) == [(0, 0, count)]
        say(share, "a", 0, 0, RELEASE)
    assert share.start_offset == 1
    assert acquire(share, "a", (0, 0), at=0) == []


def test_a_lock_ends() -> None:
    """What a member holds for longer than the lock goes back, and cannot be acknowledged then."""
    share = SharePartition(0, limits=LIMITS)
    acquire(share, "a", (0, 1))
    assert share.expire(LOCK_MS - 1) == []
    assert share.next_deadline_ms() == LOCK_MS
    assert share.expire(LOCK_MS) == [StateBatch(0, 1, 0, 1)]
    assert share.next_deadline_ms() is None
    assert acquire(share, "b", (0, 1), now_ms=LOCK_MS) == [(0, 1, 2)]
    assert refusal(share, "a", 0, 1, ACCEPT) is ErrorCode.INVALID_RECORD_STATE


def test_the_lock_on_the_rest_of_a_batch_ends() -> None:
    """Also where the member has spoken of a part of it meanwhile."""
    share = SharePartition(0, limits=LIMITS)
    acquire(share, "a", (0, 3))
    say(share, "a", 0, 1, ACCEPT)
    assert share.expire(LOCK_MS) == [StateBatch(2, 2, 0, 1), StateBatch(3, 3, 0, 1)]


def test_the_last_lock_that_ends_archives() -> None:
    """A lock that ends counts as a delivery; at the limit the record is done."""
    share = SharePartition(0, limits=LIMITS)
    for round_ in range(3):
        acquire(share, "a", (0, 0), now_ms=round_ * LOCK_MS)
        batches = share.expire((round_ + 1) * LOCK_MS)
    assert batches == [StateBatch(0, 0, 4, 3)]
    assert share.start_offset == 1


def test_a_session_that_ends_gives_back_uncounted() -> None:
    """Who leaves gives back what it holds, as if that had never been delivered."""
    share = SharePartition(0, limits=LIMITS)
    acquire(share, "a", (0, 3))
    say(share, "a", 0, 1, ACCEPT)
    transition = share.release("a")
    assert transition.batches == [StateBatch(2, 2, 0, 0), StateBatch(3, 3, 0, 0)]
    share.settle(transition, ok=True)
    assert acquire(share, "b", (0, 3)) == [(2, 2, 1), (3, 3, 1)]


def test_what_is_being_written_is_nobodys() -> None:
    """Between an acknowledgement and its write nobody gets the record, and no lock ends."""
    share = SharePartition(0, limits=LIMITS)
    acquire(share, "a", (0, 0))
    transition = share.acknowledge("a", [AcknowledgementBatch(0, 0, (RELEASE,))])
    assert acquire(share, "b", (0, 0), at=0) == []
    assert share.expire(LOCK_MS) == []
    assert refusal(share, "a", 0, 0, ACCEPT) is ErrorCode.INVALID_RECORD_STATE
    share.settle(transition, ok=True)
    assert acquire(share, "b", (0, 0)) == [(0, 0, 2)]


def test_a_write_that_fails_leaves_all_as_it_was() -> None:
    """The member holds its records again, and its lock ends when it would have."""
    share = SharePartition(0, limits=LIMITS)
    acquire(share, "a", (0, 1))
    transition = share.acknowledge("a", [AcknowledgementBatch(0, 1, (ACCEPT,))])
    share.settle(transition, ok=False)
    assert share.start_offset == 0
    assert share.expire(LOCK_MS) == [StateBatch(0, 1, 0, 1)]


def test_an_acknowledgement_holds_as_a_whole_or_not_at_all() -> None:
    """One batch that is not the member's takes the others with it."""
    share = SharePartition(0, limits=LIMITS)
    acquire(share, "a", (0, 1))
    acquire(share, "b", (2, 3))
    batches = [AcknowledgementBatch(0, 1, (ACCEPT,)), AcknowledgementBatch(2, 3, (ACCEPT,))]
    with pytest.raises(KafkaError):
        share.acknowledge("a", batches)
    say(share, "a", 0, 1, ACCEPT)
    assert share.start_offset == 2


@pytest.mark.parametrize(
    ("first", "last", "types", "code"),
    [
        (0, 1, (9,), ErrorCode.INVALID_REQUEST),
        (0, 7, (ACCEPT,), ErrorCode.INVALID_REQUEST),
        (6, 7, (ACCEPT,), ErrorCode.INVALID_REQUEST),
        (4, 5, (ACCEPT,), ErrorCode.INVALID_RECORD_STATE),
    ],
)
def test_what_a_member_does_not_hold_it_cannot_acknowledge(
    first: int, last: int, types: tuple[int, ...], code: ErrorCode
) -> None:
    """A type that is none, records nobody has got, and those of others are refused."""
    share = SharePartition(0, limits=LIMITS)
    acquire(share, "a", (0, 3))
    acquire(share, "b", (4, 5))
    assert refusal(share, "a", first, last, *types) is code


def test_what_is_done_may_be_acknowledged_again() -> None:
    """Below the start every acknowledgement is taken: its answer may have been lost."""
    share = SharePartition(0, limits=LIMITS)
    acquire(share, "a", (0, 3))
    say(share, "a", 0, 3, ACCEPT)
    say(share, "a", 0, 3, ACCEPT)


def test_records_that_compaction_took_are_done() -> None:
    """Offsets before the first batch that was read are not there, and never come."""
    share = SharePartition(0, limits=LIMITS)
    assert acquire(share, "a", (4, 6), at=0) == [(4, 6, 1)]
    assert share.start_offset == 4
    say(share, "a", 4, 6, RELEASE)
    assert acquire(share, "a", (6, 8), at=4) == [(6, 6, 2), (7, 8, 1)]
    assert share.start_offset == 6


def test_the_log_start_takes_the_start_with_it() -> None:
    """What is gone from the log is done; a member may still speak of the rest of its batch."""
    share = SharePartition(0, limits=LIMITS)
    acquire(share, "a", (0, 9))
    share.on_log_start(5)
    share.check_invariants()
    assert share.start_offset == 5
    say(share, "a", 0, 9, ACCEPT)
    assert share.start_offset == 10
    share.on_log_start(30)
    assert share.next_fetch_offset() == 30


def test_a_new_leader_goes_on_with_what_was_written_down() -> None:
    """Released records and those that were out come again; what is done does not."""
    batches = [StateBatch(3, 4, 2, 1), StateBatch(7, 8, 0, 2)]
    share = SharePartition(2, batches, LIMITS)
    share.check_invariants()
    assert share.next_fetch_offset() == 2
    got = acquire(share, "a", (0, 4), (5, 9))
    assert got == [(2, 2, 1), (5, 6, 1), (7, 8, 3), (9, 9, 1)]


def test_what_is_done_at_the_start_is_passed_over_when_loading() -> None:
    """A new leader begins behind what was acknowledged from the start on."""
    share = SharePartition(2, [StateBatch(2, 4, 2, 1), StateBatch(5, 5, 0, 1)], LIMITS)
    assert share.start_offset == 5


def test_only_so_many_records_are_out() -> None:
    """At the limit of locks nothing new is given; what is released may be."""
    share = SharePartition(0, limits=LIMITS)
    acquire(share, "a", (0, 19))
    assert not share.can_acquire
    say(share, "a", 3, 3, RELEASE)
    assert share.can_acquire
    assert acquire(share, "a", (0, 19)) == [AcquiredRecords(3, 3, 2)]
