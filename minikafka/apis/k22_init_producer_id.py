"""InitProducerId (api key 22).

Behaviour
    A producer without a transactional id gets a new producer id at epoch 0, whatever id and
    epoch it had before. Ids come from blocks that the controller gives to each broker, so no
    two producers of a cluster share one.
    With a transactional id the form is checked as in Kafka; then the answer is
    NOT_COORDINATOR, Kafka's own on a broker that does not coordinate the id: none does yet.
    Clients then ask FindCoordinator, which says the same; never is there a false yes.

Versions
    2   flexible
    3   producer id and epoch to go on from (KIP-360)
    4   PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH (KIP-588)
    5   TRANSACTION_ABORTABLE (KIP-890)

Not done
    Transactions.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.wire.shapes import Shape, optional, to_ms
from minikafka.wire.versions import ApiKey

__all__ = ["init_producer_id"]

_NO_PRODUCER_ID = -1
_NO_PRODUCER_EPOCH = -1


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {
        "error_code": error.code,
        "producer_id": _NO_PRODUCER_ID,
        "producer_epoch": _NO_PRODUCER_EPOCH,
    }


@api(ApiKey.INIT_PRODUCER_ID, on_error=_error_shape)
async def init_producer_id(request: Any, context: RequestContext) -> Shape:
    """Return a producer id that nobody else in the cluster has."""
    known_id = optional(request, "producer_id", _NO_PRODUCER_ID)
    known_epoch = optional(request, "producer_epoch", _NO_PRODUCER_EPOCH)
    if (known_id == _NO_PRODUCER_ID) != (known_epoch == _NO_PRODUCER_EPOCH):
        raise KafkaError(ErrorCode.INVALID_REQUEST)
    if request.transactional_id is not None:
        longest_ms = context.broker.config.transaction_max_timeout_ms
        _check_transactional(
            request.transactional_id, to_ms(request.transaction_timeout), longest_ms
        )
        raise KafkaError(ErrorCode.NOT_COORDINATOR)
    return {
        "error_code": ErrorCode.NONE,
        "producer_id": await context.broker.next_producer_id(),
        "producer_epoch": 0,
    }


def _check_transactional(transactional_id: str, timeout_ms: int, longest_ms: int) -> None:
    if transactional_id == "":
        raise KafkaError(ErrorCode.INVALID_REQUEST)
    if not 0 < timeout_ms <= longest_ms:
        raise KafkaError(ErrorCode.INVALID_TRANSACTION_TIMEOUT)
