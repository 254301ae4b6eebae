"""What clients did, in order: sends and how they ended, polls and what they brought.

Values must be unique: an offset that holds the wrong one, or one that shows up twice, is then
seen. A send ends `ok`; `fail` if it surely did not happen; `info` if nobody can say (a timeout, a
lost connection). After Jepsen's histories.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = ["History", "Outcome", "Place", "Poll", "Send"]

Outcome: TypeAlias = Literal["open", "ok", "fail", "info"]
Place: TypeAlias = tuple[str, int]
"""Topic and partition."""


@dataclass(slots=True)
class Send:
    """One record sent by one process.

    Args:
        acks: -1 for all, 0 or 1.
        offset: where it is said to lie; None while, or where, that is unknown.
        completed_ms: virtual or real milliseconds; -1 while it is open.
    """

    process: str
    place: Place
    value: bytes
    acks: int
    invoked_ms: int
    outcome: Outcome = "open"
    offset: int | None = None
    completed_ms: int = -1


@dataclass(frozen=True, slots=True)
class Poll:
    """What one poll brought of one partition.

    Args:
        records: offset and value, in the order in which they came.
        positioned: not a poll: the process has set its position to the one offset in `records`.
    """

    process: str
    place: Place
    records: tuple[tuple[int, bytes], ...]
    at_ms: int
    positioned: bool = False


@dataclass(slots=True)
class History:
    """All that the clients of one run did.

    Attributes:
        final: what a reader from the beginning gets after everything has healed.
    """

    sends: list[Send] = field(default_factory=list)
    polls: list[Poll] = field(default_factory=list)
    final: dict[Place, list[tuple[int, bytes]]] = field(default_factory=dict)

    def invoke_send(
        self, process: str, topic: str, partition: int, value: bytes, acks: int, now_ms: int
    ) -> Send:
        """Note that a process sends; hand the result to `ok`, `fail` or `info`."""
        send = Send(process, (topic, partition), value, acks, now_ms)
        self.sends.append(send)
        return send

    def ok(self, send: Send, offset: int | None, now_ms: int) -> None:
        """Note that a send was acknowledged, at `offset` where that was said."""
        send.outcome, send.offset, send.completed_ms = "ok", offset, now_ms

    def fail(self, send: Send, now_ms: int) -> None:
        """Note that a send surely did not take effect."""
        send.outcome, send.completed_ms = "fail", now_ms

    def info(self, send: Send, now_ms: int) -> None:
        """Note that nobody can say whether a send took effect."""
        send.outcome, send.completed_ms = "info", now_ms

    def polled(
        self,
        process: str,
        topic: str,
        partition: int,
        records: Sequence[tuple[int, bytes]],
        now_ms: int,
    ) -> None:
        """Note what a poll brought."""
        self.polls.append(Poll(process, (topic, partition), tuple(records), now_ms))

    def positioned(
        self, process: str, topic: str, partition: int, offset: int, now_ms: int
    ) -> None:
        """Note that a process reads on from `offset`."""
        at = ((offset, b""),)
        self.polls.append(Poll(process, (topic, partition), at, now_ms, positioned=True))
