"""Heartbeat (api key 12).

Behaviour
    The member's session begins anew; REBALANCE_IN_PROGRESS asks it to join again. While the
    coordinator loads the group, every member is taken for alive.

Versions
    3   group.instance.id (KIP-345)
    4   flexible

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.group_requests import check_group_id
from minikafka.apis.registry import api
from minikafka.base.deferred import Deferred, mapped
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.groups.commands import Heartbeat
from minikafka.wire.shapes import Shape, optional
from minikafka.wire.versions import ApiKey

__all__ = ["heartbeat"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    loading = error.code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
    return {"error_code": ErrorCode.NONE if loading else error.code}


@api(ApiKey.HEARTBEAT, on_error=_error_shape)
def heartbeat(request: Any, context: RequestContext) -> Deferred[Shape]:
    """Prolong a member's session."""
    check_group_id(request.group_id)
    command = Heartbeat(
        request.group_id,
        request.generation_id,
        request.member_id,
        optional(request, "group_instance_id", None),
    )
    answer = context.broker.groups.write(
        request.group_id, lambda coordinator, now: coordinator.heartbeat(command, now)
    )
    return mapped(answer, lambda code: {"error_code": code})
