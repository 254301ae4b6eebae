"""Letting the active controller answer what only it can. Counterpart: ForwardingManager. KIP-590."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.purgatory import settled
from minikafka.net.channel import ChannelClosed
from minikafka.wire.answers import says

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["controller_known", "forward"]


async def forward(broker: Broker, api_key: int, version: int, request: object) -> Any:
    """Send a client's request to the active controller and return its answer.

    Where the controller changes, or the way to it breaks, the request is sent again, as in
    Kafka: it may be carried out twice.

    Raises:
        KafkaError: NOT_CONTROLLER without a controller until request.timeout.ms,
            REQUEST_TIMED_OUT where no answer came; it may have been carried out all the same.
    """
    clock, config = broker.clock, broker.config
    deadline_ms = clock.monotonic_ms() + config.request_timeout_ms
    problem = KafkaError(ErrorCode.NOT_CONTROLLER)
    while await controller_known(broker, deadline_ms):
        try:
            channel = broker.controller_channel("forward")
            response = await settled(channel.request(api_key, version, request))
        except ChannelClosed as error:
            problem = KafkaError(ErrorCode.REQUEST_TIMED_OUT, str(error))
        else:
            if not says(response, ErrorCode.NOT_CONTROLLER):
                return response
            problem = KafkaError(ErrorCode.NOT_CONTROLLER)
        again_ms = clock.monotonic_ms() + config.controller_quorum_retry_backoff_ms
        if again_ms >= deadline_ms:
            break
        await settled(broker.purgatory.wait(lambda: False, [], again_ms))
    raise problem


async def controller_known(broker: Broker, deadline_ms: int) -> bool:
    """Wait until some broker is known to be the active controller; False at the deadline."""
    return await settled(
        broker.purgatory.wait(
            lambda: broker.controller_id is not None, [broker.controller_changed], deadline_ms
        )
    )
