"""Version-neutral building of messages: say it once in full, send it in any version.

A shape is a mapping with the schemas' field names (snake case, durations and times without
their unit: `throttle_time`, `timeout`, `log_append_time`), nested structs as mappings,
arrays as any sequence. What the asked version lacks is dropped, what the shape lacks is
filled in. Knows no handler. Counterpart: the setters and defaults of Kafka's generated
message classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from minikafka.base.ids import ZERO_ID
from minikafka.wire.schemas import (
    EntityClass,
    SchemaField,
    default_value,
    error_codes,
    field_names,
    request_class,
    response_class,
    schema_fields,
)
from minikafka.wire.versions import SERVED, ApiKey

__all__ = ["REMOVED_NAMES", "Shape", "build_request", "build_response", "optional", "to_ms"]

Shape: TypeAlias = Mapping[str, object]

_Build: TypeAlias = Callable[[Shape], Any]
_Convert: TypeAlias = Callable[[Any], Any]

# Fields that older versions have and the newest served one has not, so that dropping them is
# no mistake: by API key and, for nested structs, path. A test finds them all.
REMOVED_NAMES: dict[tuple[int, str], frozenset[str]] = {
    (ApiKey.PRODUCE, "request.topic_data"): frozenset({"name"}),
    (ApiKey.PRODUCE, "response.responses"): frozenset({"name"}),
    (ApiKey.FETCH, "request"): frozenset({"replica_id"}),
    (ApiKey.FETCH, "request.topics"): frozenset({"topic"}),
    (ApiKey.FETCH, "request.forgotten_topics_data"): frozenset({"topic"}),
    (ApiKey.FETCH, "response.responses"): frozenset({"topic"}),
    (ApiKey.METADATA, "request"): frozenset({"include_cluster_authorized_operations"}),
    (ApiKey.METADATA, "response"): frozenset({"cluster_authorized_operations"}),
    (ApiKey.OFFSET_COMMIT, "request"): frozenset({"retention_time"}),
    (ApiKey.OFFSET_FETCH, "request"): frozenset({"group_id", "topics"}),
    (ApiKey.OFFSET_FETCH, "response"): frozenset({"error_code", "topics"}),
    (ApiKey.LEAVE_GROUP, "request"): frozenset({"member_id"}),
    (ApiKey.FIND_COORDINATOR, "request"): frozenset({"key"}),
    (ApiKey.FIND_COORDINATOR, "response"): frozenset(
        {"error_code", "error_message", "host", "node_id", "port"}
    ),
    (ApiKey.DELETE_TOPICS, "request"): frozenset({"topic_names"}),
    (ApiKey.ADD_PARTITIONS_TO_TXN, "request"): frozenset(
        {
            "v3_and_below_producer_epoch",
            "v3_and_below_producer_id",
            "v3_and_below_topics",
            "v3_and_below_transactional_id",
        }
    ),
    (ApiKey.ADD_PARTITIONS_TO_TXN, "response"): frozenset({"results_by_topic_v3_and_below"}),
    (ApiKey.END_QUORUM_EPOCH, "request.topics.partitions"): frozenset({"preferred_successors"}),
    (ApiKey.ALTER_PARTITION, "request.topics.partitions"): frozenset({"new_isr"}),
}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_NO_TIME = timedelta(0)


def build_response(api_key: int, version: int, shape: Shape) -> Any:
    """Return the response entity of this version.

    Numbers stand for error codes, milliseconds for durations and times (-1 for no time),
    ZERO_ID for no id. A field that the shape leaves out gets the schema's default; without
    one it is zero, "" or (), or None for a string that may be null.

    Raises:
        TypeError: the shape has a name that no version of the API knows, or lacks a mapping
            where a struct must be.
    """
    return _response_builder(api_key, version)(shape)


def build_request(api_key: int, version: int, shape: Shape) -> Any:
    """Return the request entity of this version; see `build_response`."""
    return _request_builder(api_key, version)(shape)


def optional(entity: Any, name: str, default: Any) -> Any:
    """Read a field that not every version has.

    Returns:
        The field's value, or `default` where the entity's version lacks the field.
    """
    return getattr(entity, name, default)


def to_ms(duration: timedelta) -> int:
    """Return a duration of an entity in milliseconds."""
    return duration // _MILLISECOND


@lru_cache(maxsize=512)
def _response_builder(api_key: int, version: int) -> _Build:
    return _struct_builder(response_class(api_key, version), (api_key, "response"))


@lru_cache(maxsize=512)
def _request_builder(api_key: int, version: int) -> _Build:
    return _struct_builder(request_class(api_key, version), (api_key, "request"))


def _struct_builder(struct: EntityClass, where: tuple[int, str]) -> _Build:
    """Return what makes an entity of `struct` out of a shape.

    Args:
        struct: class of the asked version.
        where: API key and path, as in `REMOVED_NAMES`.
    """
    described = schema_fields(struct)
    converters = {item.name: _converter(item, where) for item in described}
    defaults = {item.name: default_value(item) for item in described}
    # A shape is written in one place: there are few sets of names.
    plans: dict[tuple[str, ...], _Plan] = {}

    def build(shape: Shape) -> Any:
        names = tuple(shape)
        plan = plans.get(names)
        if plan is None:
            plan = plans[names] = _plan(names, converters, where)
        values = {**defaults, **shape}
        for name, convert in plan.converted:
            values[name] = convert(shape[name])
        for name in plan.dropped:
            del values[name]
        return struct(**values)

    return build


class _Plan(NamedTuple):
    """What to do with a shape of these names, beside filling in what it lacks."""

    converted: tuple[tuple[str, _Convert], ...]
    dropped: tuple[str, ...]


def _plan(
    names: Sequence[str], converters: Mapping[str, _Convert], where: tuple[int, str]
) -> _Plan:
    dropped = tuple(name for name in names if name not in converters)
    for name in dropped:
        _check_droppable(name, where)
    known = [(name, converters[name]) for name in names if name in converters]
    return _Plan(tuple(item for item in known if item[1] is not _as_is), dropped)


def _check_droppable(name: str, where: tuple[int, str]) -> None:
    api_key, path = where
    newest = _newest(api_key, path)
    if newest is not None and name in field_names(newest):
        return
    if name in REMOVED_NAMES.get(where, ()):
        return
    raise TypeError(f"no version of {SERVED[api_key].name} has the field {path}.{name}")


@lru_cache(maxsize=512)
def _newest(api_key: int, path: str) -> EntityClass | None:
    """Return the struct at `path` in the newest version that has one there.

    Called only when a shape has a name that a struct lacks, because loading costs time.
    """
    kind, *names = path.split(".")
    load = request_class if kind == "request" else response_class
    row = SERVED[api_key]
    for version in range(row.max, row.min - 1, -1):
        struct: EntityClass | None = load(api_key, version)
        for name in names:
            if struct is not None:
                inner = [each.struct for each in schema_fields(struct) if each.name == name]
                struct = inner[0] if inner else None
        if struct is not None:
            return struct
    return None


def _converter(item: SchemaField, where: tuple[int, str]) -> _Convert:
    if item.struct is not None:
        api_key, path = where
        convert = _struct_builder(item.struct, (api_key, f"{path}.{item.name}"))
    else:
        convert = _CONVERTING.get(item.kafka_type or "", _as_is)
    if item.is_array:
        convert = _array_converter(convert)
    return _nullable(convert) if item.nullable else convert


def _as_is(value: Any) -> Any:
    return value


def _array_converter(convert: _Convert) -> _Convert:
    if convert is _as_is:
        return tuple

    def convert_array(values: Any) -> Any:
        return tuple([convert(value) for value in values])

    return convert_array


def _nullable(convert: _Convert) -> _Convert:
    if convert is _as_is or convert is _id:
        return convert

    def convert_or_null(value: Any) -> Any:
        return None if value is None else convert(value)

    return convert_or_null


def _error_code(value: int) -> Any:
    return error_codes()[value]


def _duration(value: int) -> timedelta:
    return timedelta(milliseconds=value) if value else _NO_TIME


def _time(value: int) -> datetime | None:
    return None if value == -1 else _EPOCH + timedelta(milliseconds=value)


def _id(value: Any) -> Any:
    return None if value == ZERO_ID else value


_CONVERTING: dict[str, _Convert] = {
    "error_code": _error_code,
    "timedelta_i32": _duration,
    "timedelta_i64": _duration,
    "datetime_i64": _time,
    "uuid": _id,
}
