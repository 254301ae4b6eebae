"""Readers of message bodies, made once per struct from its schema.

Not the schema library's own reader: that one reserves memory for as many elements as an array
claims to have, so a frame of ten bytes could end the process. Here, as in Kafka, no array may
claim more elements than there are bytes left. What may come out when the bytes are malformed:
see `primitives`. Counterpart: the generated read() methods. KIP-482, KIP-893.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct
from typing import Any, TypeAlias

from minikafka.wire.framing import FrameError
from minikafka.wire.primitives import (
    INT32,
    read_compact_string,
    read_legacy_string,
    read_nullable_compact_string,
    read_nullable_legacy_string,
    read_uuid,
    read_uvarint,
)
from minikafka.wire.schemas import (
    EntityClass,
    SchemaField,
    error_codes,
    schema_fields,
)

__all__ = ["Reader", "struct_reader"]

Reader: TypeAlias = Callable[[memoryview, int], tuple[Any, int]]

_NUMBERS = {
    "int8": "b",
    "int16": "h",
    "int32": "i",
    "int64": "q",
    "uint8": "B",
    "uint16": "H",
    "uint32": "I",
    "uint64": "Q",
    "float64": "d",
    "bool": "?",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=2048)
def struct_reader(struct: EntityClass) -> Reader:
    """Return the reader of a struct: (frame, position) -> (entity, next position)."""
    flexible: bool = struct.__flexible__
    described = schema_fields(struct)
    plain = [
        (item.name, _field_reader(item, flexible)) for item in described if item.tag is None
    ]
    tagged = {
        item.tag: (item.name, _field_reader(item, flexible))
        for item in described
        if item.tag is not None
    }
    absent = {item.name: item.default for item in described if item.tag is not None}

    def read(frame: memoryview, position: int) -> tuple[Any, int]:
        values = absent.copy()
        for name, reader in plain:
            values[name], position = reader(frame, position)
        if flexible:
            if frame[position]:
                position = _read_tags(frame, position, tagged, values)
            else:
                position += 1
        return struct(**values), position

    return read


def _read_tags(
    frame: memoryview,
    position: int,
    tagged: dict[int, tuple[str, Reader]],
    values: dict[str, Any],
) -> int:
    count, position = read_uvarint(frame, position)
    for _ in range(count):
        tag, position = read_uvarint(frame, position)
        size, position = read_uvarint(frame, position)
        known = tagged.get(tag)
        if known is not None:
            name, reader = known
            values[name], _ = reader(frame, position)
        position += size
    return position


def _field_reader(item: SchemaField, flexible: bool) -> Reader:
    if item.is_array:
        element = _element_reader(item, flexible, nullable=False)
        return _array_reader(element, flexible, item.nullable)
    reader = _element_reader(item, flexible, item.nullable)
    if item.struct is not None and item.nullable:
        return _nullable_struct_reader(reader)
    return reader


def _element_reader(item: SchemaField, flexible: bool, nullable: bool) -> Reader:
    kind = item.kafka_type
    if item.struct is not None:
        return struct_reader(item.struct)
    assert kind is not None
    if kind in _NUMBERS:
        return _number_reader(_NUMBERS[kind])
    if kind == "string":
        if flexible:
            return read_nullable_compact_string if nullable else read_compact_string
        return read_nullable_legacy_string if nullable else read_legacy_string
    if kind in ("bytes", "records"):
        return _bytes_reader(flexible, nullable)
    return _CONVERTING[kind]


def _number_reader(code: str) -> Reader:
    number = Struct(">" + code)
    unpack, size = number.unpack_from, number.size

    def read(frame: memoryview, position: int) -> tuple[Any, int]:
        return unpack(frame, position)[0], position + size

    return read


_read_int16 = _number_reader("h")
_read_int32 = _number_reader("i")
_read_int64 = _number_reader("q")


def _array_reader(element: Reader, flexible: bool, nullable: bool) -> Reader:
    def read(frame: memoryview, position: int) -> tuple[Any, int]:
        if flexible:
            count, position = read_uvarint(frame, position)
            count -= 1
        else:
            (count,) = INT32.unpack_from(frame, position)
            position += 4
        if count < 0:
            if nullable:
                return None, position
            raise FrameError("null where an array must be")
        if count > len(frame) - position:
            raise FrameError(f"array of {count} elements in {len(frame) - position} bytes")
        elements = []
        for _ in range(count):
            value, position = element(frame, position)
            elements.append(value)
        return tuple(elements), position

    return read


def _bytes_reader(flexible: bool, nullable: bool) -> Reader:
    def read(frame: memoryview, position: int) -> tuple[Any, int]:
        if flexible:
            size, position = read_uvarint(frame, position)
            size -= 1
        else:
            (size,) = INT32.unpack_from(frame, position)
            position += 4
        if size < 0:
            if nullable:
                return None, position
            raise FrameError("null where bytes must be")
        end = position + size
        return bytes(frame[position:end]), end

    return read


def _nullable_struct_reader(reader: Reader) -> Reader:
    def read(frame: memoryview, position: int) -> tuple[Any, int]:
        # KIP-893: one signed byte before the struct, negative for null.
        if frame[position] >= 0x80:
            return None, position + 1
        return reader(frame, position + 1)

    return read


def _read_error_code(frame: memoryview, position: int) -> tuple[Any, int]:
    code, position = _read_int16(frame, position)
    known = error_codes().get(code)
    if known is None:
        raise FrameError(f"error code {code} is unknown")
    return known, position


def _read_id(frame: memoryview, position: int) -> tuple[Any, int]:
    value, position = read_uuid(frame, position)
    return (value if value.int else None), position


def _read_duration(frame: memoryview, position: int) -> tuple[Any, int]:
    value, position = _read_int32(frame, position)
    return timedelta(milliseconds=value), position


def _read_long_duration(frame: memoryview, position: int) -> tuple[Any, int]:
    value, position = _read_int64(frame, position)
    return timedelta(milliseconds=value), position


def _read_time(frame: memoryview, position: int) -> tuple[Any, int]:
    value, position = _read_int64(frame, position)
    return (None if value == -1 else _EPOCH + timedelta(milliseconds=value)), position


_CONVERTING: dict[str, Reader] = {
    "error_code": _read_error_code,
    "uuid": _read_id,
    "timedelta_i32": _read_duration,
    "timedelta_i64": _read_long_duration,
    "datetime_i64": _read_time,
}
