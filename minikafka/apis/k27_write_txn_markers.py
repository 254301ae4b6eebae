"""WriteTxnMarkers (api key 27), from the transaction coordinator to leaders of partitions.

Behaviour
    Appends one control batch to each partition, and answers when the in-sync replicas have it. Each
    partition succeeds or fails on its own. A marker of an older producer epoch is
    INVALID_PRODUCER_EPOCH, one of an older coordinator TRANSACTION_COORDINATOR_FENCED.

Versions
    1   flexible

Not done
    Permissions: anybody may send it.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.broker.context import RequestContext
from minikafka.broker.marker_writer import write_marker
from minikafka.broker.purgatory import settled
from minikafka.records.markers import EndTransactionMarker
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["write_txn_markers"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {
        "markers": [
            {
                "producer_id": marker.producer_id,
                "topics": [
                    {
                        "name": topic.name,
                        "partitions": [
                            {"partition_index": index, "error_code": error.code}
                            for index in topic.partition_indexes
                        ],
                    }
                    for topic in marker.topics
                ],
            }
            for marker in request.markers
        ]
    }


@api(ApiKey.WRITE_TXN_MARKERS, on_error=_error_shape)
async def write_txn_markers(request: Any, context: RequestContext) -> Shape:
    """Write the markers of ended transactions."""
    asked = [
        (marker, topic, index, _written(marker, TopicPartition(topic.name, index), context))
        for marker in request.markers
        for topic in marker.topics
        for index in topic.partition_indexes
    ]
    codes = {
        (_name(marker), topic.name, index): await _code(answer)
        for marker, topic, index, answer in asked
    }
    return {
        "markers": [
            {
                "producer_id": marker.producer_id,
                "topics": [
                    {
                        "name": topic.name,
                        "partitions": [
                            {
                                "partition_index": index,
                                "error_code": codes[_name(marker), topic.name, index],
                            }
                            for index in topic.partition_indexes
                        ],
                    }
                    for topic in marker.topics
                ],
            }
            for marker in request.markers
        ]
    }


def _name(marker: Any) -> tuple[int, int]:
    """Return what tells the markers of a request apart."""
    return marker.producer_id, marker.producer_epoch


def _written(
    marker: Any, partition: TopicPartition, context: RequestContext
) -> Deferred[ErrorCode] | ErrorCode:
    said = EndTransactionMarker(marker.transaction_result, marker.coordinator_epoch)
    try:
        return write_marker(
            context.broker, partition, (marker.producer_id, marker.producer_epoch), said
        )
    except KafkaError as error:
        return error.code


async def _code(answer: Deferred[ErrorCode] | ErrorCode) -> ErrorCode:
    return answer if isinstance(answer, ErrorCode) else await settled(answer)
