"""What is due within this turn of the event loop, in the order in which it came up.

One produce in a cluster of one process takes half a dozen small steps: leader, link, follower,
link, leader, answer. As callbacks of the event loop each would cost a handle, a context and a
look at all sockets, more than the step itself. Here they wait in a queue that is emptied before
the turn ends: no step runs inside another, order is first come, first served, and sockets wait
at most `STEPS_MAX` steps.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

__all__ = ["Turns"]

# After so many steps in a row the sockets get their chance.
STEPS_MAX = 256


class Turns:
    """A first-in, first-out queue of steps on an event loop.

    Steps given while `run_steps` is sure to come (inside `entered`) cost nothing of the loop.
    """

    __slots__ = ("_entered", "_loop", "_scheduled", "_steps", "later")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._steps: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()
        self._entered = False
        self._scheduled = False
        self.later: Callable[..., Any] = loop.call_later

    def soon(self, step: Callable[..., Any], *args: Any) -> None:
        """Run `step(*args)` after all that is due already, in this turn if there is room."""
        self._steps.append((step, args))
        if not self._entered and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._run_scheduled)

    def entered(self, step: Callable[..., Any], *args: Any) -> None:
        """Run `step(*args)` now, then everything that it made due.

        For what the event loop calls; inside another step it only runs.
        """
        if self._entered:
            step(*args)
            return
        self._entered = True
        try:
            step(*args)
        finally:
            self._run_steps()

    def _run_scheduled(self) -> None:
        self._scheduled = False
        self._entered = True
        self._run_steps()

    def _run_steps(self) -> None:
        """Empty the queue, up to the bound; a step that fails does not stop the others."""
        steps = self._steps
        left = STEPS_MAX
        try:
            while steps and left:
                left -= 1
                step, args = steps.popleft()
                try:
                    step(*args)
                except Exception as error:  # noqa: BLE001 - handed to the loop's own handler
                    self._loop.call_exception_handler(
                        {"message": f"a step failed: {step!r}", "exception": error}
                    )
        finally:
            self._entered = False
            if steps and not self._scheduled:
                self._scheduled = True
                self._loop.call_soon(self._run_scheduled)
