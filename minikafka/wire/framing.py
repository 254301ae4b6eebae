"""What a frame may look like: a length of four bytes, then that many bytes.

Holds the rules only; the connection does the buffering. Counterpart: NetworkReceive.
"""

from __future__ import annotations

from struct import Struct

__all__ = [
    "FRAME_BYTES_MAX",
    "LENGTH_BYTES",
    "REQUEST_BYTES_MIN",
    "FrameError",
    "UnsupportedVersion",
    "frame_length",
]

LENGTH_BYTES = 4
# Kafka's default of socket.request.max.bytes.
FRAME_BYTES_MAX = 104_857_600
# Api key, api version, correlation id and a null client id.
REQUEST_BYTES_MIN = 10

_LENGTH = Struct(">i")


class FrameError(Exception):
    """Bytes that are no frame of the protocol; the connection they came from is closed.

    Args:
        reason: one line for the log.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class UnsupportedVersion(FrameError):
    """A well-formed header that asks for an API or a version that is not served."""


def frame_length(
    buffer: bytes | bytearray | memoryview, position: int = 0, *, limit: int = FRAME_BYTES_MAX
) -> int:
    """Return how many bytes follow the length at `position`.

    Args:
        buffer: holds at least four bytes from `position` on.
        position: where the length starts.
        limit: largest length allowed, inclusive (socket.request.max.bytes).

    Raises:
        FrameError: the length is negative or above `limit`. A length below
            `REQUEST_BYTES_MIN` passes here and fails at the header, as in Kafka.
    """
    (length,) = _LENGTH.unpack_from(buffer, position)
    if 0 <= length <= limit:
        return int(length)
    raise FrameError(f"frame of {length} bytes, allowed are 0 to {limit}")
