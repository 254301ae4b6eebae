"""Time as an argument: the one seam through which a broker learns what time it is.

`LoopClock` reads the running event loop, so a loop in virtual time moves every broker on it
without a switch in broker code. The wall clock is injected as a plain function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

__all__ = ["Clock", "LoopClock", "ManualClock"]


class Clock(Protocol):
    """Two clocks: one that never goes back, and one that people read."""

    def monotonic_ms(self) -> int:
        """Return milliseconds on a clock that never goes back; its zero means nothing."""
        ...

    def wall_ms(self) -> int:
        """Return milliseconds since 1970-01-01 UTC; may jump."""
        ...


class LoopClock:
    """Clock of an asyncio event loop, real or simulated.

    Args:
        loop_time: the loop's `time`, in seconds.
        wall: milliseconds since 1970, injected by whoever starts the cluster; it is `wall_ms`.
    """

    __slots__ = ("_loop_time", "wall_ms")

    def __init__(self, loop_time: Callable[[], float], wall: Callable[[], int]) -> None:
        self._loop_time = loop_time
        self.wall_ms = wall

    def monotonic_ms(self) -> int:
        """Return the loop's time in milliseconds, rounded down."""
        return int(self._loop_time() * 1000)


class ManualClock:
    """Clock that moves only when told, for tests of pure machines."""

    __slots__ = ("_now_ms", "_wall_offset_ms")

    def __init__(self, now_ms: int = 0, wall_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = now_ms
        self._wall_offset_ms = wall_ms - now_ms

    def monotonic_ms(self) -> int:
        """Return the time set so far."""
        return self._now_ms

    def wall_ms(self) -> int:
        """Return the wall clock, which moves with the monotonic one."""
        return self._now_ms + self._wall_offset_ms

    def advance(self, ms: int) -> None:
        """Move both clocks by `ms` milliseconds, not negative."""
        assert ms >= 0, "time does not go back"
        self._now_ms += ms
