"""An event loop that a test turns by hand: what is due runs when the test says so.

Has the calls that channels, links, fetchers and the purgatory use, and no I/O. Time moves only
in `advance`, together with `clock`.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, cast

from minikafka.base.clock import ManualClock
from minikafka.net.turns import Turns

__all__ = ["ManualLoop"]

TURNS_MAX = 10_000


class _Handle:
    def __init__(self, callback: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._callback = callback
        self._args = args
        self.over = False

    def cancel(self) -> None:
        self.over = True

    def run(self) -> None:
        if not self.over:
            self.over = True
            self._callback(*self._args)


class ManualLoop:
    """Callbacks in the order of an asyncio loop, in a time of its own that begins at 1 s."""

    def __init__(self) -> None:
        self.clock = ManualClock(now_ms=1_000)
        self._soon: deque[_Handle] = deque()
        self._timers: list[tuple[int, int, _Handle]] = []
        self._count = 0
        self._turns: Turns | None = None
        self._failures: list[BaseException] = []

    @property
    def as_loop(self) -> asyncio.AbstractEventLoop:
        """This loop for those who ask for an asyncio loop and use its timers only."""
        return cast("asyncio.AbstractEventLoop", self)

    @property
    def turns(self) -> Turns:
        """The one queue of steps on this loop."""
        if self._turns is None:
            self._turns = Turns(self.as_loop)
        return self._turns

    @property
    def timers(self) -> int:
        """How many timers are set and not cancelled."""
        return sum(not handle.over for _, _, handle in self._timers)

    def time(self) -> float:
        """Return the time in seconds."""
        return self.clock.monotonic_ms() / 1000

    def call_soon(self, callback: Callable[..., Any], *args: Any) -> _Handle:
        """Run `callback` in the next `run`."""
        handle = _Handle(callback, args)
        self._soon.append(handle)
        return handle

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> _Handle:
        """Run `callback` once `delay` seconds have passed."""
        return self.call_at(self.time() + delay, callback, *args)

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any) -> _Handle:
        """Run `callback` at `when` seconds of `time`."""
        handle = _Handle(callback, args)
        self._count += 1
        heappush(self._timers, (math.ceil(round(when * 1000, 3)), self._count, handle))
        return handle

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what a step raised, for `run` to raise."""
        self._failures.append(context["exception"])

    def run(self) -> None:
        """Run everything that is due now, and what follows from it without waiting."""
        for _ in range(TURNS_MAX):
            self._move_due()
            if not self._soon:
                return
            self._soon.popleft().run()
            if self._failures:
                raise self._failures.pop(0)
        raise AssertionError(f"something keeps itself busy: {TURNS_MAX} turns without waiting")

    def advance(self, ms: int) -> None:
        """Let `ms` milliseconds pass, running what comes due on the way."""
        end_ms = self.clock.monotonic_ms() + ms
        self.run()
        while self._timers and self._timers[0][0] <= end_ms:
            self.clock.advance(max(0, self._timers[0][0] - self.clock.monotonic_ms()))
            self.run()
        self.clock.advance(end_ms - self.clock.monotonic_ms())

    def _move_due(self) -> None:
        now_ms = self.clock.monotonic_ms()
        while self._timers and self._timers[0][0] <= now_ms:
            self._soon.append(heappop(self._timers)[2])
