"""Scheduled callbacks that know which incarnation they run on."""

from __future__ import annotations

import contextvars
from asyncio import events
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minikafka.sim.hosts import Incarnation

__all__ = ["SimHandle"]


class SimHandle(events.TimerHandle):
    """One callback on one incarnation; serves `call_soon` and timers alike.

    Fills in asyncio's own fields without its constructor, which looks at the debug mode and at
    the stack each time.
    """

    __slots__ = ("incarnation",)

    # Of asyncio's debug mode, for all alike.
    _repr = None
    _source_traceback = None

    _callback: Any
    _args: Any
    _context: contextvars.Context

    def __init__(
        self,
        callback: Callable[..., Any],
        args: Any,
        loop: Any,
        context: contextvars.Context | None,
        incarnation: Incarnation,
        when: float = 0.0,
    ) -> None:
        self._context = contextvars.copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._when = when
        self._scheduled = False
        self.incarnation = incarnation

    def cancel(self) -> None:
        """Let it not run."""
        if not self._cancelled:
            self._cancelled = True
            if self._scheduled:
                self._loop._timer_handle_cancelled(self)
            self._callback = None
            self._args = None
