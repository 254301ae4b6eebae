"""ConsumerGroupHeartbeat (api key 68).

Behaviour
    All that a member of the consumer protocol does: join with epoch 0, go on, leave with -1 or, as a
    static member that will be back, with -2. The answer has the member's epoch and, where it is to
    have something else than before, its assignment. Nobody waits for another member: who is to get
    what another has hears of it with a heartbeat after that has been given up.

Versions
    0   the member id may be made by the coordinator
    1   made by the member; subscriptions by regular expression (KIP-848, KIP-1082)

Not done
    Nothing known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikafka.apis.group_requests import shown_host
from minikafka.apis.registry import api
from minikafka.base.deferred import Deferred, mapped
from minikafka.base.errors import KafkaError
from minikafka.base.ids import ZERO_ID
from minikafka.broker.context import RequestContext
from minikafka.groups.consumer_commands import ConsumerHeartbeat, ConsumerHeartbeatAnswer
from minikafka.groups.partitions import Partitions, partitions_of
from minikafka.wire.shapes import Shape, optional, to_ms
from minikafka.wire.versions import ApiKey

__all__ = ["consumer_group_heartbeat"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code, "error_message": error.message, "assignment": None}


@api(ApiKey.CONSUMER_GROUP_HEARTBEAT, on_error=_error_shape)
def consumer_group_heartbeat(request: Any, context: RequestContext) -> Deferred[Shape]:
    """Let a member join, go on, or leave."""
    command = ConsumerHeartbeat(
        request.group_id,
        request.member_id,
        request.member_epoch,
        request.instance_id,
        request.rack_id,
        to_ms(request.rebalance_timeout),
        _names(request.subscribed_topic_names),
        optional(request, "subscribed_topic_regex", None),
        request.server_assignor,
        _owned(request.topic_partitions),
        context.client_id or "",
        shown_host(context),
        makes_own_id=context.api_version >= 1,
    )
    groups = context.broker.groups
    groups.check_heartbeat(command)
    answer = groups.write(
        request.group_id, lambda coordinator, now: coordinator.consumer_heartbeat(command, now)
    )
    return mapped(answer, _shape)


def _names(names: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)


def _owned(topics: Sequence[Any] | None) -> Partitions | None:
    if topics is None:
        return None
    return partitions_of((topic.topic_id or ZERO_ID, topic.partitions) for topic in topics)


def _shape(answer: ConsumerHeartbeatAnswer) -> Shape:
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
