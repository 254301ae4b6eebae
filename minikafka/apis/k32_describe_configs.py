"""DescribeConfigs (api key 32).

Behaviour
    Every config of a topic, of a group or of the broker asked, in Kafka's order of definition, each with
    where its value comes from; only the named keys, if any are named. A broker describes
    itself; the resource "" is the dynamic default of all brokers.
    Each resource succeeds or fails on its own; a number that is no kind of resource refuses
    the whole request. The error message is empty, not null, where there is none.

Versions
    1   source and synonyms (KIP-226)
    3   type and documentation (KIP-569)
    4   flexible

Not done
    DIVERGENCE(config-resources): broker loggers and client metrics have no configs here;
    asking for them is INVALID_REQUEST.
    Documentation: DIVERGENCE(config-documentation) stands at `metadata/describe.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.metadata.commands import ConfigEntry
from minikafka.metadata.describe import (
    describe_all_brokers,
    describe_broker,
    describe_group,
    describe_topic,
)
from minikafka.metadata.image import (
    BROKER_RESOURCE,
    GROUP_RESOURCE,
    TOPIC_RESOURCE,
    MetadataImage,
)
from minikafka.metadata.names import check_topic_name
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["describe_configs"]

_UNSUPPORTED = {8: "BROKER_LOGGER", 16: "CLIENT_METRICS"}
_KINDS = (TOPIC_RESOURCE, BROKER_RESOURCE, GROUP_RESOURCE, *_UNSUPPORTED)
_EMPTY_NAME = {
    8: "Broker id must not be empty",
    16: "Client metrics subscription name must not be empty",
    32: "Group name must not be empty",
}
# The text that goes with the code where there is nothing to add.
_INVALID_TEXT = (
    "This most likely occurs because of a request being malformed by the client library or the "
    "message was sent to an incompatible broker. See the broker logs for more details."
)


def _result(resource: Any, code: ErrorCode, message: str | None, configs: list[Shape]) -> Shape:
    return {
        "error_code": code,
        "error_message": message or "",
        "resource_type": resource.resource_type,
        "resource_name": resource.resource_name,
        "configs": configs,
    }


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {
        "results": [
            _result(resource, error.code, error.message, []) for resource in request.resources
        ]
    }


@api(ApiKey.DESCRIBE_CONFIGS, on_error=_error_shape)
def describe_configs(request: Any, context: RequestContext) -> Shape:
    """Return the configs of each resource."""
    for resource in request.resources:
        kind = resource.resource_type
        if kind not in _KINDS:
            raise KafkaError(ErrorCode.INVALID_REQUEST, _INVALID_TEXT)
    image = context.broker.image
    synonyms = request.include_synonyms
    return {"results": [_describe(each, image, synonyms) for each in request.resources]}


def _describe(resource: Any, image: MetadataImage, synonyms: bool) -> Shape:
    try:
        entries = _entries(resource.resource_type, resource.resource_name, image)
    except KafkaError as error:
        return _result(resource, error.code, error.message, [])
    keys = resource.configuration_keys
    configs = [
        _config(entry, synonyms=synonyms) for entry in entries if not keys or entry.name in keys
    ]
    return _result(resource, ErrorCode.NONE, None, configs)


def _entries(kind: int, name: str, image: MetadataImage) -> Iterable[ConfigEntry]:
    if kind == TOPIC_RESOURCE:
        check_topic_name(name)
        if name not in image.topics:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        return describe_topic(image, name)
    if kind == BROKER_RESOURCE:
        if not name:
            return describe_all_brokers(image)
        _check_own_id(name, image.static_config.node_id)
        return describe_broker(image)
    if not name:
        raise KafkaError(ErrorCode.INVALID_REQUEST, _EMPTY_NAME[kind])
    if kind == GROUP_RESOURCE:
        return describe_group(image, name)
    raise KafkaError(
        ErrorCode.INVALID_REQUEST, f"Unsupported resource type: {_UNSUPPORTED[kind]}"
    )


def _check_own_id(name: str, own_id: int) -> None:
    try:
        broker_id = int(name)
    except ValueError:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, f"Broker id must be an integer, but it is: {name}"
        ) from None
    if broker_id != own_id:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            f"Unexpected broker id, expected {own_id} or empty string, but received {name}",
        )


def _config(entry: ConfigEntry, *, synonyms: bool) -> Shape:
    return {
        "name": entry.name,
        "value": entry.value,
        "read_only": entry.read_only,
        "config_source": entry.config_source,
        "is_sensitive": entry.is_sensitive,
        "synonyms": [
            {"name": each.name, "value": each.value, "source": each.source}
            for each in (entry.synonyms if synonyms else ())
        ],
        "config_type": entry.config_type,
        "documentation": entry.documentation,
    }
