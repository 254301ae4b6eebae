"""DescribeTopicPartitions (api key 75).

Behaviour
    Topics sorted by name, each once, their partitions by index, up to a limit of partitions:
    the least of the request's and max.request.partition.size.limit, at least 1. Where it is
    reached, `next_cursor` names what comes next. No topics asked for means all of them.
    A cursor's topic must be among those asked for. Unknown and impossible names are reported,
    and count for nothing.
    `eligible_leader_replicas` may lead when the ISR is empty; `last_known_elr` is the last
    leader while there is none. Both are arrays, never null: the Java client reads them without
    looking.

Versions
    0   KIP-966

Not done
    DIVERGENCE(server-errors): the empty name is INVALID_TOPIC_EXCEPTION, on which Kafka fails.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.apis.topic_shapes import (
    TOPIC_OPERATIONS,
    absent_topic_code,
    partition_shape,
    topic_shape,
)
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.metadata.image import MetadataImage, TopicImage
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["describe_topic_partitions"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    topics = [topic_shape(asked.name, None, error.code) for asked in request.topics]
    return {"topics": topics, "next_cursor": None}


@api(ApiKey.DESCRIBE_TOPIC_PARTITIONS, on_error=_error_shape)
def describe_topic_partitions(request: Any, context: RequestContext) -> Shape:
    """Return the partitions of the asked topics, as many as the limit lets through."""
    image = context.broker.image
    names = _names(request, image)
    first = request.cursor.partition_index if request.cursor is not None else 0
    most = context.broker.config.max_request_partition_size_limit
    left = max(1, min(most, request.response_partition_limit))
    topics: list[Shape] = []
    for name in names:
        if left == 0:
            return _page(topics, name, 0)
        start = first if request.cursor is not None and name == request.cursor.topic_name else 0
        topic = image.topics.get(name)
        if topic is None:
            if request.topics:
                code = absent_topic_code(name)
                topics.append(topic_shape(name, None, code, (), TOPIC_OPERATIONS))
            continue
        end = min(len(topic.partitions), start + left)
        topics.append(_topic(topic, range(start, end), image))
        if end < len(topic.partitions):
            return _page(topics, name, end)
        left -= max(0, end - start)
    return {"topics": topics, "next_cursor": None}


def _names(request: Any, image: MetadataImage) -> list[str]:
    """Return the topics to look at, in order, from the cursor's on."""
    cursor = request.cursor
    named = {topic.name: None for topic in request.topics} or dict.fromkeys(image.topics)
    if cursor is None:
        return sorted(named)
    if request.topics and cursor.topic_name not in named:
        raise KafkaError(ErrorCode.INVALID_REQUEST)
    if cursor.partition_index < 0:
        raise KafkaError(ErrorCode.INVALID_REQUEST)
    return sorted(name for name in named if name >= cursor.topic_name)


def _topic(topic: TopicImage, indexes: range, image: MetadataImage) -> Shape:
    partitions = [
        {
            **partition_shape(index, topic.partitions[index], image),
            # This API has no error for a partition without a leader: leader_id says it.
            "error_code": ErrorCode.NONE,
            "eligible_leader_replicas": topic.partitions[index].elr,
            "last_known_elr": topic.partitions[index].last_known_elr,
        }
        for index in indexes
    ]
    return topic_shape(topic.name, topic.topic_id, ErrorCode.NONE, partitions, TOPIC_OPERATIONS)


def _page(topics: list[Shape], topic: str, partition: int) -> Shape:
    cursor = {"topic_name": topic, "partition_index": partition}
    return {"topics": topics, "next_cursor": cursor}
