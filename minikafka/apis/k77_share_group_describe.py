"""ShareGroupDescribe (api key 77).

Behaviour
    Each group has its own error; one that is not there, or is of another kind, is
    GROUP_ID_NOT_FOUND. Topics that are gone are left out of what members read.
    UNSUPPORTED_VERSION unless share groups are switched on (`group.share.enable`).

Versions
    1   share groups (KIP-932); version 0 was that of Kafka 4.0

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.group_requests import GROUP_OPERATIONS, check_group_id
from minikafka.apis.registry import api
from minikafka.apis.share_requests import check_enabled
from minikafka.apis.topic_shapes import NOT_ASKED
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.groups.share_commands import DescribedShareGroup, DescribedShareMember
from minikafka.metadata.image import MetadataImage
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["share_group_describe"]

_ASSIGNOR = "simple"


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"groups": [_refused(group_id, error) for group_id in request.group_ids]}


@api(ApiKey.SHARE_GROUP_DESCRIBE, on_error=_error_shape)
def share_group_describe(request: Any, context: RequestContext) -> Shape:
    """Return share groups for people to look at."""
    check_enabled(context)
    asked = request.include_authorized_operations
    operations = GROUP_OPERATIONS if asked else NOT_ASKED
    return {"groups": [_group(group_id, operations, context) for group_id in request.group_ids]}


def _group(group_id: str, operations: int, context: RequestContext) -> Shape:
    try:
        check_group_id(group_id)
        found = context.broker.groups.of(group_id).read(
            lambda coordinator: coordinator.describe_share_group(group_id)
        )
    except KafkaError as error:
        return _refused(group_id, error)
    return _shape(found, operations, context.broker.image)


def _refused(group_id: str, error: KafkaError) -> Shape:
    return {
        "error_code": error.code,
        "error_message": error.message,
        "group_id": group_id,
        "group_state": "",
        "group_epoch": 0,
        "assignment_epoch": 0,
        "assignor_name": "",
        "members": [],
        "authorized_operations": NOT_ASKED,
    }


def _shape(group: DescribedShareGroup, operations: int, image: MetadataImage) -> Shape:
    return {
        "error_code": ErrorCode.NONE,
        "error_message": None,
        "group_id": group.group_id,
        "group_state": group.state,
        "group_epoch": group.epoch,
        "assignment_epoch": group.assignment_epoch,
        "assignor_name": _ASSIGNOR,
        "members": [_member(member, image) for member in group.members],
        "authorized_operations": operations,
    }


def _member(member: DescribedShareMember, image: MetadataImage) -> Shape:
    return {
        "member_id": member.member_id,
        "rack_id": member.rack_id,
        "member_epoch": member.member_epoch,
        "client_id": member.client_id,
        "client_host": member.client_host,
        "subscribed_topic_names": member.topic_names,
        "assignment": {
            "topic_partitions": [
                {
                    "topic_id": topic_id,
                    "topic_name": image.topic_names[topic_id],
                    "partitions": numbers,
                }
                for topic_id, numbers in member.assigned.items()
                if topic_id in image.topic_names
            ]
        },
    }
