"""FindCoordinator (api key 10).

Behaviour
    A group's coordinator is the broker that leads its partition of `__consumer_offsets`. The
    first question makes that topic, and the answer waits a moment for it:
    DIVERGENCE(coordinator-topic-awaited), Kafka answers COORDINATOR_NOT_AVAILABLE at once. So
    does this broker where there is no leader.
    There are no transactions yet, so a transactional id is COORDINATOR_NOT_AVAILABLE; clients
    try again until their own time is up. A kind of key that Kafka 4.1 does not look up here
    (share groups need `group:topic:partition`, and are off by default) is INVALID_REQUEST.

Versions
    0   groups only
    1   key type, error message (KIP-98)
    4   several keys in one request (KIP-699)
    6   share coordinators (KIP-932)

Not done
    DIVERGENCE(coordinators): Kafka makes `__transaction_state` on the first question; here that
    comes with transactions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from minikafka.apis.auto_topics import create_missing
from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_LEADER
from minikafka.broker.context import RequestContext
from minikafka.broker.group_coordinator import OFFSETS_TOPIC
from minikafka.metadata.image import MetadataImage
from minikafka.wire.shapes import Shape, optional
from minikafka.wire.versions import ApiKey

__all__ = ["find_coordinator"]

_GROUP, _TRANSACTION, _SHARE = 0, 1, 2
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
    if key_type == _GROUP and keys:
        await _offsets_topic(context)
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


def _coordinator(key: str, key_type: int, context: RequestContext) -> dict[str, object]:
    if key_type == _SHARE and (context.api_version < 6 or not _SHARE_KEY.fullmatch(key)):
        return {"error_code": ErrorCode.INVALID_REQUEST, **_NO_NODE}
    if key_type == _GROUP:
        broker_id = context.broker.groups.coordinator_of(key)
        broker = None if broker_id is None else context.broker.image.brokers.get(broker_id)
        if broker is not None and not broker.fenced:
            return {
                "error_code": ErrorCode.NONE,
                "node_id": broker.broker_id,
                "host": broker.host,
                "port": broker.port,
            }
    return {"error_code": ErrorCode.COORDINATOR_NOT_AVAILABLE, **_NO_NODE}


async def _offsets_topic(context: RequestContext) -> None:
    """`__consumer_offsets` is there and led, or could not be made in time."""
    broker = context.broker
    if OFFSETS_TOPIC in broker.image.topics:
        return
    await create_missing((OFFSETS_TOPIC,), context)
    await broker.wait_image(_is_led, context.received_ms + _TOPIC_WAIT_MS)


def _is_led(image: MetadataImage) -> bool:
    topic = image.topics.get(OFFSETS_TOPIC)
    return topic is not None and all(each.leader != NO_LEADER for each in topic.partitions)
