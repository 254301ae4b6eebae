"""FindCoordinator (api key 10).

Behaviour
    A group's coordinator is the broker that leads its partition of `__consumer_offsets`, that of
    a share-partition, `group:topic id:partition`, the one that leads its partition of
    `__share_group_state`. The first question makes that topic, and the answer waits a moment for it:
    DIVERGENCE(coordinator-topic-awaited), Kafka answers COORDINATOR_NOT_AVAILABLE at once. So
    does this broker where there is no leader.
    A transactional id's coordinator leads its partition of `__transaction_state`. A kind of key that
    is none, or a share-partition's in another form, is INVALID_REQUEST.

Versions
    0   groups only
    1   key type, error message (KIP-98)
    4   several keys in one request (KIP-699)
    6   share coordinators (KIP-932)

Not done
    Nothing known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from minikafka.apis.auto_topics import create_missing
from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_LEADER
from minikafka.broker.context import RequestContext
from minikafka.broker.group_coordinator import OFFSETS_TOPIC
from minikafka.broker.share_coordinator import SHARE_STATE_TOPIC
from minikafka.broker.transaction_coordinator import TRANSACTIONS_TOPIC
from minikafka.metadata.image import MetadataImage
from minikafka.wire.shapes import Shape, optional
from minikafka.wire.versions import ApiKey

__all__ = ["find_coordinator"]

_GROUP, _TRANSACTION, _SHARE = 0, 1, 2
_TOPICS = MappingProxyType(
    {_GROUP: OFFSETS_TOPIC, _TRANSACTION: TRANSACTIONS_TOPIC, _SHARE: SHARE_STATE_TOPIC}
)
# What Kafka's clients show people; the Java broker sends these texts with the codes.
_NOT_AVAILABLE_TEXT = "The coordinator is not available."
_INVALID_TEXT = (
    "This most likely occurs because of a request being malformed by the client library or the "
    "message was sent to an incompatible broker. See the broker logs for more details."
)
# group:topic id:partition, the id in Kafka's base64 of 22 characters (KIP-932).
_SHARE_KEY = re.compile(r".*\S.*:[A-Za-z0-9_-]{22}:[0-9]{1,10}", re.DOTALL)
_NO_NODE = {"node_id": -1, "host": "", "port": -1}
# Long enough for the controller's answer, short against any client's request timeout.
_TOPIC_WAIT_MS = 1_000


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    text = error.message
    if version < 4:
        return {"error_code": error.code, "error_message": text, **_NO_NODE}
    return {
        "coordinators": [
            {"key": key, "error_code": error.code, "error_message": text, **_NO_NODE}
            for key in request.coordinator_keys
        ]
    }


@api(ApiKey.FIND_COORDINATOR, on_error=_error_shape)
async def find_coordinator(request: Any, context: RequestContext) -> Shape:
    """Return which broker coordinates each key."""
    version = context.api_version
    key_type = optional(request, "key_type", _GROUP)
    if key_type not in (_GROUP, _TRANSACTION, _SHARE):
        raise KafkaError(ErrorCode.INVALID_REQUEST, _INVALID_TEXT)
    keys: Sequence[str] = request.coordinator_keys if version >= 4 else (request.key,)
    topic = _TOPICS[key_type]
    if any(_is_key(key, key_type, context) for key in keys):
        await _topic(topic, context)
    if version < 4:
        if key_type == _SHARE:
            raise KafkaError(ErrorCode.INVALID_REQUEST, _INVALID_TEXT)
        found = _coordinator(keys[0], key_type, context)
        if found["error_code"] != ErrorCode.NONE:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE, _NOT_AVAILABLE_TEXT)
        return {**found, "error_message": "NONE"}
    # With a code of its own a key has no text, as in Kafka.
    return {
        "coordinators": [
            {"key": key, "error_message": "", **_coordinator(key, key_type, context)}
            for key in keys
        ]
    }


def _is_key(key: str, key_type: int, context: RequestContext) -> bool:
    if key_type != _SHARE:
        return True
    return context.api_version >= 6 and _SHARE_KEY.fullmatch(key) is not None


def _coordinator(key: str, key_type: int, context: RequestContext) -> dict[str, object]:
    if not _is_key(key, key_type, context):
        return {"error_code": ErrorCode.INVALID_REQUEST, **_NO_NODE}
    coordinators = {
        _GROUP: context.broker.groups.coordinator_of,
        _TRANSACTION: context.broker.transactions.coordinator_of,
        _SHARE: context.broker.share_state.coordinator_of,
    }
    broker_id = coordinators[key_type](key)
    broker = None if broker_id is None else context.broker.image.brokers.get(broker_id)
    if broker is None or broker.fenced:
        return {"error_code": ErrorCode.COORDINATOR_NOT_AVAILABLE, **_NO_NODE}
    return {
        "error_code": ErrorCode.NONE,
        "node_id": broker.broker_id,
        "host": broker.host,
        "port": broker.port,
    }


async def _topic(name: str, context: RequestContext) -> None:
    """The topic is there and led, or could not be made in time."""
    broker = context.broker
    if name in broker.image.topics:
        return
    await create_missing((name,), context)
    deadline_ms = context.received_ms + _TOPIC_WAIT_MS
    await broker.wait_image(lambda image: _is_led(image, name), deadline_ms)


def _is_led(image: MetadataImage, name: str) -> bool:
    topic = image.topics.get(name)
    return topic is not None and all(each.leader != NO_LEADER for each in topic.partitions)
