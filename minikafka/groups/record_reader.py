"""Reads the bytes of a record's key or value. Counterpart: Readable, ByteBufferAccessor."""

from __future__ import annotations

import struct
from uuid import UUID

from minikafka.base.ids import uuid_of
from minikafka.wire.primitives import (
    INT16,
    INT32,
    read_compact_count,
    read_compact_string,
    read_legacy_string,
    read_nullable_compact_string,
    read_nullable_legacy_string,
    read_uvarint,
    skip_tagged_fields,
)

__all__ = ["INT64", "RecordReader"]

INT64 = struct.Struct(">q")
_INT8 = struct.Struct(">b")
_UUID_BYTES = 16


class RecordReader:
    """A position in the bytes; raises struct.error, IndexError, ValueError or FrameError."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._view = memoryview(data)
        self._position = 0

    def version(self, highest: int) -> int:
        """Return the version of a value."""
        version = self.int16()
        if not 0 <= version <= highest:
            raise ValueError(f"version {version}")
        return version

    def int8(self) -> int:
        """Return the next byte, signed."""
        return self._number(_INT8)

    def int16(self) -> int:
        """Return the next two bytes."""
        return self._number(INT16)

    def int32(self) -> int:
        """Return the next four bytes."""
        return self._number(INT32)

    def int64(self) -> int:
        """Return the next eight bytes."""
        return self._number(INT64)

    def _number(self, form: struct.Struct) -> int:
        (number,) = form.unpack_from(self._view, self._position)
        self._position += form.size
        return int(number)

    def string(self) -> str:
        """Return a string with an int16 length."""
        text, self._position = read_legacy_string(self._view, self._position)
        self._check()
        return text

    def nullable(self) -> str | None:
        """Return a string with an int16 length, or null."""
        text, self._position = read_nullable_legacy_string(self._view, self._position)
        self._check()
        return text

    def data(self) -> bytes:
        """Return bytes with an int32 length."""
        return self._take(max(0, self.int32()))

    def everything(self) -> bytes:
        """Return all bytes, from the first on."""
        return bytes(self._view)

    # flexible versions (KIP-482)

    def compact_string(self) -> str:
        """Return a compact string."""
        text, self._position = read_compact_string(self._view, self._position)
        self._check()
        return text

    def compact_nullable(self) -> str | None:
        """Return a compact string, or null."""
        text, self._position = read_nullable_compact_string(self._view, self._position)
        self._check()
        return text

    def compact_count(self) -> int:
        """Return the length of a compact array."""
        count, self._position = read_compact_count(self._view, self._position)
        return count

    def compact_nullable_count(self) -> int:
        """Return the length of a compact array that may be null, which counts as empty."""
        return max(0, self._uvarint() - 1)

    def compact_data(self) -> bytes:
        """Return bytes with a compact length."""
        return self._take(self.compact_count())

    def uuid(self) -> UUID:
        """Return a UUID."""
        return uuid_of(self._take(_UUID_BYTES))

    def tagged_fields(self) -> dict[int, bytes]:
        """Return the tagged fields by their tag."""
        count = self._uvarint()
        return {self._uvarint(): self._take(self._uvarint()) for _ in range(count)}

    def skip_tagged_fields(self) -> None:
        """Pass tagged fields over."""
        _, self._position = skip_tagged_fields(self._view, self._position)
        self._check()

    def _uvarint(self) -> int:
        value, self._position = read_uvarint(self._view, self._position)
        return value

    def _take(self, size: int) -> bytes:
        start, self._position = self._position, self._position + size
        self._check()
        return bytes(self._view[start : self._position])

    def _check(self) -> None:
        if self._position > len(self._view):
            raise IndexError(self._position)
