"""One broker process, composed: Broker, Dispatcher and Server, with a place in the network."""

from __future__ import annotations

import asyncio

from minikafka.apis.dispatch import Dispatcher
from minikafka.base.clock import Clock
from minikafka.base.config import BrokerConfig
from minikafka.base.ids import BrokerId
from minikafka.base.seeds import Seeds
from minikafka.broker.broker import Broker
from minikafka.log.storage import Storage
from minikafka.net.connection import Connection, Slot
from minikafka.net.network import Network
from minikafka.net.server import Server

__all__ = ["Node"]


class Node:
    """A broker with its listener.

    Args:
        voters: ids of the metadata quorum's voters.
        host: where the listener binds; `port` 0 picks a free one.
        advertised_host: what clients are told instead of `host`.
    """

    def __init__(
        self,
        node_id: BrokerId,
        config: BrokerConfig,
        *,
        cluster_id: str,
        voters: tuple[BrokerId, ...],
        network: Network,
        seeds: Seeds,
        clock: Clock,
        storage: Storage,
        host: str,
        port: int,
        advertised_host: str | None = None,
    ) -> None:
        self.node_id = node_id
        self.config = config
        self.port = port
        self._cluster_id = cluster_id
        self._voters = voters
        self._network = network
        self._seeds = seeds
        self._clock = clock
        self._storage = storage
        self._host = host
        self._advertised_host = advertised_host or host
        self._server = Server(self, config.socket_request_max_bytes, network.turns)
        self._broker: Broker | None = None
        self._dispatcher: Dispatcher | None = None

    @property
    def broker(self) -> Broker:
        """The broker; there once `start` has returned."""
        assert self._broker is not None, "the node was not started"
        return self._broker

    @property
    def dispatcher(self) -> Dispatcher:
        """The in-process way in; there once `start` has returned."""
        assert self._dispatcher is not None, "the node was not started"
        return self._dispatcher

    async def start(self) -> None:
        """Bind the listener and start the broker; it registers by itself.

        Raises:
            OSError: the port cannot be bound; nothing is left behind then.
        """
        await self._server.start(self._host, self.port)
        self.port = self._server.port
        self._broker = Broker(
            self.node_id,
            self.config,
            cluster_id=self._cluster_id,
            voters=self._voters,
            network=self._network,
            seeds=self._seeds,
            clock=self._clock,
            storage=self._storage,
            advertised=(self._advertised_host, self.port),
        )
        self._dispatcher = Dispatcher(self._broker)
        self._network.register(self.node_id, self._dispatcher, self._host, self.port)
        await self._broker.start()

    async def ready(self, deadline: float) -> None:
        """Return once this broker is registered and unfenced.

        Args:
            deadline: on the loop's clock, seconds.

        Raises:
            TimeoutError: it was not by then.
        """
        broker = self.broker
        left_ms = int((deadline - asyncio.get_running_loop().time()) * 1000)
        unfenced = await broker.wait_image(
            lambda _: broker.lifecycle.is_unfenced, self._clock.monotonic_ms() + left_ms
        )
        if not unfenced:
            raise TimeoutError(f"broker {self.node_id} did not register in time")

    async def stop(self) -> None:
        """Leave the cluster in good order: no task, socket or port is left."""
        if self._broker is not None:
            await self._broker.leave()
        self._network.unregister(self.node_id)
        await self._server.stop()
        if self._broker is not None:
            await self._broker.stop()

    def on_frame(self, frame: memoryview, connection: Connection, slot: Slot) -> None:
        """Hand a frame to the dispatcher; before there is one the connection is closed."""
        if self._dispatcher is None:
            slot.close()
        else:
            self._dispatcher.on_frame(frame, connection, slot)
