"""The schemas of all APIs, loaded one message and version at a time, and what their fields are.

The only module that knows kio. It imports kio in its functions, because a process that only
produces and fetches in itself never needs it, and each schema costs some milliseconds on
first use: `codec.preload` moves that to a time of one's choosing.
Counterpart: the JSON files in clients/src/main/resources/common/message.
"""

from __future__ import annotations

import sys
from dataclasses import MISSING, fields
from datetime import timedelta
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, NamedTuple, TypeAlias, get_args, get_origin

from minikafka.wire.framing import UnsupportedVersion

__all__ = [
    "NO_DEFAULT",
    "EntityClass",
    "SchemaField",
    "default_value",
    "error_codes",
    "field_names",
    "request_class",
    "response_class",
    "schema_fields",
]

# kio's classes are generated: one per message, nested struct and version, without a common base.
EntityClass: TypeAlias = Any

NO_DEFAULT: Any = MISSING


class SchemaField(NamedTuple):
    """One field of one version of one struct."""

    name: str
    # "int32", "string", … ; None where the type is a struct.
    kafka_type: str | None
    struct: EntityClass | None
    is_array: bool
    nullable: bool
    # Number of a tagged field (KIP-482), None for an ordinary one.
    tag: int | None
    # NO_DEFAULT where the schema names none.
    default: Any


@lru_cache(maxsize=1)
def _load_kio() -> None:
    """Import kio, but not Hypothesis with it.

    Where Hypothesis is installed kio registers strategies of its own, which costs a broker more
    at its start than everything else together.
    """
    unimported = "hypothesis" not in sys.modules
    if unimported:
        sys.modules["hypothesis"] = None  # type: ignore[assignment]  # "import" raises then
    try:
        import kio.index  # noqa: F401 - for its effect
    finally:
        if unimported:
            del sys.modules["hypothesis"]


@lru_cache(maxsize=1)
def error_codes() -> dict[int, Any]:
    """Return the error codes as the schemas' entities hold them, by number."""
    _load_kio()
    from kio.schema.errors import ErrorCode

    return {int(code): code for code in ErrorCode}


@lru_cache(maxsize=512)
def request_class(api_key: int, version: int) -> EntityClass:
    """Return the class of a request body.

    Raises:
        UnsupportedVersion: there is no such schema.
    """
    _load_kio()
    from kio.index import KioIndexError, load_request_schema

    try:
        return load_request_schema(api_key, version)
    except KioIndexError as error:
        raise UnsupportedVersion(
            f"no request schema for {api_key} version {version}"
        ) from error


@lru_cache(maxsize=512)
def response_class(api_key: int, version: int) -> EntityClass:
    """Return the class of a response body.

    Raises:
        UnsupportedVersion: there is no such schema.
    """
    _load_kio()
    from kio.index import KioIndexError, load_response_schema

    try:
        return load_response_schema(api_key, version)
    except KioIndexError as error:
        raise UnsupportedVersion(
            f"no response schema for {api_key} version {version}"
        ) from error


@lru_cache(maxsize=2048)
def schema_fields(struct: EntityClass) -> tuple[SchemaField, ...]:
    """Return the fields of a struct in the order they have on the wire."""
    return tuple(_describe(item) for item in fields(struct))


@lru_cache(maxsize=2048)
def field_names(struct: EntityClass) -> frozenset[str]:
    """Return the names of the fields of a struct."""
    return frozenset(item.name for item in schema_fields(struct))


def _describe(item: Any) -> SchemaField:
    kind = item.type
    nullable = False
    if get_origin(kind) is UnionType:
        nullable = True
        (kind,) = (argument for argument in get_args(kind) if argument is not NoneType)
    is_array = get_origin(kind) is tuple
    if is_array:
        kind = get_args(kind)[0]
    kafka_type = item.metadata.get("kafka_type")
    described = SchemaField(
        name=item.name,
        kafka_type=kafka_type,
        struct=kind if kafka_type is None else None,
        is_array=is_array,
        nullable=nullable,
        tag=item.metadata.get("tag"),
        default=item.default,
    )
    if described.tag is None or described.struct is None or item.default is not NO_DEFAULT:
        return described
    # What Kafka takes a tagged struct for that is not sent; the library does not say.
    return described._replace(default=default_value(described))


_ZEROS: dict[str, Any] = {
    "string": "",
    "bytes": b"",
    "records": None,
    "bool": False,
    "float64": 0.0,
    "timedelta_i32": timedelta(0),
    "timedelta_i64": timedelta(0),
    "uuid": None,
}


def default_value(item: SchemaField) -> Any:
    """Return the schema's default of a field, or what is nothing where it names none."""
    if item.default is not NO_DEFAULT:
        return item.default
    if item.is_array:
        # Kafka's own default, also where null is allowed: Java clients stumble over null.
        return ()
    if item.nullable:
        return None
    if item.struct is not None:
        return item.struct(
            **{inner.name: default_value(inner) for inner in schema_fields(item.struct)}
        )
    if item.kafka_type == "error_code":
        return error_codes()[0]
    return _ZEROS.get(item.kafka_type or "", 0)
