"""UnregisterBroker (api key 64).

Behaviour
    The active controller takes the broker out of every ISR and leadership and forgets it; any
    other broker forwards. BROKER_ID_NOT_REGISTERED for an id that nobody has. The broker stays
    a replica of its partitions: who retires one moves them first. A broker that still runs
    registers anew.

Versions
    0   KIP-500

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["unregister_broker"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code, "error_message": error.message}


@api(ApiKey.UNREGISTER_BROKER, controller=True, on_error=_error_shape)
async def unregister_broker(request: Any, context: RequestContext) -> Shape:
    """Forget a broker."""
    broker_id = request.broker_id
    await context.broker.decide(lambda controller, _: controller.unregister_broker(broker_id))
    return {"error_code": ErrorCode.NONE, "error_message": None}
