"""Writers of message bodies, made once per struct from its schema.

Runs of numbers go out in one `struct` call, which makes this many times faster than the
schema library's own writer; a property test holds the bytes of both equal. Counterpart: the
generated write() methods. KIP-482, KIP-893.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from struct import Struct
from typing import Any, TypeAlias
from uuid import UUID

from minikafka.base.ids import ZERO_ID
from minikafka.wire.primitives import INT32, NULL_INT32, compact_bytes, legacy_string, uvarint
from minikafka.wire.schemas import EntityClass, SchemaField, schema_fields

__all__ = ["Writer", "struct_writer"]

Writer: TypeAlias = Callable[[bytearray, Any], None]

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
    "error_code": "h",
}
_INT64 = Struct(">q")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@lru_cache(maxsize=2048)
def struct_writer(struct: EntityClass) -> Writer:
    """Return the writer of a struct: (out, entity) appends the entity's bytes to `out`."""
    flexible: bool = struct.__flexible__
    described = schema_fields(struct)
    steps = _steps([item for item in described if item.tag is None], flexible)
    tagged = sorted(
        (item.tag, item.name, item.default, _field_writer(item, flexible))
        for item in described
        if item.tag is not None
    )

    def write(out: bytearray, entity: Any) -> None:
        for step in steps:
            step(out, entity)
        if not flexible:
            return
        if tagged:
            _write_tags(out, entity, tagged)
        else:
            out.append(0)

    return write


def _write_tags(
    out: bytearray, entity: Any, tagged: list[tuple[int, str, Any, Writer]]
) -> None:
    sent = bytearray()
    count = 0
    for tag, name, default, writer in tagged:
        value = getattr(entity, name)
        # A field at its default is left out, as Kafka leaves it out (KIP-482).
        if value == default:
            continue
        encoded = bytearray()
        writer(encoded, value)
        sent += uvarint(tag)
        sent += uvarint(len(encoded))
        sent += encoded
        count += 1
    out += uvarint(count)
    out += sent


def _steps(described: list[SchemaField], flexible: bool) -> list[Writer]:
    """Return what to do field by field, neighbouring numbers taken together."""
    steps: list[Writer] = []
    run: list[SchemaField] = []
    for item in described:
        if item.kafka_type in _NUMBERS and not item.is_array:
            run.append(item)
            continue
        if run:
            steps.append(_run_writer(run))
            run = []
        steps.append(_step(item.name, _field_writer(item, flexible)))
    if run:
        steps.append(_run_writer(run))
    return steps


def _step(name: str, writer: Writer) -> Writer:
    get = attrgetter(name)

    def write(out: bytearray, entity: Any) -> None:
        writer(out, get(entity))

    return write


def _run_writer(run: list[SchemaField]) -> Writer:
    codes = "".join(_NUMBERS[item.kafka_type or ""] for item in run)
    pack = Struct(">" + codes).pack
    get = attrgetter(*(item.name for item in run))

    def write_one(out: bytearray, entity: Any) -> None:
        out += pack(get(entity))

    def write_all(out: bytearray, entity: Any) -> None:
        out += pack(*get(entity))

    return write_one if len(run) == 1 else write_all


def _field_writer(item: SchemaField, flexible: bool) -> Writer:
    if item.is_array:
        if item.kafka_type in _NUMBERS:
            return _number_array_writer(
                _NUMBERS[item.kafka_type or ""], flexible, item.nullable
            )
        element = _element_writer(item, flexible, nullable=False)
        return _array_writer(element, flexible, item.nullable)
    writer = _element_writer(item, flexible, item.nullable)
    if item.struct is not None and item.nullable:
        return _nullable_struct_writer(writer)
    return writer


def _element_writer(item: SchemaField, flexible: bool, nullable: bool) -> Writer:
    kind = item.kafka_type
    if item.struct is not None:
        return struct_writer(item.struct)
    assert kind is not None
    if kind in _NUMBERS:
        return _number_writer(_NUMBERS[kind])
    if kind in ("string", "bytes", "records"):
        return _text_writer(item.name, kind, flexible, nullable)
    return _CONVERTING[kind]


def _number_writer(code: str) -> Writer:
    pack = Struct(">" + code).pack

    def write(out: bytearray, value: Any) -> None:
        out += pack(value)

    return write


def _text_writer(name: str, kind: str, flexible: bool, nullable: bool) -> Writer:
    encode: Callable[[Any], bytes] = compact_bytes
    if not flexible:
        encode = legacy_string if kind == "string" else _legacy_bytes

    def write(out: bytearray, value: Any) -> None:
        if value is None and not nullable:
            raise TypeError(f"{name} must not be null")
        out += encode(value)

    return write


def _legacy_bytes(value: bytes | None) -> bytes:
    return NULL_INT32 if value is None else INT32.pack(len(value)) + value


def _write_count(out: bytearray, values: Any, flexible: bool, nullable: bool) -> bool:
    """Append the length of an array; return False when it is null."""
    if values is None:
        if not nullable:
            raise TypeError("an array must not be null")
        out += b"\0" if flexible else NULL_INT32
        return False
    out += uvarint(len(values) + 1) if flexible else INT32.pack(len(values))
    return True


def _array_writer(element: Writer, flexible: bool, nullable: bool) -> Writer:
    def write(out: bytearray, values: Any) -> None:
        if _write_count(out, values, flexible, nullable):
            for value in values:
                element(out, value)

    return write


def _number_array_writer(code: str, flexible: bool, nullable: bool) -> Writer:
    def write(out: bytearray, values: Any) -> None:
        if _write_count(out, values, flexible, nullable):
            out += Struct(f">{len(values)}{code}").pack(*values)

    return write


def _nullable_struct_writer(writer: Writer) -> Writer:
    def write(out: bytearray, value: Any) -> None:
        # KIP-893: one signed byte before the struct, negative for null.
        if value is None:
            out.append(0xFF)
        else:
            out.append(1)
            writer(out, value)

    return write


def _write_id(out: bytearray, value: UUID | None) -> None:
    out += (value or ZERO_ID).bytes


def _write_duration(out: bytearray, value: timedelta) -> None:
    out += INT32.pack(value // _MILLISECOND)


def _write_long_duration(out: bytearray, value: timedelta) -> None:
    out += _INT64.pack(value // _MILLISECOND)


def _write_time(out: bytearray, value: datetime | None) -> None:
    out += _INT64.pack(-1 if value is None else (value - _EPOCH) // _MILLISECOND)


_CONVERTING: dict[str, Writer] = {
    "uuid": _write_id,
    "timedelta_i32": _write_duration,
    "timedelta_i64": _write_long_duration,
    "datetime_i64": _write_time,
}
