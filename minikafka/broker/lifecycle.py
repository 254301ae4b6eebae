"""A broker's life as the controller sees it: registered, heard from, unfenced.

Counterpart: kafka.server.BrokerLifecycleManager. KIP-500, KIP-631.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.purgatory import settled
from minikafka.net.channel import Channel, ChannelClosed
from minikafka.wire.shapes import build_request
from minikafka.wire.versions import ApiKey

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["BROKER_LISTENER", "BrokerLifecycle"]

logger = logging.getLogger(__name__)
REGISTRATION_VERSION = 4
HEARTBEAT_VERSION = 1
LISTENER = "PLAINTEXT"
BROKER_LISTENER = "REPLICATION"
"""What a broker calls the listener at which others reach it (inter.broker.listener.name)."""


class BrokerLifecycle:
    """Registers once, then sends heartbeats until told to stop.

    Args:
        incarnation_id: new for each start of this broker (KIP-631).
        channel: returns the channel to the active controller.

    Attributes:
        broker_epoch: number of the registration; -1 before there is one.
        refusal: what went wrong when it was last asked for; for people.
    """

    def __init__(
        self, broker: Broker, incarnation_id: uuid.UUID, channel: Callable[[], Channel]
    ) -> None:
        self._broker = broker
        self._incarnation_id = incarnation_id
        self._channel = channel
        self.broker_epoch = -1
        self.refusal = ""

    async def run(self) -> None:
        """Register and send heartbeats for ever; a lost registration is made anew.

        Cancellation: ends it, at any point.

        DIVERGENCE(unregistered-brokers): also one that was taken away with UnregisterBroker.
        """
        while True:
            try:
                await self._controller_known()
                self.broker_epoch = await self._register()
                self._broker.on_registered()
                await self._beat()
            except (ChannelClosed, KafkaError) as error:
                logger.debug("broker %d: %s", self._broker.node_id, error)
                self.refusal = str(error)
                await self._pause(self._broker.config.broker_heartbeat_interval_ms // 4)

    async def _controller_known(self) -> None:
        broker = self._broker
        if broker.controller_id is None:
            await settled(
                broker.purgatory.wait(
                    lambda: broker.controller_id is not None,
                    [broker.controller_changed],
                    self._deadline(broker.config.request_timeout_ms),
                )
            )

    async def leave(self) -> None:
        """Ask for a controlled shutdown once; what the controller makes of it is its matter."""
        if self.broker_epoch >= 0:
            try:
                await self._heartbeat(want_shut_down=True)
            except (ChannelClosed, KafkaError) as error:
                logger.debug("broker %d leaves unheard: %s", self._broker.node_id, error)

    @property
    def is_unfenced(self) -> bool:
        """True once applied metadata says that this registration is alive."""
        registered = self._broker.image.brokers.get(self._broker.node_id)
        return (
            registered is not None
            and registered.broker_epoch == self.broker_epoch
            and not registered.fenced
        )

    async def _register(self) -> int:
        broker = self._broker
        listeners = [_listener(LISTENER, broker.advertised)]
        if broker.advertised_to_brokers is not None:
            listeners.append(_listener(BROKER_LISTENER, broker.advertised_to_brokers))
        response = await self._ask(
            ApiKey.BROKER_REGISTRATION,
            REGISTRATION_VERSION,
            {
                "broker_id": broker.node_id,
                "cluster_id": broker.cluster_id,
                "incarnation_id": self._incarnation_id,
                "listeners": listeners,
                "features": [],
                "rack": broker.config.broker_rack,
                "is_migrating_zk_broker": False,
                "log_dirs": [],
                "previous_broker_epoch": -1,
            },
        )
        return int(response.broker_epoch)

    async def _beat(self) -> None:
        """Send a heartbeat each interval, and at once when it will unfence this broker."""
        broker = self._broker
        while True:
            if not self.is_unfenced:
                await settled(
                    broker.purgatory.wait(
                        lambda: broker.image.offset > self.broker_epoch,
                        [broker.image_changed],
                        self._deadline(broker.config.broker_heartbeat_interval_ms),
                    )
                )
            response = await self._heartbeat(want_shut_down=False)
            if response.is_caught_up and not response.is_fenced:
                await self._pause(broker.config.broker_heartbeat_interval_ms)

    async def _heartbeat(self, *, want_shut_down: bool) -> Any:
        broker = self._broker
        return await self._ask(
            ApiKey.BROKER_HEARTBEAT,
            HEARTBEAT_VERSION,
            {
                "broker_id": broker.node_id,
                "broker_epoch": self.broker_epoch,
                "current_metadata_offset": broker.image.offset - 1,
                "want_fence": False,
                "want_shut_down": want_shut_down,
                "offline_log_dirs": [],
            },
        )

    async def _ask(self, key: ApiKey, version: int, shape: dict[str, object]) -> Any:
        request = build_request(key, version, shape)
        response = await settled(self._channel().request(key, version, request))
        code = ErrorCode(int(response.error_code.value))
        if code != ErrorCode.NONE:
            raise KafkaError(code)
        return response

    def _deadline(self, ms: int) -> int:
        return self._broker.clock.monotonic_ms() + ms

    async def _pause(self, ms: int) -> None:
        """Wait `ms`; in the purgatory, like everything that waits in a broker."""
        await settled(self._broker.purgatory.wait(lambda: False, [], self._deadline(ms)))


def _listener(name: str, address: tuple[str, int]) -> dict[str, object]:
    host, port = address
    return {"name": name, "host": host, "port": port, "security_protocol": 0}
