"""DescribeShareGroupOffsets (api key 90).

Behaviour
    How far a share group has come: below its start offset all is done. Of the partitions that are
    named, or of all that it has share state for; -1 for those that have not begun. A share-partition
    writes its start offset with its next state, so that this may lag, as in Kafka.
    UNSUPPORTED_VERSION unless share groups are switched on (`group.share.enable`).

Versions
    0   share groups (KIP-932)

Not done
    Nothing known.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from minikafka.apis.registry import api
from minikafka.apis.share_requests import check_enabled
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ZERO_ID
from minikafka.broker.context import RequestContext
from minikafka.shares.records import ShareKey
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["describe_share_group_offsets"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"groups": [_refused(group.group_id, error) for group in request.groups]}


def _refused(group_id: str, error: KafkaError) -> Shape:
    return {
        "group_id": group_id,
        "topics": [],
        "error_code": error.code,
        "error_message": error.message,
    }


@api(ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS, on_error=_error_shape)
async def describe_share_group_offsets(request: Any, context: RequestContext) -> Shape:
    """Return how far share groups have come."""
    check_enabled(context)
    return {"groups": [await _group(group, context) for group in request.groups]}


async def _group(group: Any, context: RequestContext) -> Shape:
    try:
        topics = [
            await _topic(group.group_id, name, numbers, context)
            for name, numbers in _asked(group, context)
        ]
    except KafkaError as error:
        return _refused(group.group_id, error)
    return {
        "group_id": group.group_id,
        "topics": topics,
        "error_code": ErrorCode.NONE,
        "error_message": None,
    }


def _asked(group: Any, context: RequestContext) -> Iterable[tuple[str, Iterable[int]]]:
    if group.topics is not None:
        return [(topic.topic_name, topic.partitions) for topic in group.topics]
    names = context.broker.image.topic_names
    found = context.broker.share_groups.initialized(group.group_id)
    return [(names[each], numbers) for each, numbers in found.items() if each in names]


async def _topic(
    group_id: str, name: str, numbers: Iterable[int], context: RequestContext
) -> Shape:
    topic = context.broker.image.topics.get(name)
    partitions: list[Shape] = []
    for number in numbers:
        offset, epoch = -1, 0
        if topic is not None:
            key = ShareKey(group_id, topic.topic_id, number)
            # What cannot be had is told like what has not begun, as in Kafka.
            with suppress(KafkaError):
                offset, epoch = await context.broker.persister.summary(key)
        partitions.append(
            {
                "partition_index": number,
                "start_offset": offset,
                "leader_epoch": epoch,
                "error_code": ErrorCode.NONE,
                "error_message": None,
            }
        )
    topic_id = ZERO_ID if topic is None else topic.topic_id
    return {"topic_name": name, "topic_id": topic_id, "partitions": partitions}
