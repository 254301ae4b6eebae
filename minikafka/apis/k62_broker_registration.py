"""BrokerRegistration (api key 62), from a starting broker to the controller.

Behaviour
    Takes the broker's id for one start of its process and numbers the registration with the
    broker epoch, which its later requests carry. The broker is fenced until its heartbeats
    say it has applied the metadata. An id in use by a living process is
    DUPLICATE_BROKER_REGISTRATION; another cluster's broker is INCONSISTENT_CLUSTER_ID.
    The listener called REPLICATION is where brokers reach it, and shown to no client.
    A broker that does not name its last registration as the one in which it shut down cleanly
    has left every ISR and ELR when it is answered.

Versions
    0   KIP-631
    2   log directories (KIP-858); there is one, and it is not looked at
    3   previous broker epoch (KIP-966); before, every shutdown counts as unclean

Not done
    More than one listener for clients. Features.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ZERO_ID
from minikafka.broker.context import RequestContext
from minikafka.broker.lifecycle import BROKER_LISTENER
from minikafka.metadata.commands import RegisterBroker
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["broker_registration"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code, "broker_epoch": -1}


@api(ApiKey.BROKER_REGISTRATION, controller=True, on_error=_error_shape)
async def broker_registration(request: Any, context: RequestContext) -> Shape:
    """Register one start of a broker."""
    if request.cluster_id != context.broker.cluster_id:
        raise KafkaError(ErrorCode.INCONSISTENT_CLUSTER_ID)
    listeners = {listener.name: listener for listener in request.listeners}
    for_brokers = listeners.pop(BROKER_LISTENER, None)
    if not listeners:
        raise KafkaError(ErrorCode.INVALID_REGISTRATION)
    listener = next(iter(listeners.values()))
    command = RegisterBroker(
        request.broker_id,
        request.incarnation_id or ZERO_ID,
        listener.host,
        listener.port,
        request.rack,
        "" if for_brokers is None else for_brokers.host,
        0 if for_brokers is None else for_brokers.port,
        request.previous_broker_epoch if context.api_version >= 3 else -1,
    )
    registration = await context.broker.decide(
        lambda controller, now_ms: controller.register_broker(command, now_ms)
    )
    return {"error_code": ErrorCode.NONE, "broker_epoch": registration.broker_epoch}
