"""Tests of minikafka.quorum.commit."""

from __future__ import annotations

import pytest

from minikafka.quorum.commit import CommitTracker, majority_count, majority_end_offset


@pytest.mark.parametrize(("voters", "count"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3)])
def test_majority_is_more_than_half(voters: int, count: int) -> None:
    """Two majorities of the same voters always share one."""
    assert majority_count(range(voters)) == count


@pytest.mark.parametrize(
    ("ends", "end"),
    [
        ({1: 9, 2: 7, 3: 4}, 7),
        ({1: 9, 2: 9, 3: 0}, 9),
        ({1: 9}, 0),  # of the others nothing is known
        ({1: 9, 4: 9, 5: 9}, 0),  # 4 and 5 are no voters
    ],
)
def test_majority_holds_up_to_the_middle_of_the_voters(ends: dict[int, int], end: int) -> None:
    """Sorted by how much they hold, the middle voter decides."""
    assert majority_end_offset(ends, (1, 2, 3)) == end


def _tracker(*ends: tuple[int, int], epoch_start_offset: int = 0) -> CommitTracker:
    tracker = CommitTracker((1, 2, 3), epoch_start_offset)
    for replica_id, end in ends:
        tracker.note(replica_id, end)
    return tracker


def test_nothing_is_committed_before_a_record_of_the_own_epoch() -> None:
    """Older records on a majority may still be overwritten (Raft, figure 8; KAFKA-12619)."""
    tracker = _tracker((1, 11), (2, 10), epoch_start_offset=10)
    assert tracker.high_watermark(4) == 4
    tracker.note(2, 11)
    assert tracker.high_watermark(4) == 11


def test_observers_do_not_count() -> None:
    """However many of them hold a record, it is not committed by that."""
    tracker = _tracker((1, 9), (7, 9), (8, 9), (9, 9))
    assert tracker.high_watermark(0) == 0


def test_leader_that_is_no_voter_does_not_count() -> None:
    """A majority is one of the voters, whoever leads."""
    tracker = CommitTracker((2, 3, 4), 0)
    tracker.note(1, 9)
    tracker.note(2, 9)
    assert tracker.high_watermark(0) == 0


def test_high_watermark_never_goes_back() -> None:
    """A voter that comes back with less takes nothing back."""
    tracker = _tracker((1, 9), (2, 8))
    assert tracker.high_watermark(0) == 8
    tracker.note(2, 3)
    assert tracker.high_watermark(8) == 8
