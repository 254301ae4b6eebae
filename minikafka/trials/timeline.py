"""A kept trace as people read it: Kafka requests and answers, faults and notes, in time.

Frames are cut per connection and direction, answers matched to requests by correlation id, and
only the last lines decoded, with the project's own codecs; idle chatter is folded into a count.
Whatever is not Kafka, or not whole, is shown by its size.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Sequence
from struct import Struct
from typing import Any, NamedTuple, TypeAlias

from minikafka.base.errors import KafkaError
from minikafka.sim.trace import TraceEvent
from minikafka.trials.timeline_words import answer_words, request_words
from minikafka.trials.wire_order import produce_acks
from minikafka.wire.codec import decode_header, decode_request, decode_response
from minikafka.wire.framing import FRAME_BYTES_MAX, LENGTH_BYTES, FrameError
from minikafka.wire.versions import SERVED, ApiKey

__all__ = ["timeline"]

_LENGTH = Struct(">i")
_REQUEST = Struct(">hhi")
_CORRELATION_ID = Struct(">i")
_SHOWN = ("fault", "note", "violation", "unhandled")
_OF_CONNECTION = ("refused", "reset", "lost")
_LOOKED_AT_MAX = 20_000
"""Frames decoded in search of the last lines; more idle ones than that end the search."""
# What comes of bytes that only look like Kafka's: the codecs refuse them, and what they let
# pass may still be nothing that can be put into words.
_ODD = (
    FrameError,
    KafkaError,
    struct.error,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)

_Span: TypeAlias = tuple[bytes, int, int]
"""Bytes, and where in them a frame begins and ends."""


class _NoFrameError(Exception):
    """What is no length of a frame: not Kafka."""


class _Asked:
    """A request that gets an answer; `idle` once that turned out to bring nothing."""

    __slots__ = ("api_key", "correlation_id", "idle", "version")

    def __init__(self, api_key: int, version: int, correlation_id: int) -> None:
        self.api_key = api_key
        self.version = version
        self.correlation_id = correlation_id
        self.idle = False


class _Line(NamedTuple):
    """What becomes a line: a text, or a frame that is not decoded yet.

    Args:
        asked: the request that the frame is, or answers; None where it is neither.
        side: who wrote the frame; 0 is who connected.
    """

    at_ns: int
    text: str
    frame: _Span | None = None
    asked: _Asked | None = None
    side: int = 0


class _Stream:
    """One direction of a connection: bytes that are no whole frame yet."""

    __slots__ = ("at_ns", "have", "needed", "pieces")

    def __init__(self) -> None:
        self.at_ns = 0
        self.have = 0
        self.needed = LENGTH_BYTES
        self.pieces: list[bytes] = []

    def cut(self, data: bytes) -> list[_Span]:
        """Take a write; return the frames that are whole now.

        Raises:
            _NoFrameError: a length that no frame has.
        """
        self.pieces.append(data)
        self.have += len(data)
        # Pieces of a big frame wait until it is whole: joined once, not at each write.
        if self.have < self.needed:
            return []
        if len(self.pieces) > 1:
            data = b"".join(self.pieces)
        frames = []
        position, size = 0, len(data)
        while True:
            self.needed = LENGTH_BYTES
            if size - position < LENGTH_BYTES:
                break
            length = _LENGTH.unpack_from(data, position)[0]
            if not 0 < length <= FRAME_BYTES_MAX:
                raise _NoFrameError
            self.needed += length
            end = position + self.needed
            if end > size:
                break
            frames.append((data, position + LENGTH_BYTES, end))
            position = end
        self.pieces = [data[position:]] if position < size else []
        self.have = size - position
        return frames


class _Connection:
    """Who talks to whom, and which requests wait for their answers."""

    __slots__ = ("asked", "is_kafka", "streams", "ways")

    def __init__(self, client: str, server: str) -> None:
        self.ways = (f"{client} -> {server}", f"{server} -> {client}")
        self.streams = (_Stream(), _Stream())
        self.asked: dict[int, _Asked] = {}
        self.is_kafka = True


def timeline(events: Sequence[TraceEvent], *, last: int = 80) -> str:
    """Return the last lines of what happened.

    Args:
        events: of a run that kept its trace.
        last: how many lines; only these are decoded in full.
    """
    reader = _Reader()
    for event in events:
        reader.take(event)
    return "\n".join(_shown(reader.finished(), last))


class _Reader:
    """Cuts a trace into lines."""

    def __init__(self) -> None:
        self._lines: list[_Line] = []
        self._connections: dict[str, _Connection] = {}

    def take(self, event: TraceEvent) -> None:
        """Take the next event."""
        kind = event.kind
        if kind == "tx":
            if event.data:
                self._wrote(event)
        elif kind == "syn":
            words = event.text.split(" ")
            if len(words) > 2:
                self._connections[words[0]] = _Connection(words[1], words[2])
        elif kind in _OF_CONNECTION:
            end, _, why = event.text.partition(" ")
            number, _, side = end.partition(".")
            connection = self._connections.get(number)
            way = end if connection is None else connection.ways[side == "1"]
            why = "" if why == "NoneType" else f" {why}"
            self._lines.append(_Line(event.at_ns, f"{kind.upper()} {way}{why}".rstrip()))
        elif kind in _SHOWN:
            self._lines.append(_Line(event.at_ns, f"{kind.upper()} {event.text}"))

    def finished(self) -> list[_Line]:
        """Return all lines, those of frames of which the end never came among them."""
        torn = []
        for connection in self._connections.values():
            for way, stream in zip(connection.ways, connection.streams, strict=True):
                if stream.have:
                    text = f"{way}  {stream.have} bytes of a frame whose rest never came"
                    torn.append(_Line(stream.at_ns, text))
        if torn:
            self._lines += torn
            self._lines.sort(key=lambda line: line.at_ns)
        return self._lines

    def _wrote(self, event: TraceEvent) -> None:
        number, _, end = event.text.partition(".")
        side = 1 if end == "1" else 0
        connection = self._connections.get(number)
        if connection is None:
            # Of a connection made before this trace began nobody knows the ends.
            connection = self._connections[number] = _Connection(f"{number}.0", f"{number}.1")
        way = connection.ways[side]
        if connection.is_kafka:
            stream = connection.streams[side]
            stream.at_ns = event.at_ns
            try:
                for frame in stream.cut(event.data):
                    asked = (_answered if side else _asked)(connection, frame)
                    self._lines.append(_Line(event.at_ns, way, frame, asked, side))
                return
            except _NoFrameError:
                connection.is_kafka = False
                for left in connection.streams:
                    left.pieces, left.have = [], 0
        self._lines.append(_Line(event.at_ns, f"{way}  {len(event.data)} bytes"))


def _asked(connection: _Connection, frame: _Span) -> _Asked | None:
    """Note a request that is to be answered; return what its header says."""
    data, start, end = frame
    if end - start < _REQUEST.size:
        return None
    api_key, version, correlation_id = _REQUEST.unpack_from(data, start)
    if api_key not in SERVED:
        return None
    asked = _Asked(api_key, version, correlation_id)
    unanswered = api_key == 0 and produce_acks(data, start + _REQUEST.size, version) == 0
    if not unanswered:
        connection.asked[correlation_id] = asked
    return asked


def _answered(connection: _Connection, frame: _Span) -> _Asked | None:
    """Return the request that an answer is for, None where there is none."""
    data, start, end = frame
    if end - start < _CORRELATION_ID.size:
        return None
    return connection.asked.pop(_CORRELATION_ID.unpack_from(data, start)[0], None)


# --- lines ------------------------------------------------------------------------------------


def _shown(lines: list[_Line], last: int) -> list[str]:
    """Make text of lines from the end on, until there are enough."""
    shown: deque[str] = deque()
    folded = looked_at = 0
    for line in reversed(lines):
        if len(shown) >= last or looked_at >= _LOOKED_AT_MAX:
            break
        looked_at += 1
        text = line.text if line.frame is None else _frame(line, line.frame)
        if text is None:
            folded += 1
            continue
        _fold(shown, folded)
        folded = 0
        shown.appendleft(f"{line.at_ns / 1e9:12.6f}  {text}")
    _fold(shown, folded)
    while len(shown) > last:
        shown.popleft()
    return list(shown)


def _fold(shown: deque[str], count: int) -> None:
    if count:
        shown.appendleft(f"{'':12}  ... {count} idle fetches and heartbeats")


def _frame(line: _Line, span: _Span) -> str | None:
    """Return what to show of a frame; None for idle chatter."""
    asked = line.asked
    data, start, end = span
    if asked is None:
        return f"{line.text}  {end - start} bytes"
    if line.side == 0 and asked.idle:
        return None
    name = SERVED[asked.api_key].name
    number = f"#{asked.correlation_id}"
    head = f"{name} {number}" if line.side else f"{name} v{asked.version} {number}"
    # Batches are spans of what they came in, which must be theirs alone.
    frame = memoryview(bytearray(data[start:end]))
    try:
        words = (_answer if line.side else _request)(asked, frame)
    except _ODD:
        words = f"{end - start} bytes"
    if words is None:
        asked.idle = True
        return None
    return f"{line.text}  {head}  {words}".rstrip()


def _request(asked: _Asked, frame: memoryview) -> str | None:
    position = decode_header(frame).body_position
    request = decode_request(asked.api_key, asked.version, frame, position)
    words = request_words(asked.api_key, request)
    if asked.api_key == ApiKey.FETCH and words is not None:
        words += _session(request)
    return words


def _answer(asked: _Asked, frame: memoryview) -> str | None:
    _, response = decode_response(asked.api_key, asked.version, frame)
    words = answer_words(asked.api_key, response)
    if asked.api_key == ApiKey.FETCH and words is not None and response.session_id:
        words += f" session {response.session_id}"
    return words


def _session(request: Any) -> str:
    """Return the fetch session that a request belongs to, or begins; KIP-227."""
    if request.session_epoch < 0:
        return ""
    return f" session {request.session_id or 'new'} epoch {request.session_epoch}"
