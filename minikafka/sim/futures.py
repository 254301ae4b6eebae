"""Futures and tasks whose hash is a number of their loop, not an address.

Sets of them (what `asyncio.wait` returns, what clients keep as "pending") iterate in the order
of the hashes. An address differs from process to process; a counter does not. The number is
given when it is first asked for: most futures are never in a set.
"""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["SimFuture", "SimTask"]


class _Numbered:
    _number: int

    def __hash__(self) -> int:
        try:
            return self._number
        except AttributeError:
            number: int = self.get_loop().next_number()  # type: ignore[attr-defined]
            self._number = number
            return number


class SimFuture(_Numbered, asyncio.Future[Any]):
    """A future numbered by its loop."""


class SimTask(_Numbered, asyncio.Task[Any]):
    """A task numbered by its loop."""
