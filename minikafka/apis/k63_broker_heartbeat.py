"""BrokerHeartbeat (api key 63), from every broker to the controller.

Behaviour
    Keeps the broker's session, unfences it once it has applied the metadata up to its own
    registration, fences it or lets it shut down when it asks. A broker epoch that is not that
    of the registration is STALE_BROKER_EPOCH: the broker must register again.

Versions
    0   KIP-631
    1   offline log directories (KIP-858); there are none

Not done
    Log directories.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.metadata.commands import Heartbeat
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["broker_heartbeat"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code}


@api(ApiKey.BROKER_HEARTBEAT, controller=True, on_error=_error_shape)
async def broker_heartbeat(request: Any, context: RequestContext) -> Shape:
    """Note that a broker is alive, and tell it how it stands."""
    command = Heartbeat(
        request.broker_id,
        request.broker_epoch,
        request.current_metadata_offset,
        want_fence=request.want_fence,
        want_shut_down=request.want_shut_down,
    )
    result = await context.broker.decide(
        lambda controller, now_ms: controller.heartbeat(command, now_ms)
    )
    return {
        "error_code": ErrorCode.NONE,
        "is_caught_up": result.is_caught_up,
        "is_fenced": result.is_fenced,
        "should_shut_down": result.should_shut_down,
    }
