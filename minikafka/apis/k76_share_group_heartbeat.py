"""ShareGroupHeartbeat (api key 76).

Behaviour
    All that a member of a share group does: join with epoch 0, go on, leave with -1. The answer has
    the member's epoch and, where it is to read something else than before, its assignment: of
    partitions whose share state has begun, so that the first one is empty.
    UNSUPPORTED_VERSION unless share groups are switched on (`group.share.enable`).

Versions
    1   share groups (KIP-932); version 0 was that of Kafka 4.0

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.group_requests import shown_host
from minikafka.apis.registry import api
from minikafka.apis.share_requests import check_enabled
from minikafka.base.deferred import Deferred, mapped
from minikafka.base.errors import KafkaError
from minikafka.broker.context import RequestContext
from minikafka.groups.share_commands import ShareHeartbeat, ShareHeartbeatAnswer
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["share_group_heartbeat"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code, "error_message": error.message, "assignment": None}


@api(ApiKey.SHARE_GROUP_HEARTBEAT, on_error=_error_shape)
def share_group_heartbeat(request: Any, context: RequestContext) -> Deferred[Shape]:
    """Let a member join, go on, or leave."""
    check_enabled(context)
    names = request.subscribed_topic_names
    command = ShareHeartbeat(
        request.group_id,
        request.member_id,
        request.member_epoch,
        request.rack_id,
        None if names is None else tuple(names),
        context.client_id or "",
        shown_host(context),
    )
    return mapped(context.broker.share_groups.heartbeat(command), _shape)


def _shape(answer: ShareHeartbeatAnswer) -> Shape:
    assignment = answer.assignment
    return {
        "member_id": answer.member_id,
        "member_epoch": answer.member_epoch,
        "heartbeat_interval": answer.heartbeat_interval_ms,
        "assignment": None
        if assignment is None
        else {
            "topic_partitions": [
                {"topic_id": topic_id, "partitions": numbers}
                for topic_id, numbers in assignment.items()
            ]
        },
    }
