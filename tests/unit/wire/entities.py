"""Arbitrary messages of any API and version, and the schema library as the judge of bytes."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from kio.schema.errors import ErrorCode
from kio.serial import entity_reader, entity_writer

from minikafka.wire.schemas import EntityClass, SchemaField, schema_fields
from minikafka.wire.versions import SERVED

# Such a test runs once per version: a part of the profile's examples each.
PER_VERSION = settings(max_examples=max(settings.default.max_examples // 10, 1))

# Such a test runs once per API, for all its versions; those of each version read and write, too.
PER_API = settings(max_examples=max(settings.default.max_examples // 3, 1))

EVERY_API = pytest.mark.parametrize("api_key", list(SERVED))
ALL_VERSIONS = [
    (int(key), version)
    for key, row in SERVED.items()
    for version in range(row.min, row.max + 1)
]

EVERY_VERSION = pytest.mark.parametrize(("api_key", "version"), ALL_VERSIONS)

_LIMITS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _texts() -> st.SearchStrategy[str]:
    # Long enough that lengths take two bytes now and then; drawn as one number, not by letters.
    return st.text(max_size=6) | st.integers(60, 130).map("é".__mul__)


def _primitives(kind: str) -> st.SearchStrategy[Any]:
    if kind in _LIMITS:
        half = 2 ** (_LIMITS[kind] - 1)
        return st.integers(-half, half - 1)
    return {
        "uint16": st.integers(0, 2**16 - 1),
        "bool": st.booleans(),
        "string": _texts(),
        "bytes": st.binary(max_size=200),
        "records": st.binary(max_size=200),
        "uuid": st.uuids() | st.none(),
        "error_code": st.sampled_from(list(ErrorCode)),
        "timedelta_i32": st.integers(-(2**31), 2**31 - 1).map(
            lambda ms: timedelta(milliseconds=ms)
        ),
        "timedelta_i64": st.integers(-(2**40), 2**40).map(
            lambda ms: timedelta(milliseconds=ms)
        ),
        "datetime_i64": st.integers(0, 4_000_000_000_000).map(
            lambda ms: _EPOCH + timedelta(milliseconds=ms)
        ),
    }[kind]


def _values(item: SchemaField) -> st.SearchStrategy[Any]:
    values = (
        entities(item.struct) if item.struct is not None else _primitives(item.kafka_type or "")
    )
    if item.is_array:
        values = st.lists(values, max_size=3).map(tuple)
    if item.nullable and (item.is_array or item.kafka_type != "uuid"):
        values |= st.none()
    if item.tag is not None:
        # The library cannot write null in a tagged field; the default stands for absent, but for
        # structs, of which it knows no default.
        values = values.filter(lambda value: value is not None)
        if item.struct is None or item.is_array:
            values |= st.just(item.default)
        else:
            values = values.filter(lambda value: value != item.default)
    return values


def versions(api_key: int) -> st.SearchStrategy[int]:
    """Return the served versions of an API."""
    return st.integers(SERVED[api_key].min, SERVED[api_key].max)


@cache
def entities(struct: EntityClass) -> st.SearchStrategy[Any]:
    """Return arbitrary entities of a struct."""
    return st.builds(struct, **{item.name: _values(item) for item in schema_fields(struct)})


def written(entity: Any) -> bytes:
    """Return the bytes of an entity by the schema library's own writer."""
    with io.BytesIO() as out:
        entity_writer(type(entity))(out, entity)
        return out.getvalue()


def read(struct: EntityClass, body: bytes) -> Any:
    """Return the entity in `body` by the schema library's own reader."""
    entity, size = entity_reader(struct)(body, 0)
    assert size == len(body)
    return entity


def frame_of(body: bytes) -> memoryview:
    """Return bytes as a connection hands them in: writable."""
    return memoryview(bytearray(body))
