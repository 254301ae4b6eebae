"""AddOffsetsToTxn (api key 25).

Behaviour
    The partition of `__consumer_offsets` that holds the group becomes part of the producer's
    transaction: offsets that it commits with TxnOffsetCommit count with the marker there.

Versions
    2   PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH (KIP-588)
    3   flexible
    4   TRANSACTION_ABORTABLE (KIP-890)

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.apis.transaction_requests import shown_error
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.broker.context import RequestContext
from minikafka.broker.purgatory import settled
from minikafka.transactions.commands import AddPartitions, ProducerIdentity
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["add_offsets_to_txn"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": shown_error(error.code, version >= 2)}


@api(ApiKey.ADD_OFFSETS_TO_TXN, on_error=_error_shape)
async def add_offsets_to_txn(request: Any, context: RequestContext) -> Shape:
    """Make a group's offsets part of a transaction."""
    groups = context.broker.groups
    partition = TopicPartition(groups.topic, groups.partition_for(request.group_id))
    command = AddPartitions(
        request.transactional_id,
        ProducerIdentity(request.producer_id, request.producer_epoch),
        (partition,),
    )
    await settled(
        context.broker.transactions.write(
            command.transactional_id, lambda machine, now: machine.add_partitions(command, now)
        )
    )
    return {"error_code": ErrorCode.NONE}
