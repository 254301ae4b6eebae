"""What a leader learns of one follower from its fetches."""

from __future__ import annotations

from minikafka.base.ids import NO_OFFSET
from minikafka.replication.progress import FollowerProgress


def test_nothing_is_known_before_the_first_fetch() -> None:
    """A follower counts as holding nothing until it has said what it holds."""
    progress = FollowerProgress(2, 5)
    assert (progress.log_end_offset, progress.log_start_offset) == (NO_OFFSET, NO_OFFSET)
    assert (progress.broker_epoch, progress.last_caught_up_ms) == (-1, 5)


def test_fetch_says_what_the_follower_holds() -> None:
    """The fetch offset is its log end; it moved only where it differs from the last one."""
    progress = FollowerProgress(2, 0)
    assert progress.on_fetch(7, 3, 10, 42, 100)
    assert (progress.log_end_offset, progress.log_start_offset) == (7, 3)
    assert progress.broker_epoch == 42
    assert not progress.on_fetch(7, 4, 10, 43, 200)
    assert (progress.log_start_offset, progress.broker_epoch) == (4, 43)


def test_follower_that_lost_its_tail_is_believed() -> None:
    """The end may go back: after a truncation the follower holds less."""
    progress = FollowerProgress(2, 0)
    progress.on_fetch(7, 0, 7, 1, 100)
    assert progress.on_fetch(4, 0, 7, 1, 200)
    assert progress.log_end_offset == 4


def test_fetch_at_the_end_is_caught_up_now() -> None:
    """Who asks for what is not written yet has everything."""
    progress = FollowerProgress(2, 0)
    progress.on_fetch(10, 0, 10, 1, 100)
    assert progress.last_caught_up_ms == 100


def test_follower_of_a_busy_leader_was_caught_up_at_its_previous_fetch() -> None:
    """One that always fetches to the end it was shown is not behind, only a round late."""
    progress = FollowerProgress(2, 0)
    progress.on_fetch(0, 0, 10, 1, 100)
    progress.on_fetch(10, 0, 20, 1, 200)
    assert progress.last_caught_up_ms == 100
    progress.on_fetch(20, 0, 30, 1, 300)
    assert progress.last_caught_up_ms == 200


def test_follower_that_falls_behind_is_not_caught_up() -> None:
    """Progress that does not reach the end shown last time leaves the time as it was."""
    progress = FollowerProgress(2, 0)
    progress.on_fetch(0, 0, 10, 1, 100)
    progress.on_fetch(9, 0, 20, 1, 200)
    progress.on_fetch(19, 0, 30, 1, 300)
    assert progress.last_caught_up_ms == 0


def test_first_fetch_behind_the_end_proves_nothing() -> None:
    """Before there was a fetch there was no end that could have been reached."""
    progress = FollowerProgress(2, -30_001)
    progress.on_fetch(5, 0, 10, 1, 100)
    assert progress.last_caught_up_ms == -30_001
