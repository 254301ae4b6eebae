"""Futures and tasks whose hash is a number of their loop, not an address.

Sets of them (what `asyncio.wait` returns, what clients keep as "pending") iterate in the order
of the hashes. An address differs from process to process; a counter does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol, Self

__all__ = ["SimFuture", "SimTask"]


class _Numbering(Protocol):
    def next_number(self) -> int:
        """Return a number that this loop never gave before."""
        ...


class SimFuture(asyncio.Future[Any]):
    """A future numbered by its loop."""

    _number: int

    def __new__(cls, *, loop: _Numbering) -> Self:
        self = super().__new__(cls)
        self._number = loop.next_number()
        return self

    def __hash__(self) -> int:
        return self._number


class SimTask(asyncio.Task[Any]):
    """A task numbered by its loop."""

    _number: int

    def __new__(cls, coro: Coroutine[Any, Any, Any], *, loop: _Numbering, **kw: Any) -> Self:
        self = super().__new__(cls)
        self._number = loop.next_number()
        return self

    def __hash__(self) -> int:
        return self._number
