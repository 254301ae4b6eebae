"""DescribeTransactions (api key 65).

Behaviour
    Tells of each transactional id what its coordinator knows, once that is committed. Each id
    succeeds or fails on its own.

Versions
    0   KIP-664

Not done
    Partitions whose marker is written are told until all are; Kafka leaves them out one by one.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.broker.purgatory import settled
from minikafka.transactions.metadata import TransactionMetadata
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["describe_transactions"]


def _refused(transactional_id: str, code: ErrorCode) -> Shape:
    # Zeros, as Kafka's generated class has them before anything is set.
    return {
        "error_code": code,
        "transactional_id": transactional_id,
        "transaction_start_time": 0,
    }


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {
        "transaction_states": [_refused(each, error.code) for each in request.transactional_ids]
    }


@api(ApiKey.DESCRIBE_TRANSACTIONS, on_error=_error_shape)
async def describe_transactions(request: Any, context: RequestContext) -> Shape:
    """Describe transactional ids."""
    # Kafka's answer is in the order of a hash table; here it is that of the request.
    return {
        "transaction_states": [
            await _described(each, context) for each in request.transactional_ids
        ]
    }


async def _described(transactional_id: str, context: RequestContext) -> Shape:
    if not transactional_id:
        return _refused(transactional_id, ErrorCode.INVALID_REQUEST)
    try:
        coordinator = context.broker.transactions.of(transactional_id)
        known = await settled(
            coordinator.read_stable(lambda machine: machine.describe(transactional_id))
        )
    except KafkaError as error:
        return _refused(transactional_id, error.code)
    return _shape(transactional_id, known)


def _shape(transactional_id: str, known: TransactionMetadata) -> Shape:
    topics: dict[str, list[int]] = {}
    for topic, index in known.topic_partitions:
        topics.setdefault(topic, []).append(index)
    return {
        "error_code": ErrorCode.NONE,
        "transactional_id": transactional_id,
        "transaction_state": known.state.text,
        "transaction_timeout": known.timeout_ms,
        "transaction_start_time": known.start_timestamp_ms,
        "producer_id": known.producer_id,
        "producer_epoch": known.producer_epoch,
        "topics": [
            {"topic": topic, "partitions": indexes} for topic, indexes in topics.items()
        ],
    }
