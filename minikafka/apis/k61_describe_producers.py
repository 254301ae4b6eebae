"""DescribeProducers (api key 61).

Behaviour
    Any replica, led or followed, tells what it knows of the producers of a partition.
    Each partition succeeds or fails on its own.

Versions
    0   KIP-664

Not done
    The order of producers is that of their ids; Kafka's is that of a hash table.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ProducerId
from minikafka.broker.context import RequestContext
from minikafka.log.producer_state import ProducerEntry
from minikafka.metadata.names import topic_name_problem
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["describe_producers"]

_NO_OFFSET = -1
# Of a topic that is there Kafka tells the code alone.
_UNKNOWN_TOPIC = "This server does not host this topic-partition."


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {
        "topics": [
            {
                "name": topic.name,
                "partitions": [
                    _partition(index, error.code) for index in topic.partition_indexes
                ],
            }
            for topic in request.topics
        ]
    }


@api(ApiKey.DESCRIBE_PRODUCERS, on_error=_error_shape)
def describe_producers(request: Any, context: RequestContext) -> Shape:
    """Return the producers of each partition, as this replica knows them."""
    return {
        "topics": [
            {
                "name": topic.name,
                "partitions": [
                    _described(topic.name, index, context) for index in topic.partition_indexes
                ],
            }
            for topic in request.topics
        ]
    }


def _described(name: str, index: int, context: RequestContext) -> Shape:
    problem = topic_name_problem(name)
    if problem is not None:
        return _partition(index, ErrorCode.INVALID_TOPIC_EXCEPTION, problem)
    if name not in context.broker.image.topics:
        return _partition(index, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, _UNKNOWN_TOPIC)
    try:
        partition = context.broker.replicas.leading(name, index, or_following=True)
    except KafkaError as error:
        return _partition(index, error.code)
    shape = _partition(index, ErrorCode.NONE)
    shape["active_producers"] = [
        _producer(producer_id, entry)
        for producer_id, entry in sorted(partition.log.producers.entries.items())
    ]
    return shape


def _partition(index: int, code: int, message: str | None = None) -> dict[str, object]:
    return {
        "partition_index": index,
        "error_code": code,
        "error_message": message,
        "active_producers": [],
    }


def _producer(producer_id: ProducerId, entry: ProducerEntry) -> Shape:
    opened = entry.transaction_start
    return {
        "producer_id": producer_id,
        "producer_epoch": entry.producer_epoch,
        "last_sequence": entry.last_sequence,
        "last_timestamp": entry.last_timestamp_ms,
        "coordinator_epoch": entry.coordinator_epoch,
        "current_txn_start_offset": _NO_OFFSET if opened is None else opened,
    }
