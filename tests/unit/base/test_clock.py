"""Time as an argument."""

from __future__ import annotations

import pytest

from minikafka.base.clock import LoopClock, ManualClock


def test_loop_clock_reads_the_loop_in_whole_milliseconds() -> None:
    """Rounded down: a deadline never seems to have come before it has."""
    now_s = [1.0]
    clock = LoopClock(lambda: now_s[0], lambda: 1_700_000_000_123)
    assert clock.monotonic_ms() == 1_000
    now_s[0] = 1.0019
    assert clock.monotonic_ms() == 1_001
    assert clock.wall_ms() == 1_700_000_000_123


def test_manual_clock_moves_only_when_told() -> None:
    """Both of its clocks, by the same."""
    clock = ManualClock(now_ms=5, wall_ms=1_000)
    assert (clock.monotonic_ms(), clock.wall_ms()) == (5, 1_000)
    clock.advance(20)
    clock.advance(0)
    assert (clock.monotonic_ms(), clock.wall_ms()) == (25, 1_020)


def test_manual_clock_does_not_go_back() -> None:
    """Monotonic time is that."""
    with pytest.raises(AssertionError):
        ManualClock().advance(-1)
