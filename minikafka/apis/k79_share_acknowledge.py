"""ShareAcknowledge (api key 79).

Behaviour
    A member says what is to become of the records it holds, without asking for more. It goes on with
    its share session, or ends it with epoch -1: then what it still holds goes back. Each partition
    is answered once the share coordinator has it written down.
    UNSUPPORTED_VERSION unless share groups are switched on (`group.share.enable`).

Versions
    1   share groups (KIP-932); version 0 was that of Kafka 4.0

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.apis.share_requests import (
    Place,
    acknowledged,
    begin_acknowledging,
    check_enabled,
    leader_shape,
    session_key,
    shown_nodes,
)
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicId
from minikafka.broker.context import RequestContext
from minikafka.broker.share_sessions import FINAL_EPOCH, INITIAL_EPOCH
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["share_acknowledge"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {
        "error_code": error.code,
        "error_message": None,
        "responses": [],
        "node_endpoints": [],
    }


@api(ApiKey.SHARE_ACKNOWLEDGE, on_error=_error_shape)
async def share_acknowledge(request: Any, context: RequestContext) -> Shape:
    """Let a member say what is to become of what it holds."""
    check_enabled(context)
    epoch = request.share_session_epoch
    if epoch == INITIAL_EPOCH:
        raise KafkaError(
            ErrorCode.INVALID_SHARE_SESSION_EPOCH, "The share session epoch is invalid."
        )
    shares, key = context.broker.shares, session_key(request)
    shares.sessions.find(key, epoch)
    errors = await acknowledged(begin_acknowledging(request, context))
    if epoch == FINAL_EPOCH:
        shares.end_session(key)
    topics: dict[TopicId, list[Shape]] = {}
    for place, error in errors.items():
        topics.setdefault(place[0], []).append(_partition(place, error, context))
    return {
        "error_code": ErrorCode.NONE,
        "error_message": None,
        "responses": [
            {"topic_id": topic_id, "partitions": found} for topic_id, found in topics.items()
        ],
        "node_endpoints": shown_nodes(errors.items(), context),
    }


def _partition(place: Place, error: KafkaError | None, context: RequestContext) -> Shape:
    return {
        "partition_index": place[1],
        "error_code": ErrorCode.NONE if error is None else error.code,
        "error_message": None if error is None else error.message,
        "current_leader": leader_shape(place, error, context),
    }
