"""LeaveGroup (api key 13).

Behaviour
    Members go, and the others rebalance at once. An administrator names static members by their
    instance id alone.

Versions
    3   several members, each with an error of its own (KIP-345)
    4   flexible
    5   reason (KIP-800), not kept

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
from minikafka.groups.commands import LeaveGroup, LeavingMember
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["leave_group"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code, "members": []}


@api(ApiKey.LEAVE_GROUP, on_error=_error_shape)
def leave_group(request: Any, context: RequestContext) -> Deferred[Shape]:
    """Let members go."""
    check_group_id(request.group_id)
    many = context.api_version >= 3
    members = (
        tuple(LeavingMember(each.member_id, each.group_instance_id) for each in request.members)
        if many
        else (LeavingMember(request.member_id),)
    )
    command = LeaveGroup(request.group_id, members)

    def shape(errors: tuple[ErrorCode, ...]) -> Shape:
        if not many:
            return {"error_code": errors[0]}
        return {
            "error_code": ErrorCode.NONE,
            "members": [
                {
                    "member_id": member.member_id,
                    "group_instance_id": member.group_instance_id,
                    "error_code": error,
                }
                for member, error in zip(members, errors, strict=True)
            ],
        }

    answer = context.broker.groups.write(
        request.group_id, lambda coordinator, now: coordinator.leave_group(command, now)
    )
    return mapped(answer, shape)
