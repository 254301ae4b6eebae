"""DeleteRecords (api key 21).

Behaviour
    The leader moves its log start to the offset (-1: to the high watermark) at once, and the
    answer waits until every live replica has moved too, up to the timeout: then
    REQUEST_TIMED_OUT with the low watermark as it stands, and the records are gone all the same.
    Above the high watermark or below 0: OFFSET_OUT_OF_RANGE. Internal topics:
    INVALID_TOPIC_EXCEPTION. Without `delete` in cleanup.policy: POLICY_VIOLATION.
    Of a partition named twice the last offset counts.

Versions
    2   flexible

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_OFFSET, Offset, TopicPartition
from minikafka.broker import record_deletion
from minikafka.broker.context import RequestContext
from minikafka.broker.purgatory import settled
from minikafka.metadata.names import is_internal_topic
from minikafka.wire.shapes import Shape, to_ms
from minikafka.wire.versions import ApiKey

__all__ = ["delete_records"]


def _result(index: int, code: ErrorCode, low_watermark: Offset = NO_OFFSET) -> Shape:
    return {"partition_index": index, "low_watermark": low_watermark, "error_code": code}


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {
        "topics": [
            {
                "name": topic.name,
                "partitions": [
                    _result(asked.partition_index, error.code) for asked in topic.partitions
                ],
            }
            for topic in request.topics
        ]
    }


@api(ApiKey.DELETE_RECORDS, on_error=_error_shape)
async def delete_records(request: Any, context: RequestContext) -> Shape:
    """Return how far each partition's records are gone on every live replica.

    All partitions are started before the first is waited for. Cancellation: safe; what was
    started goes on without an answer.
    """
    offsets = {
        TopicPartition(topic.name, asked.partition_index): asked.offset
        for topic in request.topics
        for asked in topic.partitions
    }
    deadline_ms = context.received_ms + to_ms(request.timeout)
    started = {
        partition: _start(partition, offset, deadline_ms, context)
        for partition, offset in offsets.items()
    }
    topics: dict[str, list[Shape]] = {}
    for partition, waiting in started.items():
        result = await _finish(partition, waiting, context)
        topics.setdefault(partition.topic, []).append(result)
    return {
        "topics": [{"name": name, "partitions": results} for name, results in topics.items()]
    }


def _start(
    partition: TopicPartition, offset: Offset, deadline_ms: int, context: RequestContext
) -> Deferred[Offset] | ErrorCode:
    if is_internal_topic(partition.topic):
        return ErrorCode.INVALID_TOPIC_EXCEPTION
    replicas = context.broker.replicas
    try:
        if not replicas.leader(partition).log.config.deleted:
            return ErrorCode.POLICY_VIOLATION
        return record_deletion.delete_records(replicas, partition, offset, deadline_ms)
    except KafkaError as error:
        return error.code


async def _finish(
    partition: TopicPartition, waiting: Deferred[Offset] | ErrorCode, context: RequestContext
) -> Shape:
    index = partition.partition
    if isinstance(waiting, ErrorCode):
        return _result(index, waiting)
    try:
        return _result(index, ErrorCode.NONE, await settled(waiting))
    except KafkaError as error:
        leader = context.broker.replicas.partition(partition)
        if error.code is ErrorCode.REQUEST_TIMED_OUT and leader is not None and leader.leader:
            return _result(index, error.code, leader.leader.low_watermark())
        return _result(index, error.code)
