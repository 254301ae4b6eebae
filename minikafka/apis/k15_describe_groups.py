"""DescribeGroups (api key 15).

Behaviour
    Each group has its own error. What members subscribe to and own is shown while the group is
    stable. A group that is not there is "Dead".

Versions
    3   authorized operations, if asked for (KIP-430)
    4   group.instance.id (KIP-345)
    5   flexible
    6   GROUP_ID_NOT_FOUND for a group that is not there (KIP-1043)

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.group_requests import GROUP_OPERATIONS
from minikafka.apis.registry import api
from minikafka.apis.topic_shapes import NOT_ASKED
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.groups.commands import DescribedGroup
from minikafka.groups.states import GroupState
from minikafka.wire.shapes import Shape, optional
from minikafka.wire.versions import ApiKey

__all__ = ["describe_groups"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {
        "groups": [
            _shape(DescribedGroup(group_id, ""), NOT_ASKED, error)
            for group_id in request.groups
        ]
    }


@api(ApiKey.DESCRIBE_GROUPS, on_error=_error_shape)
def describe_groups(request: Any, context: RequestContext) -> Shape:
    """Return groups for people to look at."""
    asked = optional(request, "include_authorized_operations", False)
    operations = GROUP_OPERATIONS if asked else NOT_ASKED
    return {"groups": [_group(group_id, operations, context) for group_id in request.groups]}


def _group(group_id: str, operations: int, context: RequestContext) -> Shape:
    try:
        found = context.broker.groups.of(group_id).read(
            lambda coordinator: coordinator.describe_group(group_id)
        )
    except KafkaError as error:
        if error.code != ErrorCode.GROUP_ID_NOT_FOUND:
            return _shape(DescribedGroup(group_id, ""), NOT_ASKED, error)
        dead = DescribedGroup(group_id, GroupState.DEAD.value)
        if context.api_version >= 6:
            return _shape(dead, NOT_ASKED, error)
        return _shape(dead, operations)
    return _shape(found, operations)


def _shape(group: DescribedGroup, operations: int, error: KafkaError | None = None) -> Shape:
    return {
        "error_code": ErrorCode.NONE if error is None else error.code,
        "error_message": None if error is None else error.message,
        "group_id": group.group_id,
        "group_state": group.state,
        "protocol_type": group.protocol_type,
        "protocol_data": group.protocol_data,
        "members": [
            {
                "member_id": member.member_id,
                "group_instance_id": member.group_instance_id,
                "client_id": member.client_id,
                "client_host": member.client_host,
                "member_metadata": member.metadata,
                "member_assignment": member.assignment,
            }
            for member in group.members
        ],
        "authorized_operations": operations,
    }
