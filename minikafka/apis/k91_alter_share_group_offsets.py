"""AlterShareGroupOffsets (api key 91).

Behaviour
    A share group without members begins anew at other offsets: what it had done from there on it
    does again. Each partition has its own error.
    DIVERGENCE(share-offsets-altered): Kafka 4.1 means to, but does nothing.
    UNSUPPORTED_VERSION unless share groups are switched on (`group.share.enable`).

Versions
    0   share groups (KIP-932)

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.group_requests import check_group_id
from minikafka.apis.registry import api
from minikafka.apis.share_requests import check_enabled
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ZERO_ID, Offset, TopicId, TopicPartition
from minikafka.broker.context import RequestContext
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["alter_share_group_offsets"]

_UNKNOWN = KafkaError(
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition."
)


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code, "error_message": error.message, "responses": []}


@api(ApiKey.ALTER_SHARE_GROUP_OFFSETS, on_error=_error_shape)
async def alter_share_group_offsets(request: Any, context: RequestContext) -> Shape:
    """Let a share group begin anew at other offsets."""
    check_enabled(context)
    check_group_id(request.group_id)
    image = context.broker.image
    offsets: dict[tuple[TopicId, int], Offset] = {}
    for topic in request.topics:
        known = image.topics.get(topic.topic_name)
        for each in topic.partitions:
            place = TopicPartition(topic.topic_name, each.partition_index)
            if known is not None and image.partition(place) is not None:
                offsets[known.topic_id, each.partition_index] = each.start_offset
    found: dict[tuple[TopicId, int], KafkaError | None] = {}
    if request.topics:
        found = await context.broker.share_groups.begin_anew(request.group_id, offsets)
    responses: list[Shape] = []
    for topic in request.topics:
        known = image.topics.get(topic.topic_name)
        topic_id = ZERO_ID if known is None else known.topic_id
        partitions = [
            _partition(
                each.partition_index, found.get((topic_id, each.partition_index), _UNKNOWN)
            )
            for each in topic.partitions
        ]
        responses.append(
            {"topic_name": topic.topic_name, "topic_id": topic_id, "partitions": partitions}
        )
    return {"error_code": ErrorCode.NONE, "error_message": None, "responses": responses}


def _partition(index: int, error: KafkaError | None) -> Shape:
    return {
        "partition_index": index,
        "error_code": ErrorCode.NONE if error is None else error.code,
        "error_message": None if error is None else error.message,
    }
