"""What clients did, in order: sends and how they ended, polls and what they brought.

Values must be unique: an offset that holds the wrong one, or one that shows up twice, is then
seen. A send ends `ok`; `fail` if it surely did not happen; `info` if nobody can say (a timeout, a
lost connection). After Jepsen's histories. As text, a history is one JSON array per line, in
the order in which things happened, so that a file of one can be read, cut down and kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

__all__ = [
    "NO_PARTITION",
    "History",
    "Outcome",
    "Place",
    "Poll",
    "Send",
    "history_from_text",
    "history_to_text",
]

Outcome: TypeAlias = Literal["open", "ok", "fail", "info"]
Place: TypeAlias = tuple[str, int]
"""Topic and partition."""
NO_PARTITION = -1
"""The partition of a send that leaves it to the client, as long as nobody has said which."""


@dataclass(slots=True)
class Send:
    """One record sent by one process.

    Args:
        place: its partition is `NO_PARTITION` while that is unknown.
        acks: -1 for all, 0 or 1.
        offset: where it is said to lie; None while, or where, that is unknown.
        completed_ms: virtual or real milliseconds; -1 while it is open.
        invoked_index: how manieth thing of the history its beginning is; `completed_index` is
            the same of its end, -1 while it is open.
    """

    process: str
    place: Place
    value: bytes
    acks: int
    invoked_ms: int
    outcome: Outcome = "open"
    offset: int | None = None
    completed_ms: int = -1
    invoked_index: int = -1
    completed_index: int = -1


@dataclass(frozen=True, slots=True)
class Poll:
    """What one poll brought of one partition.

    Args:
        records: offset and value, in the order in which they came.
        positioned: not a poll: the process has set its position to the one offset in `records`;
            to one that is not known where there is none.
        index: how manieth thing of the history it is.
    """

    process: str
    place: Place
    records: tuple[tuple[int, bytes], ...]
    at_ms: int
    positioned: bool = False
    index: int = -1


@dataclass(slots=True)
class History:
    """All that the clients of one run did.

    Attributes:
        final: what a reader from the beginning gets after everything has healed. A partition
            that was read and found empty has an empty list; one that was not read has none,
            and is not searched for lost records.
        count: how many things have happened: a send that has ended is two.
    """

    sends: list[Send] = field(default_factory=list)
    polls: list[Poll] = field(default_factory=list)
    final: dict[Place, list[tuple[int, bytes]]] = field(default_factory=dict)
    count: int = 0

    def _next_index(self) -> int:
        index = self.count
        self.count = index + 1
        return index

    def invoke_send(
        self,
        process: str,
        topic: str,
        partition: int | None,
        value: bytes,
        acks: int,
        now_ms: int,
    ) -> Send:
        """Note that a process sends; hand the result to `ok`, `fail` or `info`."""
        place = (topic, NO_PARTITION if partition is None else partition)
        send = Send(process, place, value, acks, now_ms, invoked_index=self._next_index())
        self.sends.append(send)
        return send

    def ok(
        self, send: Send, offset: int | None, now_ms: int, *, partition: int | None = None
    ) -> None:
        """Note that a send was acknowledged, at `offset` where that was said."""
        if partition is not None:
            send.place = (send.place[0], partition)
        send.offset = offset
        self._complete(send, "ok", now_ms)

    def fail(self, send: Send, now_ms: int) -> None:
        """Note that a send surely did not take effect."""
        self._complete(send, "fail", now_ms)

    def info(self, send: Send, now_ms: int) -> None:
        """Note that nobody can say whether a send took effect."""
        self._complete(send, "info", now_ms)

    def _complete(self, send: Send, outcome: Outcome, now_ms: int) -> None:
        send.outcome, send.completed_ms = outcome, now_ms
        send.completed_index = self._next_index()

    def polled(
        self,
        process: str,
        topic: str,
        partition: int,
        records: Sequence[tuple[int, bytes]],
        now_ms: int,
    ) -> None:
        """Note what a poll brought."""
        place = (topic, partition)
        self.polls.append(
            Poll(process, place, tuple(records), now_ms, index=self._next_index())
        )

    def positioned(
        self, process: str, topic: str, partition: int, offset: int | None, now_ms: int
    ) -> None:
        """Note that a process reads on from `offset`: after a seek or an assignment.

        Args:
            offset: None where the process cannot tell.
        """
        at = () if offset is None else ((offset, b""),)
        self.polls.append(
            Poll(
                process,
                (topic, partition),
                at,
                now_ms,
                positioned=True,
                index=self._next_index(),
            )
        )


# --- as text ----------------------------------------------------------------------------------


def history_to_text(history: History) -> str:
    """Return a line for each thing that happened, then what each partition held in the end."""
    lines: list[tuple[int, list[Any]]] = []
    for number, send in enumerate(history.sends):
        topic, partition = send.place
        sent = [topic, partition, _text(send.value), send.acks]
        lines.append((send.invoked_index, ["send", send.invoked_ms, send.process, *sent]))
        if send.outcome != "open":
            ended: list[Any] = [send.outcome, send.completed_ms, number]
            if send.outcome == "ok":
                ended.append(send.offset)
            lines.append((send.completed_index, ended))
    for poll in history.polls:
        said: list[Any] = [poll.at_ms, poll.process, *poll.place]
        if poll.positioned:
            offset = poll.records[0][0] if poll.records else None
            lines.append((poll.index, ["position", *said, offset]))
        else:
            lines.append((poll.index, ["poll", *said, _texts(poll.records)]))
    lines.sort(key=lambda line: line[0])
    ordered = [line for _, line in lines]
    ordered += [["final", *place, _texts(found)] for place, found in history.final.items()]
    return "".join(f"{json.dumps(line)}\n" for line in ordered)


def history_from_text(text: str) -> History:
    """Read what `history_to_text` wrote; empty lines and those that begin with # are left out.

    Raises:
        ValueError: a line is not understood; the message says which.
    """
    history = History()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            kind, *rest = json.loads(line)
            _take(history, kind, rest)
        except (ValueError, TypeError, IndexError) as error:
            raise ValueError(f"line {number} of a history: {error}: {line[:80]}") from error
    return history


def _take(history: History, kind: str, rest: list[Any]) -> None:
    """Note what one line says."""
    if kind == "send":
        now_ms, process, topic, partition, value, acks = rest
        history.invoke_send(process, topic, partition, _bytes(value), acks, now_ms)
    elif kind == "ok":
        now_ms, number, offset = rest
        history.ok(history.sends[number], offset, now_ms)
    elif kind in ("fail", "info"):
        now_ms, number = rest
        note = history.fail if kind == "fail" else history.info
        note(history.sends[number], now_ms)
    elif kind == "poll":
        now_ms, process, topic, partition, found = rest
        history.polled(process, topic, partition, _pairs(found), now_ms)
    elif kind == "position":
        now_ms, process, topic, partition, offset = rest
        history.positioned(process, topic, partition, offset, now_ms)
    elif kind == "final":
        topic, partition, found = rest
        history.final[topic, partition] = _pairs(found)
    else:
        raise ValueError(f"unknown kind {kind!r}")


def _text(value: bytes) -> str:
    # Latin-1 has a character for every byte: whatever was sent comes back as it was.
    return value.decode("latin-1")


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")


def _texts(records: Iterable[tuple[int, bytes]]) -> list[list[Any]]:
    return [[offset, _text(value)] for offset, value in records]


def _pairs(found: Iterable[Sequence[Any]]) -> list[tuple[int, bytes]]:
    return [(offset, _bytes(value)) for offset, value in found]
