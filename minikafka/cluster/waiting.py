"""Waiting for a condition on a cluster: woken by what brokers report, not by a timer alone.

Knows nothing of brokers; `note` is handed to them as the callback to run after a change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["Changes", "timeout_message"]

# A predicate may ask about anything, a client's state as well: what no broker reports is seen
# this much later at most.
_RECHECK_S = 0.005


class Changes:
    """Counts changes, and lets any number of waiters sleep until the next one."""

    def __init__(self) -> None:
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return len(self._waiters)

    def note(self) -> None:
        """Wake everyone who waits; cheap where nobody does."""
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    async def wait(self, timeout_s: float) -> None:
        """Sleep until the next change, `timeout_s` at most, and never long.

        Cancellation: safe at any point.
        """
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters.append(waiter)
        timer = loop.call_later(min(timeout_s, _RECHECK_S), _settle, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    async def wait_until(
        self, predicate: Callable[[], bool], timeout_s: float, status: Callable[[], str]
    ) -> None:
        """Return once `predicate()` is true.

        Args:
            predicate: called in the loop's thread, often; must not block.
            timeout_s: seconds of the running loop.
            status: what the failure message shows.

        Raises:
            TimeoutError: it was still false after `timeout_s`.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while not predicate():
            left = deadline - loop.time()
            if left <= 0:
                raise TimeoutError(timeout_message(timeout_s, status()))
            await self.wait(left)


def timeout_message(timeout_s: float, status: str) -> str:
    """Return the failure message of a wait: how long, and how the cluster stands."""
    return f"not true within {timeout_s:g} s; the cluster now:\n{status}"


def _settle(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
