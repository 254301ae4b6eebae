"""EndTxn (api key 26).

Behaviour
    Answered once it is decided, in the log of the coordinator, how the transaction ends; the
    markers are written after that. Until they are, another request of the producer is
    CONCURRENT_TRANSACTIONS.
    The same end again is answered as the first; the other one is INVALID_TXN_STATE.

Versions
    2   PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH (KIP-588)
    3   flexible
    4   TRANSACTION_ABORTABLE (KIP-890)
    5   each end is a new epoch, which the answer tells (KIP-890)

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.apis.transaction_requests import shown_error
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.transactions.commands import EndTransaction, ProducerIdentity
from minikafka.transactions.metadata import NO_PRODUCER_EPOCH, NO_PRODUCER_ID, V2
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["end_txn"]

_V2_FROM = 5


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return _shape(shown_error(error.code, version >= 2))


def _shape(
    code: ErrorCode,
    producer_id: int = NO_PRODUCER_ID,
    epoch: int = NO_PRODUCER_EPOCH,
) -> Shape:
    return {"error_code": code, "producer_id": producer_id, "producer_epoch": epoch}


@api(ApiKey.END_TXN, on_error=_error_shape)
async def end_txn(request: Any, context: RequestContext) -> Shape:
    """Decide how a transaction ends."""
    command = EndTransaction(
        request.transactional_id,
        ProducerIdentity(request.producer_id, request.producer_epoch),
        request.committed,
        V2 if context.api_version >= _V2_FROM else 0,
    )
    identity = await context.broker.transactions.write_with_id(
        command.transactional_id,
        lambda machine, new_id, now: machine.end_transaction(command, new_id, now),
    )
    return _shape(ErrorCode.NONE, *identity)
