"""What happened in a run, in order: always as a hash, on request as a list as well.

Two runs with the same hash did the same: every byte sent and received, every fault, with its
virtual time.
"""

from __future__ import annotations

import hashlib
from struct import Struct
from typing import NamedTuple

__all__ = ["Trace", "TraceEvent", "first_difference"]

_HEAD = Struct(">QI")


class TraceEvent(NamedTuple):
    """One thing that happened.

    Args:
        at_ns: virtual nanoseconds since the start of the run.
        kind: `tx`, `rx`, `syn`, `fault` and the like; ASCII.
        text: who and where, e.g. `17 b1 c0`.
        data: bytes on the wire, where there are any.
    """

    at_ns: int
    kind: str
    text: str
    data: bytes = b""

    def __str__(self) -> str:
        tail = f" {len(self.data)} bytes" if self.data else ""
        return f"{self.at_ns / 1e9:.6f} {self.kind} {self.text}{tail}"


class Trace:
    """The growing record of one run.

    Args:
        keep: keep the events themselves, not only their hash.
    """

    __slots__ = ("_hash", "_update", "count", "events")

    def __init__(self, *, keep: bool = False) -> None:
        self._hash = hashlib.blake2b(digest_size=8)
        self._update = self._hash.update
        self.count = 0
        self.events: list[TraceEvent] | None = [] if keep else None

    def record(self, at_ns: int, kind: str, text: str, data: bytes = b"") -> None:
        """Add one event."""
        self.count += 1
        self._update(_HEAD.pack(at_ns, len(data)) + f"{kind} {text}".encode())
        if data:
            self._update(data)
        if self.events is not None:
            self.events.append(TraceEvent(at_ns, kind, text, data))

    def hexdigest(self) -> str:
        """Return 16 hex digits that stand for everything recorded so far."""
        return self._hash.hexdigest()


def first_difference(
    one: list[TraceEvent], other: list[TraceEvent]
) -> tuple[int, TraceEvent | None, TraceEvent | None] | None:
    """Return where two traces part: the index, and each one's event there; None if equal."""
    for index in range(max(len(one), len(other))):
        left = one[index] if index < len(one) else None
        right = other[index] if index < len(other) else None
        if left != right:
            return index, left, right
    return None
