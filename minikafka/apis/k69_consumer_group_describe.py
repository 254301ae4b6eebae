"""ConsumerGroupDescribe (api key 69).

Behaviour
    Each group has its own error; one that is not there, or is a classic one, is GROUP_ID_NOT_FOUND.
    Of each member what it has and what it is to have; topics that are gone are left out.

Versions
    0   groups of the consumer protocol (KIP-848)
    1   which protocol a member speaks (KIP-1099)

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.group_requests import GROUP_OPERATIONS, check_group_id
from minikafka.apis.registry import api
from minikafka.apis.topic_shapes import NOT_ASKED
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.groups.consumer_commands import DescribedConsumer, DescribedConsumerGroup
from minikafka.groups.partitions import Partitions
from minikafka.metadata.image import MetadataImage
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["consumer_group_describe"]

_CLASSIC_MEMBER, _CONSUMER_MEMBER = 0, 1


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"groups": [_refused(group_id, error) for group_id in request.group_ids]}


@api(ApiKey.CONSUMER_GROUP_DESCRIBE, on_error=_error_shape)
def consumer_group_describe(request: Any, context: RequestContext) -> Shape:
    """Return groups of the consumer protocol for people to look at."""
    asked = request.include_authorized_operations
    operations = GROUP_OPERATIONS if asked else NOT_ASKED
    return {"groups": [_group(group_id, operations, context) for group_id in request.group_ids]}


def _group(group_id: str, operations: int, context: RequestContext) -> Shape:
    try:
        check_group_id(group_id)
        found = context.broker.groups.of(group_id).read(
            lambda coordinator: coordinator.describe_consumer_group(group_id)
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


def _shape(group: DescribedConsumerGroup, operations: int, image: MetadataImage) -> Shape:
    return {
        "error_code": ErrorCode.NONE,
        "error_message": None,
        "group_id": group.group_id,
        "group_state": group.state,
        "group_epoch": group.epoch,
        "assignment_epoch": group.assignment_epoch,
        "assignor_name": group.assignor,
        "members": [_member(member, image) for member in group.members],
        "authorized_operations": operations,
    }


def _member(member: DescribedConsumer, image: MetadataImage) -> Shape:
    return {
        "member_id": member.member_id,
        "instance_id": member.instance_id,
        "rack_id": member.rack_id,
        "member_epoch": member.member_epoch,
        "client_id": member.client_id,
        "client_host": member.client_host,
        "subscribed_topic_names": member.topic_names,
        "subscribed_topic_regex": member.regex,
        "assignment": _assignment(member.assigned, image),
        "target_assignment": _assignment(member.target, image),
        "member_type": _CLASSIC_MEMBER if member.speaks_classic else _CONSUMER_MEMBER,
    }


def _assignment(partitions: Partitions, image: MetadataImage) -> Shape:
    return {
        "topic_partitions": [
            {
                "topic_id": topic_id,
                "topic_name": image.topic_names[topic_id],
                "partitions": numbers,
            }
            for topic_id, numbers in partitions.items()
            if topic_id in image.topic_names
        ]
    }
