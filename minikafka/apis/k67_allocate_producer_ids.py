"""AllocateProducerIds (api key 67), from a broker that has run out of producer ids.

Behaviour
    Gives the broker a block of producer ids that nobody else gets, once the record that says
    so is committed.

Versions
    0   KIP-730

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.metadata.commands import AllocateProducerIds
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["allocate_producer_ids"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code, "producer_id_start": -1, "producer_id_len": 0}


@api(ApiKey.ALLOCATE_PRODUCER_IDS, controller=True, on_error=_error_shape)
async def allocate_producer_ids(request: Any, context: RequestContext) -> Shape:
    """Give a broker the next block of producer ids."""
    command = AllocateProducerIds(request.broker_id, request.broker_epoch)
    block = await context.broker.decide(
        lambda controller, _: controller.allocate_producer_ids(command)
    )
    return {
        "error_code": ErrorCode.NONE,
        "producer_id_start": block.first,
        "producer_id_len": block.count,
    }
