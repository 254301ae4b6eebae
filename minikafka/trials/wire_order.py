"""W1, seen from the wire: one answer per request, in order, with its correlation id.

Fed with every write of the network. Looks at the first bytes of each frame and counts over the
rest, so that it costs next to nothing; bodies are neither decoded nor copied.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from struct import Struct, error

from minikafka.wire.framing import LENGTH_BYTES, FrameError
from minikafka.wire.primitives import read_uvarint, skip_tagged_fields
from minikafka.wire.versions import SERVED, ApiKey

__all__ = ["WireOrder", "produce_acks"]

_REQUEST = Struct(">ihhi")
_RESPONSE = Struct(">ii")
_SHORT = Struct(">h")
_PRODUCE = int(ApiKey.PRODUCE)
_PRODUCE_FLEXIBLE_FROM = SERVED[ApiKey.PRODUCE].flexible_from
_TRANSACTIONAL_FROM = 3
_HEAD_STEP_BYTES = 256
"""How much of a write is joined to the start of a frame at first: most often all it takes."""
_HEAD_BYTES_MAX = 1 << 17
"""As far as acks may be: behind a client id and a transactional id of 32 KiB each."""


class _Stream:
    """One direction of a connection: the start of a frame, or how much of one is to pass."""

    __slots__ = ("head", "skip")

    def __init__(self) -> None:
        self.head = b""
        self.skip = 0


class _Connection:
    __slots__ = ("answers", "number", "requests", "waiting")

    def __init__(self, number: int) -> None:
        self.number = number
        self.requests = _Stream()
        self.answers = _Stream()
        self.waiting: deque[int] = deque()


class WireOrder:
    """Follows the connections to brokers.

    Args:
        on_violation: called with `W1` and what is wrong.
        ports: where brokers listen; other connections are not looked at.
    """

    def __init__(
        self, on_violation: Callable[[str, str], None], ports: Sequence[int] = ()
    ) -> None:
        self._on_violation = on_violation
        self._ports = tuple(ports)
        self._connections: dict[int, _Connection] = {}

    def connected(self, connection: int, port: int) -> None:
        """Hear of a new connection."""
        if port in self._ports:
            self._connections[connection] = _Connection(connection)

    def wrote(self, connection: int, side: int, data: bytes) -> None:
        """Hear of a write; side 0 is who connected."""
        known = self._connections.get(connection)
        if known is None:
            return
        stream = known.answers if side else known.requests
        size = len(data)
        position = stream.skip
        if not position and not stream.head and _is_plain(known, side, data, size):
            return
        if position >= size:
            stream.skip = position - size
            return
        take = self._answer if side else self._request
        try:
            if stream.head:
                position = self._continue(known, stream, data, side)
            while position < size:
                length = take(known, data, position)
                if not length:
                    stream.head = data[position:]
                    break
                position += length
        except FrameError as refused:
            self._leave(known, side, refused)
            return
        stream.skip = position - size if position > size else 0

    def _continue(self, known: _Connection, stream: _Stream, data: bytes, side: int) -> int:
        """Read a frame whose start came before; return where the next one begins in `data`."""
        head = stream.head
        take = self._answer if side else self._request
        step = _HEAD_STEP_BYTES
        while True:
            joined = head + data[:step]
            length = take(known, joined, 0)
            if length:
                stream.head = b""
                return length - len(head)
            if step >= len(data):
                stream.head = joined
                return len(data)
            step *= 4

    def _leave(self, known: _Connection, side: int, refused: FrameError) -> None:
        """Look no further at a connection that has lost its framing.

        A client that does so is cut off by the broker; a broker may not.
        """
        del self._connections[known.number]
        if side:
            text = f"connection {known.number}: an answer is no frame: {refused.reason}"
            self._on_violation("W1", text)

    def _request(self, known: _Connection, data: bytes, start: int) -> int:
        """Note one request; return its length with prefix, 0 where more bytes are needed."""
        here = len(data) - start
        if here < _REQUEST.size:
            return _check_early(data, start, _REQUEST.size)
        length, api_key, version, correlation_id = _REQUEST.unpack_from(data, start)
        total = _checked(length, _REQUEST.size)
        if api_key == _PRODUCE:
            acks = produce_acks(data, start + _REQUEST.size, version)
            if acks == 0:
                return total
            if acks is None and here < total and here < _HEAD_BYTES_MAX:
                return 0
        known.waiting.append(correlation_id)
        return total

    def _answer(self, known: _Connection, data: bytes, start: int) -> int:
        """Hold one answer against what is due; return its length, 0 where more is needed."""
        if len(data) - start < _RESPONSE.size:
            return _check_early(data, start, _RESPONSE.size)
        length, correlation_id = _RESPONSE.unpack_from(data, start)
        total = _checked(length, _RESPONSE.size)
        waiting = known.waiting
        due = waiting.popleft() if waiting else None
        if due != correlation_id:
            wanted = "nothing" if due is None else str(due)
            text = f"connection {known.number}: answer {correlation_id} where {wanted} is due"
            self._on_violation("W1", text)
        return total


def _is_plain(known: _Connection, side: int, data: bytes, size: int) -> bool:
    """Note what most writes are, one whole frame with nothing wrong; say whether it was that."""
    if side:
        if size < _RESPONSE.size:
            return False
        length, correlation_id = _RESPONSE.unpack_from(data)
        waiting = known.waiting
        if length + LENGTH_BYTES != size or not waiting or waiting[0] != correlation_id:
            return False
        waiting.popleft()
        return True
    if size < _REQUEST.size:
        return False
    length, api_key, _, correlation_id = _REQUEST.unpack_from(data)
    if length + LENGTH_BYTES != size or api_key == _PRODUCE:
        return False
    known.waiting.append(correlation_id)
    return True


def _check_early(data: bytes, start: int, least: int) -> int:
    """Refuse a frame that is too short as soon as its length is there; return 0."""
    if len(data) - start >= LENGTH_BYTES:
        _checked(int.from_bytes(data[start : start + LENGTH_BYTES], signed=True), least)
    return 0


def _checked(length: int, least: int) -> int:
    """Return the length of a frame with its prefix.

    Raises:
        FrameError: there is no room in it for what every frame begins with.
    """
    total = length + LENGTH_BYTES
    if total < least:
        raise FrameError(f"frame of {length} bytes")
    return total


def produce_acks(data: bytes, position: int, version: int) -> int | None:
    """Return what a Produce request says of acks; None while that has not come.

    Args:
        data: may end anywhere, and may go on behind the request.
        position: where the client id starts: behind the correlation id.
        version: of the request.
    """
    try:
        position += 2 + max(_SHORT.unpack_from(data, position)[0], 0)
        if version >= _PRODUCE_FLEXIBLE_FROM:
            # One byte each, but for a client that says more in its header, or has a long id.
            if data[position]:
                _, position = skip_tagged_fields(memoryview(data), position)
            else:
                position += 1
            size = data[position]
            position += 1
            if size >= 0x80:
                size, position = read_uvarint(memoryview(data), position - 1)
            position += size - 1 if size else 0
        elif version >= _TRANSACTIONAL_FROM:
            position += 2 + max(_SHORT.unpack_from(data, position)[0], 0)
        acks: int = _SHORT.unpack_from(data, position)[0]
    except (IndexError, error, FrameError):
        return None
    return acks
