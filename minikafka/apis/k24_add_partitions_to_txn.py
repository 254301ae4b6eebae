"""AddPartitionsToTxn (api key 24).

Behaviour
    The partitions become part of the producer's transaction, all or none: where one of them is
    not there, the others are OPERATION_NOT_ATTEMPTED.
    Brokers ask, with `verify_only`, whether partitions are part of a transaction (KIP-890); what is
    not is TRANSACTION_ABORTABLE.

Versions
    2   PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH (KIP-588)
    3   flexible
    4   several transactions; to verify only; for brokers (KIP-890)
    5   TRANSACTION_ABORTABLE

Not done
    Clients, too, may send versions 4 and 5: there are no permissions here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minikafka.apis.group_requests import unknown_partitions
from minikafka.apis.registry import api
from minikafka.apis.transaction_requests import shown_error
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.broker.context import RequestContext
from minikafka.broker.purgatory import settled
from minikafka.transactions.commands import AddPartitions, ProducerIdentity
from minikafka.transactions.metadata import V2
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["add_partitions_to_txn"]

_BATCHED_FROM = 4


def _partitions(topics: Sequence[Any]) -> tuple[TopicPartition, ...]:
    return tuple(
        TopicPartition(topic.name, index) for topic in topics for index in topic.partitions
    )


def _topics(topics: Sequence[Any], codes: Mapping[TopicPartition, ErrorCode]) -> list[Shape]:
    return [
        {
            "name": topic.name,
            "results_by_partition": [
                {
                    "partition_index": index,
                    "partition_error_code": codes[TopicPartition(topic.name, index)],
                }
                for index in topic.partitions
            ],
        }
        for topic in topics
    ]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    if version >= _BATCHED_FROM:
        return {"error_code": error.code}
    topics = request.v3_and_below_topics
    codes = dict.fromkeys(_partitions(topics), error.code)
    return {"results_by_topic_v3_and_below": _topics(topics, codes)}


@api(ApiKey.ADD_PARTITIONS_TO_TXN, on_error=_error_shape)
async def add_partitions_to_txn(request: Any, context: RequestContext) -> Shape:
    """Add partitions to transactions, or say which ones are in there."""
    if context.api_version < _BATCHED_FROM:
        topics = request.v3_and_below_topics
        command = AddPartitions(
            request.v3_and_below_transactional_id,
            ProducerIdentity(
                request.v3_and_below_producer_id, request.v3_and_below_producer_epoch
            ),
            _partitions(topics),
        )
        codes = await _add(command, context)
        return {"results_by_topic_v3_and_below": _topics(topics, codes)}
    results = []
    for asked in request.transactions:
        command = AddPartitions(
            asked.transactional_id,
            ProducerIdentity(asked.producer_id, asked.producer_epoch),
            _partitions(asked.topics),
            V2,
        )
        codes = await (_verify if asked.verify_only else _add)(command, context)
        results.append(
            {
                "transactional_id": asked.transactional_id,
                "topic_results": _topics(asked.topics, codes),
            }
        )
    return {"error_code": ErrorCode.NONE, "results_by_transaction": results}


async def _add(
    command: AddPartitions, context: RequestContext
) -> Mapping[TopicPartition, ErrorCode]:
    codes = dict.fromkeys(command.partitions, ErrorCode.OPERATION_NOT_ATTEMPTED)
    unknown = unknown_partitions(context.broker.image, command.partitions)
    if unknown:
        return {**codes, **unknown}
    code = ErrorCode.NONE
    try:
        await settled(
            context.broker.transactions.write(
                command.transactional_id,
                lambda machine, now: machine.add_partitions(command, now),
            )
        )
    except KafkaError as error:
        code = shown_error(error.code, context.api_version >= 2)
    return dict.fromkeys(command.partitions, code)


async def _verify(
    command: AddPartitions, context: RequestContext
) -> Mapping[TopicPartition, ErrorCode]:
    try:
        coordinator = context.broker.transactions.of(command.transactional_id)
        return await settled(
            coordinator.read_stable(lambda machine: machine.verify_partitions(command))
        )
    except KafkaError as error:
        return dict.fromkeys(command.partitions, error.code)
