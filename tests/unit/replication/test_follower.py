"""A follower: what the leader's answers do to its log."""

from __future__ import annotations

import pytest

from minikafka.log.partition_log import PartitionLog
from minikafka.replication.follower import PartitionFollower
from tests.support.builders import follower_batch, open_log


def follower_with(*epochs: int) -> PartitionFollower:
    """Return a follower whose log has one batch of one record for each epoch."""
    log = open_log()
    log.append_as_follower([follower_batch(n, epoch=epoch) for n, epoch in enumerate(epochs)])
    return PartitionFollower(log, leader_id=1, leader_epoch=max(epochs, default=0))


def shape(log: PartitionLog) -> list[tuple[int, int]]:
    """Return first offset and epoch of each batch."""
    return [(batch.base_offset, batch.leader_epoch) for batch in log.batches()]


# --- records ---


def test_records_are_appended_and_the_watermark_taken_over() -> None:
    """The leader's watermark counts as far as the own log reaches."""
    follower = follower_with()
    follower.on_records([follower_batch(0, 2), follower_batch(2, 2)], 3, 0)
    assert (follower.log.log_end_offset, follower.log.high_watermark) == (4, 3)


def test_watermark_never_passes_the_own_log_end() -> None:
    """What this replica does not hold it does not call committed."""
    follower = follower_with()
    follower.on_records([follower_batch(0, 2)], 9, 0)
    assert follower.log.high_watermark == 2


def test_watermark_never_goes_back_within_a_leadership() -> None:
    """An answer that overtook a newer one, or a new leader that knows less, takes nothing back."""
    follower = follower_with(0, 0, 0)
    follower.on_records([], 3, 0)
    follower.on_records([], 1, 0)
    assert follower.log.high_watermark == 3


def test_batches_already_there_are_passed_over() -> None:
    """An answer that begins below the log end is appended from the end on."""
    follower = follower_with(0, 0)
    follower.on_records([follower_batch(n) for n in range(4)], 0, 0)
    assert shape(follower.log) == [(0, 0), (1, 0), (2, 0), (3, 0)]


def test_answer_with_nothing_new_appends_nothing() -> None:
    """All of it below the end: only the watermark counts."""
    follower = follower_with(0, 0)
    follower.on_records([follower_batch(0), follower_batch(1)], 2, 0)
    assert (follower.log.log_end_offset, follower.log.high_watermark) == (2, 2)


def test_answer_behind_a_gap_is_ignored() -> None:
    """It is from before a truncation; neither its records nor its watermark count."""
    follower = follower_with(0, 0)
    follower.on_records([follower_batch(5)], 4, 0)
    assert (follower.log.log_end_offset, follower.log.high_watermark) == (2, 0)


def test_gaps_of_a_compacted_log_are_taken_over_below_the_watermark() -> None:
    """A new leader may know a smaller one than it had: behind its gap nothing is taken yet."""
    follower = follower_with(0, 0)
    follower.on_records([follower_batch(4), follower_batch(6, epoch=1)], 6, 0)
    assert shape(follower.log) == [(0, 0), (1, 0), (4, 0), (6, 1)]
    follower.log.check_invariants()
    follower.on_records([follower_batch(7, epoch=1), follower_batch(9, epoch=1)], 8, 0)
    assert follower.log.log_end_offset == 8


def test_log_start_follows_the_leaders_up_to_the_watermark() -> None:
    """DeleteRecords reaches the followers; never beyond what they know to be committed."""
    follower = follower_with(0, 0, 0, 0)
    follower.on_records([], 3, 2)
    assert follower.log.log_start_offset == 2
    follower.on_records([], 3, 4)
    assert follower.log.log_start_offset == 2
    follower.on_records([], 4, 4)
    assert follower.log.log_start_offset == 4


def test_log_that_starts_inside_a_batch_takes_that_batch() -> None:
    """The leader's log may start in the middle of a batch, which it then sends whole."""
    follower = follower_with()
    assert follower.on_out_of_range(5)
    follower.on_records([follower_batch(3, 5), follower_batch(8, 1)], 9, 5)
    log = follower.log
    assert (log.log_start_offset, log.log_end_offset, log.high_watermark) == (5, 9, 9)
    log.check_invariants()


# --- divergence ---


@pytest.mark.parametrize(
    ("own", "told", "left"),
    [
        # The leader's epoch 1 ends before ours does (KIP-101).
        ((0, 1, 1, 1), (1, 2), (0, 1)),
        # Ours ends before the leader's: nothing of ours is wrong.
        ((0, 1), (1, 5), (0, 1)),
        # The leader never heard of our epoch 2: back to where its epoch 1 ends.
        ((0, 1, 2, 2), (1, 2), (0, 1)),
        # As above, and ours ends earlier: everything of the later epochs goes.
        ((0, 1, 2, 2), (1, 9), (0, 1)),
        # The leader names an epoch we have not: to the end of our largest one below (KIP-279).
        ((0, 0, 3), (2, 3), (0, 0)),
        # Ours begins with a later epoch than the one named: all of it goes.
        ((4, 4), (2, 1), ()),
    ],
)
def test_log_is_cut_where_it_leaves_the_leaders(
    own: tuple[int, ...], told: tuple[int, int], left: tuple[int, ...]
) -> None:
    """What remains is what both logs may have in common, and the new end is returned."""
    follower = follower_with(*own)
    assert follower.on_divergence(*told) == len(left)
    assert shape(follower.log) == list(enumerate(left))
    assert follower.log.last_epoch == max(left, default=-1)
    follower.log.check_invariants()


def test_epoch_without_records_is_forgotten_too() -> None:
    """A leadership that wrote nothing left an epoch at the end; it must not be claimed again."""
    follower = follower_with(0, 0)
    follower.log.epochs.assign(3, 2)
    assert follower.log.last_epoch == 3
    assert follower.on_divergence(0, 2) == 2
    assert follower.log.last_epoch == 0


def test_watermark_follows_a_truncation() -> None:
    """What is gone is not committed here any more."""
    follower = follower_with(0, 1, 1)
    follower.on_records([], 3, 0)
    follower.on_divergence(0, 1)
    assert (follower.log.log_end_offset, follower.log.high_watermark) == (1, 1)


# --- out of range ---


def test_log_that_ends_before_the_leaders_begins_starts_over() -> None:
    """What is between is gone for ever; the log goes on where the leader's begins."""
    follower = follower_with(0, 0)
    assert follower.on_out_of_range(7)
    log = follower.log
    assert (log.log_start_offset, log.high_watermark, log.log_end_offset) == (7, 7, 7)
    assert shape(log) == []


@pytest.mark.parametrize("leader_log_start", [-1, 0, 2])
def test_log_that_reaches_the_leaders_is_kept(leader_log_start: int) -> None:
    """Up to the leader's first offset there is no gap, so nothing is thrown away."""
    follower = follower_with(0, 0)
    assert not follower.on_out_of_range(leader_log_start)
    assert shape(follower.log) == [(0, 0), (1, 0)]
