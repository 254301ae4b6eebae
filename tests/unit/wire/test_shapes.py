"""One shape for all versions."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from minikafka.base.errors import ErrorCode
from minikafka.base.ids import ZERO_ID
from minikafka.wire.codec import encode_request, encode_response
from minikafka.wire.schemas import EntityClass, request_class, response_class, schema_fields
from minikafka.wire.shapes import (
    REMOVED_NAMES,
    build_request,
    build_response,
    optional,
    to_ms,
)
from minikafka.wire.versions import SERVED, ApiKey
from tests.unit.wire.entities import (
    ALL_VERSIONS,
    EVERY_API,
    EVERY_VERSION,
    frame_of,
    read,
    written,
)

TOPIC_ID = UUID(int=7)
METADATA: dict[str, Any] = {
    "throttle_time": 5,
    "brokers": [{"node_id": 1, "host": "localhost", "port": 9092, "rack": None}],
    "cluster_id": "cluster",
    "controller_id": 1,
    "cluster_authorized_operations": 3,
    "error_code": 0,
    "topics": [
        {
            "error_code": ErrorCode.LEADER_NOT_AVAILABLE,
            "name": "topic",
            "topic_id": TOPIC_ID,
            "partitions": [{"partition_index": 0, "leader_id": 1, "replica_nodes": [1, 2]}],
        }
    ],
}


def full_shape(newest_last: list[EntityClass]) -> dict[str, Any]:
    """Return a shape with every field that any of these versions of a struct has."""
    shape: dict[str, Any] = {}
    nested: dict[str, list[EntityClass]] = defaultdict(list)
    for struct in newest_last:
        for item in schema_fields(struct):
            if item.struct is not None:
                nested[item.name].append(item.struct)
                inner = full_shape(nested[item.name])
                shape[item.name] = [inner] if item.is_array else inner
            else:
                value = "x" if item.kafka_type == "string" else sample(item.kafka_type)
                shape[item.name] = [value] if item.is_array else value
    return shape


def sample(kafka_type: str | None) -> Any:
    """Return a value of a type, as a shape has it."""
    return {"uuid": TOPIC_ID, "bool": True, "records": b"batch", "bytes": b"data"}.get(
        kafka_type or "", 1
    )


@EVERY_API
def test_fullest_shape_builds_at_every_version(api_key: int) -> None:
    """A shape with all fields of all versions is accepted by each, and survives encoding."""
    versions = range(SERVED[api_key].min, SERVED[api_key].max + 1)
    for load, build in ((request_class, build_request), (response_class, build_response)):
        shape = full_shape([load(api_key, version) for version in versions])
        for version in versions:
            entity = build(api_key, version, shape)
            assert read(load(api_key, version), written(entity)) == entity


@EVERY_VERSION
def test_empty_shape_builds_at_every_version(api_key: int, version: int) -> None:
    """What a shape leaves out is filled in, so that the message can be encoded."""
    if api_key in (ApiKey.PRODUCE, ApiKey.FETCH):
        for struct, build in (
            (request_class(api_key, version), build_request),
            (response_class(api_key, version), build_response),
        ):
            assert read(struct, written(build(api_key, version, {})))
        return
    assert encode_request(api_key, version, 1, None, build_request(api_key, version, {}))
    assert encode_response(api_key, version, 1, build_response(api_key, version, {}))


@pytest.mark.parametrize("version", range(14))
def test_unknown_name_is_an_error(version: int) -> None:
    """A misspelt field is heard of at every version, wherever it stands."""
    with pytest.raises(TypeError, match=r"Metadata has the field response\.throttle$"):
        build_response(ApiKey.METADATA, version, METADATA | {"throttle": 5})
    topics = [METADATA["topics"][0] | {"leader": 5}]
    with pytest.raises(TypeError, match=r"response\.topics\.leader$"):
        build_response(ApiKey.METADATA, version, METADATA | {"topics": topics})
    with pytest.raises(TypeError, match=r"request\.topic_names$"):
        build_request(ApiKey.METADATA, version, {"topic_names": []})


def test_removed_names_are_all_there_are() -> None:
    """The table of names that only old versions have is what the schemas say, no more, no less."""
    found: dict[tuple[int, str], set[str]] = defaultdict(set)

    def compare(old: EntityClass, new: EntityClass | None, where: tuple[int, str]) -> None:
        newer = {item.name: item for item in schema_fields(new)} if new is not None else None
        for item in schema_fields(old):
            if newer is not None and item.name not in newer:
                found[where].add(item.name)
            if item.struct is not None:
                inner = newer[item.name].struct if newer and item.name in newer else None
                compare(item.struct, inner, (where[0], f"{where[1]}.{item.name}"))

    for api_key, version in ALL_VERSIONS:
        newest = SERVED[api_key].max
        compare(
            request_class(api_key, version),
            request_class(api_key, newest),
            (api_key, "request"),
        )
        compare(
            response_class(api_key, version),
            response_class(api_key, newest),
            (api_key, "response"),
        )
    assert found == REMOVED_NAMES


def test_values_are_converted() -> None:
    """Milliseconds, codes, lists and ids become what the schema wants."""
    entity = build_response(ApiKey.METADATA, 13, METADATA)
    (topic,) = entity.topics
    assert to_ms(entity.throttle_time) == 5
    assert topic.error_code.name == "leader_not_available"
    assert topic.topic_id == TOPIC_ID
    assert topic.partitions[0].replica_nodes == (1, 2)


def test_zero_id_and_no_time_become_null() -> None:
    """The schema has None where the wire has zeros, and -1 for a time."""
    topics = [METADATA["topics"][0] | {"topic_id": ZERO_ID}]
    entity = build_response(ApiKey.METADATA, 12, METADATA | {"topics": topics})
    assert entity.topics[0].topic_id is None
    result = {"index": 0, "log_append_time": -1}
    shape = {"responses": [{"name": "topic", "partition_responses": [result]}]}
    produced = build_response(ApiKey.PRODUCE, 7, shape)
    assert produced.responses[0].partition_responses[0].log_append_time is None


def test_defaults_are_the_schemas_own() -> None:
    """Left out: the schema's default, else zero, empty, or null for a nullable string."""
    topic = {"name": "topic"}
    (created,) = build_response(ApiKey.CREATE_TOPICS, 7, {"topics": [topic]}).topics
    assert (created.num_partitions, created.error_code) == (-1, 0)
    assert (created.error_message, created.topic_id) == (None, None)
    # Null here stops the admin client of Java: an empty list it is.
    assert created.configs == ()
    request = build_request(ApiKey.CREATE_TOPICS, 7, {})
    assert (request.timeout, request.validate_only) == (timedelta(seconds=60), False)


def test_null_stays_null_where_allowed() -> None:
    """Null and empty are different answers."""
    assert build_request(ApiKey.METADATA, 12, {"topics": None}).topics is None
    assert build_request(ApiKey.METADATA, 12, {"topics": []}).topics == ()


def test_fields_of_other_versions_are_read_with_a_default() -> None:
    """A handler reads any version without asking which one it is."""
    old, new = (build_request(ApiKey.METADATA, version, {}) for version in (3, 4))
    assert optional(old, "allow_auto_topic_creation", "absent") == "absent"
    assert optional(new, "allow_auto_topic_creation", "absent") is True


def test_nested_struct_may_be_null() -> None:
    """KIP-893: a cursor is sent or it is not."""
    for cursor in (None, {"topic_name": "topic", "partition_index": 3}):
        entity = build_response(ApiKey.DESCRIBE_TOPIC_PARTITIONS, 0, {"next_cursor": cursor})
        frame = frame_of(written(entity))
        assert (entity.next_cursor is None) == (cursor is None)
        assert read(type(entity), bytes(frame)) == entity
