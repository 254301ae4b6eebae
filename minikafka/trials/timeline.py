"""A kept trace as people read it: Kafka requests and answers, faults and notes, in time.

Frames are cut per connection and decoded with the project's own codecs; idle chatter is folded
into a count. Whatever is not Kafka, or not whole, is shown by its size.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any, NamedTuple

from minikafka.sim.trace import TraceEvent
from minikafka.trials.timeline_words import answer_words, request_words
from minikafka.wire.codec import decode_header, decode_request, decode_response
from minikafka.wire.framing import FrameError
from minikafka.wire.versions import SERVED, ApiKey, is_served

__all__ = ["timeline"]

_LENGTH = Struct(">i")
_SHOWN = ("fault", "note", "violation", "unhandled", "refused", "reset")
_FRAME_BYTES_MAX = 1 << 26


class _Asked(NamedTuple):
    api_key: int
    version: int
    correlation_id: int


class _Connection:
    """Who talks to whom, what is not yet a whole frame, and what waits for its answer."""

    def __init__(self, text: str) -> None:
        _, self.client, self.server, _ = text.split(" ")
        self.rest = [b"", b""]
        self.asked: deque[_Asked] = deque()
        self.is_kafka = True


class _Line(NamedTuple):
    at_ns: int
    make: Callable[[], str | None]


def timeline(events: Sequence[TraceEvent], *, last: int = 80) -> str:
    """Return the last lines of what happened.

    Args:
        events: of a run that kept its trace.
        last: how many lines; only these are decoded in full.
    """
    connections: dict[str, _Connection] = {}
    lines: list[_Line] = []
    for event in events:
        if event.kind == "syn":
            connections[event.text.split(" ")[0]] = _Connection(event.text)
        elif event.kind == "tx" and event.data:
            number, _, side = event.text.partition(".")
            connection = connections.get(number)
            if connection is not None:
                lines += _frames(event, connection, int(side))
        elif event.kind in _SHOWN:
            text = f"{event.kind.upper()} {event.text}"
            lines.append(_Line(event.at_ns, lambda text=text: text))  # type: ignore[misc]
    return "\n".join(_shown(lines, last))


def _shown(lines: list[_Line], last: int) -> list[str]:
    """Make text of lines from the end on, until there are enough."""
    shown: deque[str] = deque()
    folded = 0
    for line in reversed(lines):
        text = line.make()
        if text is None:
            folded += 1
            continue
        if folded:
            shown.appendleft(f"{'':12}  ... {folded} idle fetches and heartbeats")
            folded = 0
        shown.appendleft(f"{line.at_ns / 1e9:12.6f}  {text}")
        if len(shown) >= last:
            break
    return list(shown)


def _frames(event: TraceEvent, connection: _Connection, side: int) -> list[_Line]:
    """Cut what was written into frames; keep what is not whole for the next write."""
    if not connection.is_kafka:
        return []
    data = connection.rest[side] + event.data
    lines = []
    position = 0
    while len(data) - position >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(data, position)
        if not 0 < length < _FRAME_BYTES_MAX:
            connection.is_kafka = False
            break
        if len(data) - position - _LENGTH.size < length:
            break
        start = position + _LENGTH.size
        frame = memoryview(bytearray(data[start : start + length]))
        position = start + length
        lines.append(_Line(event.at_ns, _frame(frame, connection, side)))
    connection.rest[side] = data[position:]
    return lines


def _frame(frame: memoryview, connection: _Connection, side: int) -> Callable[[], str | None]:
    """Return what makes a line of one frame; the order of answers is followed at once."""
    if side == 0:
        way = f"{connection.client} -> {connection.server}"
        try:
            header = decode_header(frame)
        except FrameError:
            return lambda: f"{way}  {len(frame)} bytes"
        asked = _Asked(header.api_key, header.api_version, header.correlation_id)
        if not _is_unanswered(asked, frame, header.body_position):
            connection.asked.append(asked)
        return lambda: _request(way, asked, frame, header.body_position)
    way = f"{connection.server} -> {connection.client}"
    answered = connection.asked.popleft() if connection.asked else None
    return lambda: _answer(way, answered, frame)


def _is_unanswered(asked: _Asked, frame: memoryview, position: int) -> bool:
    if asked.api_key != ApiKey.PRODUCE or not is_served(asked.api_key, asked.version):
        return False
    try:
        request: Any = decode_request(asked.api_key, asked.version, frame, position)
    except FrameError:
        return False
    return bool(request.acks == 0)


def _name(asked: _Asked) -> str:
    row = SERVED.get(asked.api_key)
    name = f"api {asked.api_key}" if row is None else row.name
    return f"{name} v{asked.version} #{asked.correlation_id}"


def _request(way: str, asked: _Asked, frame: memoryview, position: int) -> str | None:
    words: str | None = ""
    if is_served(asked.api_key, asked.version):
        try:
            request = decode_request(asked.api_key, asked.version, frame, position)
            words = request_words(asked.api_key, request)
        except (FrameError, ValueError):
            words = f"{len(frame)} bytes"
    return None if words is None else f"{way}  {_name(asked)}  {words}".rstrip()


def _answer(way: str, asked: _Asked | None, frame: memoryview) -> str | None:
    if asked is None or not is_served(asked.api_key, asked.version):
        return f"{way}  {len(frame)} bytes"
    words: str | None
    try:
        _, response = decode_response(asked.api_key, asked.version, frame)
        words = answer_words(asked.api_key, response)
    except (FrameError, ValueError):
        words = f"{len(frame)} bytes"
    return None if words is None else f"{way}  {_name(asked)}  = {words}".rstrip()
