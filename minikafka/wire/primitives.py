"""The primitive types of the protocol that `struct` does not know, read and written by hand.

Readers take (buffer, position) and return (value, next position). They may raise IndexError,
struct.error, ValueError or FrameError, and may return a position behind the end of the
buffer: `codec` turns all of that into FrameError. Counterpart: ByteUtils, Readable,
Writable. KIP-482.
"""

from __future__ import annotations

from struct import Struct
from typing import TypeAlias
from uuid import UUID

from minikafka.base.ids import uuid_of
from minikafka.wire.framing import FrameError

__all__ = [
    "INT16",
    "INT32",
    "NULL_INT16",
    "NULL_INT32",
    "Buffer",
    "compact_bytes",
    "legacy_string",
    "read_compact_count",
    "read_compact_string",
    "read_legacy_count",
    "read_legacy_string",
    "read_nullable_compact_string",
    "read_nullable_legacy_string",
    "read_uuid",
    "read_uvarint",
    "skip_tagged_fields",
    "uvarint",
]

Buffer: TypeAlias = bytes | bytearray | memoryview

INT16 = Struct(">h")
INT32 = Struct(">i")
NULL_INT16 = b"\xff\xff"
NULL_INT32 = b"\xff\xff\xff\xff"
_STRING_BYTES_MAX = 0x7FFF
_UVARINT_MAX = 0x7FFF_FFFF
_UUID_BYTES = 16


def read_uvarint(buffer: memoryview, position: int) -> tuple[int, int]:
    """Read an unsigned varint of at most five bytes, at most 2**31 - 1."""
    byte = buffer[position]
    position += 1
    if byte < 0x80:
        return byte, position
    value = byte & 0x7F
    for shift in (7, 14, 21, 28):
        byte = buffer[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value > _UVARINT_MAX:
                break
            return value, position
    raise FrameError("varint is too long")


def uvarint(value: int) -> bytes:
    """Encode an unsigned varint."""
    if value < 0x80:
        return _ONE_BYTE[value]
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


_ONE_BYTE = tuple(bytes((value,)) for value in range(0x80))


def skip_tagged_fields(buffer: memoryview, position: int) -> tuple[None, int]:
    """Skip a section of tagged fields, none of which is known here (KIP-482)."""
    if not buffer[position]:
        return None, position + 1
    count, position = read_uvarint(buffer, position)
    for _ in range(count):
        _, position = read_uvarint(buffer, position)
        size, position = read_uvarint(buffer, position)
        position += size
    return None, position


def read_compact_count(buffer: memoryview, position: int) -> tuple[int, int]:
    """Read the length of a compact array that may not be null."""
    count = buffer[position]
    if 0 < count < 0x80:
        return count - 1, position + 1
    count, position = read_uvarint(buffer, position)
    if not count:
        raise FrameError("null where an array must be")
    return count - 1, position


def read_legacy_count(buffer: memoryview, position: int) -> tuple[int, int]:
    """Read the length of an int32-counted array that may not be null."""
    (count,) = INT32.unpack_from(buffer, position)
    if count < 0:
        raise FrameError("null where an array must be")
    return count, position + 4


def read_nullable_compact_string(buffer: memoryview, position: int) -> tuple[str | None, int]:
    """Read a string whose length is stored plus one; 0 is null."""
    if not buffer[position]:
        return None, position + 1
    size, position = read_uvarint(buffer, position)
    if not size:
        return None, position
    return _text(buffer, position, size - 1)


def read_compact_string(buffer: memoryview, position: int) -> tuple[str, int]:
    """Read a string whose length is stored plus one; null is refused."""
    size, position = read_uvarint(buffer, position)
    if not size:
        raise FrameError("null where a string must be")
    return _text(buffer, position, size - 1)


def read_nullable_legacy_string(buffer: memoryview, position: int) -> tuple[str | None, int]:
    """Read a string with an int16 length; any negative length is null, as Kafka reads it."""
    (size,) = INT16.unpack_from(buffer, position)
    if size < 0:
        return None, position + 2
    return _text(buffer, position + 2, size)


def read_legacy_string(buffer: memoryview, position: int) -> tuple[str, int]:
    """Read a string with an int16 length; null is refused."""
    (size,) = INT16.unpack_from(buffer, position)
    if size < 0:
        raise FrameError("null where a string must be")
    return _text(buffer, position + 2, size)


def _text(buffer: memoryview, position: int, size: int) -> tuple[str, int]:
    # A shorter slice than asked for ends behind the buffer, which the codec refuses.
    if size > _STRING_BYTES_MAX:
        raise FrameError(f"string of {size} bytes, allowed are {_STRING_BYTES_MAX}")
    end = position + size
    # Java puts U+FFFD for what is no UTF-8, and leaves it to others to dislike the name.
    return str(buffer[position:end], "utf-8", "replace"), end


def read_uuid(buffer: memoryview, position: int) -> tuple[UUID, int]:
    """Read 16 bytes; all zeros is ZERO_ID, not None."""
    end = position + _UUID_BYTES
    return uuid_of(bytes(buffer[position:end])), end


def legacy_string(text: str | None) -> bytes:
    """Encode a string with an int16 length; None as null."""
    if text is None:
        return NULL_INT16
    encoded = text.encode()
    return INT16.pack(len(encoded)) + encoded


def compact_bytes(value: str | bytes | None) -> bytes:
    """Encode text or bytes with the length plus one before it; None as null."""
    if value is None:
        return b"\0"
    encoded = value.encode() if isinstance(value, str) else value
    return uvarint(len(encoded) + 1) + encoded
