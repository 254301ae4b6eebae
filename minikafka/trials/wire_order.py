"""W1, seen from the wire: one answer per request, in order, with its correlation id.

Fed with every write of the network. Looks at the first bytes of each frame and counts over the
rest, so that it costs next to nothing.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Sequence

from minikafka.wire.versions import ApiKey

__all__ = ["WireOrder"]

_REQUEST = struct.Struct(">ihhi")
_RESPONSE = struct.Struct(">ii")
_SHORT = struct.Struct(">h")
_FLEXIBLE_PRODUCE = 9
# As far as acks may be: behind a client id and a transactional id of 32 KiB each.
_HEAD_BYTES_MAX = 1 << 17


class _Direction:
    """One direction of a connection, cut into frames."""

    __slots__ = ("head", "skip")

    def __init__(self) -> None:
        self.head = b""
        self.skip = 0


class WireOrder:
    """Follows the connections to brokers.

    Args:
        report: called with `W1` and what is wrong.
        ports: where brokers listen; other connections are not looked at.
    """

    def __init__(self, report: Callable[[str, str], None], ports: Sequence[int]) -> None:
        self._report = report
        self._ports = tuple(ports)
        self._directions: dict[tuple[int, int], _Direction] = {}
        self._waiting: dict[int, deque[int]] = {}

    def connected(self, connection: int, port: int) -> None:
        """Hear of a new connection."""
        if port in self._ports:
            self._waiting[connection] = deque()
            self._directions[connection, 0] = _Direction()
            self._directions[connection, 1] = _Direction()

    def wrote(self, connection: int, side: int, data: bytes) -> None:
        """Hear of a write; side 0 is who connected."""
        direction = self._directions.get((connection, side))
        if direction is None:
            return
        while data:
            if direction.skip:
                taken = min(direction.skip, len(data))
                direction.skip -= taken
                data = data[taken:]
                continue
            head = direction.head + data if direction.head else data
            used = (
                self._request(connection, head)
                if side == 0
                else self._response(connection, head)
            )
            if used is None:
                direction.head = head
                return
            direction.head = b""
            direction.skip = max(0, used - len(head))
            data = head[used:]

    def _request(self, connection: int, head: bytes) -> int | None:
        """Note one request; return its length with prefix, None where more bytes are needed."""
        if len(head) < _REQUEST.size:
            return None
        length, api_key, version, correlation_id = _REQUEST.unpack_from(head)
        if api_key == ApiKey.PRODUCE:
            acks = _acks(head, version)
            if acks is None and len(head) < min(length + 4, _HEAD_BYTES_MAX):
                return None
            if acks == 0:
                return int(length) + 4
        self._waiting[connection].append(correlation_id)
        return int(length) + 4

    def _response(self, connection: int, head: bytes) -> int | None:
        if len(head) < _RESPONSE.size:
            return None
        length, correlation_id = _RESPONSE.unpack_from(head)
        waiting = self._waiting[connection]
        expected = waiting.popleft() if waiting else None
        if expected != correlation_id:
            wanted = "nothing" if expected is None else str(expected)
            self._report(
                "W1", f"connection {connection}: answer {correlation_id} where {wanted} is due"
            )
        return int(length) + 4


def _acks(head: bytes, version: int) -> int | None:
    """Return what a Produce request says of acks, None while that has not come."""
    position = _REQUEST.size
    try:
        (client_id,) = _SHORT.unpack_from(head, position)
        position += 2 + max(client_id, 0)
        if version >= _FLEXIBLE_PRODUCE:
            position += 1  # no tagged fields in the header
            size, position = _varint(head, position)
            position += max(size - 1, 0)
        elif version >= 3:
            (size,) = _SHORT.unpack_from(head, position)
            position += 2 + max(size, 0)
        (acks,) = _SHORT.unpack_from(head, position)
    except (IndexError, struct.error):
        return None
    return int(acks)


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
