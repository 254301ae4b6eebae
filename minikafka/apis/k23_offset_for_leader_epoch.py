"""OffsetForLeaderEpoch (api key 23).

Behaviour
    For each partition led here: the largest leader epoch in the log that is not above the
    asked one, and where it ends (exclusive); -1 and -1 without an error where the log knows
    none. Consumers and followers find with it where their log or position left the leader's.

Versions
    2   current leader epoch, checked against ours (KIP-320)
    3   replica id
    4   flexible

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_LEADER_EPOCH, NO_OFFSET, TopicPartition
from minikafka.broker.context import RequestContext
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["offset_for_leader_epoch"]


def _result(partition: int, code: ErrorCode, epoch: int, end_offset: int) -> Shape:
    return {
        "error_code": code,
        "partition": partition,
        "leader_epoch": epoch,
        "end_offset": end_offset,
    }


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {
        "topics": [
            {
                "topic": topic.topic,
                "partitions": [
                    _result(asked.partition, error.code, NO_LEADER_EPOCH, NO_OFFSET)
                    for asked in topic.partitions
                ],
            }
            for topic in request.topics
        ]
    }


@api(ApiKey.OFFSET_FOR_LEADER_EPOCH, on_error=_error_shape)
def offset_for_leader_epoch(request: Any, context: RequestContext) -> Shape:
    """Return where each asked leader epoch ends in our logs."""
    return {
        "topics": [
            {
                "topic": topic.topic,
                "partitions": [
                    _end_of_epoch(topic.topic, asked, context) for asked in topic.partitions
                ],
            }
            for topic in request.topics
        ]
    }


def _end_of_epoch(topic: str, asked: Any, context: RequestContext) -> Shape:
    partition = TopicPartition(topic, asked.partition)
    try:
        log = context.broker.replicas.leader(partition, asked.current_leader_epoch).log
        if asked.current_leader_epoch < NO_LEADER_EPOCH:
            # Fetch takes any number below 0 for "unknown", this API takes -1 alone.
            raise KafkaError(ErrorCode.FENCED_LEADER_EPOCH)
    except KafkaError as error:
        return _result(asked.partition, error.code, NO_LEADER_EPOCH, NO_OFFSET)
    epoch, end_offset = log.epochs.end_offset_for(asked.leader_epoch, log.log_end_offset)
    return _result(asked.partition, ErrorCode.NONE, epoch, end_offset)
