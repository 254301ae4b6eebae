"""A broker's life as the controller sees it: registered, heard from, unfenced, let go.

Counterpart: kafka.server.BrokerLifecycleManager. KIP-500, KIP-631, KIP-966.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.forwarding import controller_known
from minikafka.broker.purgatory import settled
from minikafka.net.channel import Channel, ChannelClosed
from minikafka.wire.shapes import build_request
from minikafka.wire.versions import ApiKey

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["BROKER_LISTENER", "CONTROLLED_SHUTDOWN_MS_MAX", "BrokerLifecycle"]

logger = logging.getLogger(__name__)
REGISTRATION_VERSION = 4
HEARTBEAT_VERSION = 1
LISTENER = "PLAINTEXT"
BROKER_LISTENER = "REPLICATION"
"""What a broker calls the listener at which others reach it (inter.broker.listener.name)."""

CONTROLLED_SHUTDOWN_MS_MAX = 300_000
"""How long a broker that leaves waits to be let go: a constant in Kafka (BrokerServer), too.

Each round takes a heartbeat interval of the slowest broker, and the controller may have to be
elected first; no config of Kafka says how long an operator will wait.
"""

FIRST_PAUSE_MS = 50
"""Pause before the second request to be let go; others begin after a heartbeat interval."""

# The controller knows another one in our place, or its disk, which may be ours, is gone.
_NO_USE = (ErrorCode.STALE_BROKER_EPOCH, ErrorCode.KAFKA_STORAGE_ERROR)


class BrokerLifecycle:
    """Registers once, then sends heartbeats until told to stop.

    Args:
        incarnation_id: new for each start of this broker (KIP-631).
        channel: returns the channel to the active controller.
        previous_broker_epoch: of the registration in which the broker last shut down cleanly;
            -1 where it did not.

    Attributes:
        broker_epoch: number of the registration; -1 before there is one.
        refusal: what went wrong when it was last asked for; for people.
    """

    def __init__(
        self,
        broker: Broker,
        incarnation_id: uuid.UUID,
        channel: Callable[[], Channel],
        previous_broker_epoch: int = -1,
    ) -> None:
        self._broker = broker
        self.incarnation_id = incarnation_id
        self._previous_broker_epoch = previous_broker_epoch
        self._channel = channel
        self._leaving = False
        self._heard_ms = 0
        self.broker_epoch = -1
        self.refusal = ""

    async def run(self) -> None:
        """Register and send heartbeats until `leave`; a lost registration is made anew.

        Cancellation: ends it, at any point.

        DIVERGENCE(unregistered-brokers): also one that was taken away with UnregisterBroker.
        """
        while not self._leaving:
            try:
                await controller_known(
                    self._broker, self._deadline(self._broker.config.request_timeout_ms)
                )
                self.broker_epoch = await self._register()
                self._broker.on_registered()
                await self._beat()
            except (ChannelClosed, KafkaError) as error:
                logger.debug("broker %d: %s", self._broker.node_id, error)
                self.refusal = str(error)
                await self._pause(self._broker.config.broker_heartbeat_interval_ms // 4)

    async def leave(self) -> None:
        """Ask for a controlled shutdown until the controller grants it: others lead by then.

        Returns after `CONTROLLED_SHUTDOWN_MS_MAX` at the latest, granted or not; and where no
        controller has answered for a session: whoever comes to be it fences this broker then.
        """
        self._leaving = True
        config, clock = self._broker.config, self._broker.clock
        deadline_ms = self._deadline(CONTROLLED_SHUTDOWN_MS_MAX)
        self._heard_ms = clock.monotonic_ms()
        pause_ms = FIRST_PAUSE_MS
        while self.broker_epoch >= 0 and config.controlled_shutdown_enable:
            granted = await self._ask_to_go()
            now_ms = clock.monotonic_ms()
            silent = now_ms - self._heard_ms > config.broker_session_timeout_ms
            if granted or silent or now_ms >= deadline_ms:
                return
            await self._pause(pause_ms)
            pause_ms = config.broker_heartbeat_interval_ms

    async def _ask_to_go(self) -> bool:
        """Ask once; True when the broker may go, or when there is no use in asking again."""
        try:
            response = await self._heartbeat(want_shut_down=True)
        except (ChannelClosed, KafkaError) as error:
            logger.debug("broker %d leaves unheard: %s", self._broker.node_id, error)
            return isinstance(error, KafkaError) and error.code in _NO_USE
        self._heard_ms = self._broker.clock.monotonic_ms()
        return bool(response.should_shut_down)

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
                "incarnation_id": self.incarnation_id,
                "listeners": listeners,
                "features": [],
                "rack": broker.config.broker_rack,
                "is_migrating_zk_broker": False,
                "log_dirs": [],
                "previous_broker_epoch": self._previous_broker_epoch,
            },
        )
        return int(response.broker_epoch)

    async def _beat(self) -> None:
        """Send a heartbeat each interval, and at once when it will unfence this broker."""
        broker = self._broker
        while not self._leaving:
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
