"""InitProducerId (api key 22).

Behaviour
    A producer without a transactional id gets a new producer id at epoch 0, whatever id and
    epoch it had before. Ids come from blocks that the controller gives to each broker, so no
    two producers of a cluster share one.
    With a transactional id the producer has that alone from now on. What another one has going
    on under it is aborted first: the answer is CONCURRENT_TRANSACTIONS until the markers of that are
    written.

Versions
    2   flexible
    3   producer id and epoch to go on from (KIP-360)
    4   PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH (KIP-588)
    5   TRANSACTION_ABORTABLE (KIP-890)

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.apis.transaction_requests import shown_error
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.transactions.commands import InitProducerId, ProducerIdentity
from minikafka.transactions.initializing import check_form
from minikafka.transactions.metadata import NO_PRODUCER_EPOCH, NO_PRODUCER_ID
from minikafka.wire.shapes import Shape, optional, to_ms
from minikafka.wire.versions import ApiKey

__all__ = ["init_producer_id"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {
        "error_code": shown_error(error.code, version >= 4),
        "producer_id": NO_PRODUCER_ID,
        "producer_epoch": NO_PRODUCER_EPOCH,
    }


@api(ApiKey.INIT_PRODUCER_ID, on_error=_error_shape)
async def init_producer_id(request: Any, context: RequestContext) -> Shape:
    """Return a producer id that nobody else in the cluster has."""
    known_id = optional(request, "producer_id", NO_PRODUCER_ID)
    known_epoch = optional(request, "producer_epoch", NO_PRODUCER_EPOCH)
    if (known_id == NO_PRODUCER_ID) != (known_epoch == NO_PRODUCER_EPOCH):
        raise KafkaError(ErrorCode.INVALID_REQUEST)
    if request.transactional_id is None:
        return {
            "error_code": ErrorCode.NONE,
            "producer_id": await context.broker.next_producer_id(),
            "producer_epoch": 0,
        }
    expected = ProducerIdentity(known_id, known_epoch)
    command = InitProducerId(
        request.transactional_id,
        to_ms(request.transaction_timeout),
        None if known_id == NO_PRODUCER_ID else expected,
    )
    check_form(command, context.broker.config.transaction_max_timeout_ms)
    answer = await context.broker.transactions.write_with_id(
        command.transactional_id,
        lambda machine, new_id, now: machine.init_producer_id(command, new_id, now),
    )
    return {
        "error_code": answer.error,
        "producer_id": answer.identity.producer_id,
        "producer_epoch": answer.identity.epoch,
    }
