"""One broker process, composed: Broker, Dispatcher and Server, with a place in the network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

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


class _Listener:
    """The frames of one listener, on their way to the node's dispatcher."""

    def __init__(self, find: Callable[[], Dispatcher | None], *, from_broker: bool) -> None:
        self._find = find
        self._from_broker = from_broker

    def on_frame(self, frame: memoryview, connection: Connection, slot: Slot) -> None:
        """Hand a frame to the dispatcher; before there is one the connection is closed."""
        dispatcher = self._find()
        if dispatcher is None:
            slot.close()
        else:
            dispatcher.on_frame(frame, connection, slot, from_broker=self._from_broker)


class Node:
    """A broker with its listeners: one for clients, and with transport tcp one for brokers.

    What brokers say to each other is none of the clients' business, so the two are apart as
    Kafka's controller listener is; that of the brokers has a free port.

    Args:
        voters: ids of the metadata quorum's voters.
        host: where the listeners bind; `port` 0 picks a free one.
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
        self._server = self._make_server(from_broker=False)
        self._broker_server: Server | None = None
        if network.transport == "tcp":
            self._broker_server = self._make_server(from_broker=True)
        self._broker: Broker | None = None
        self._dispatcher: Dispatcher | None = None

    def _make_server(self, *, from_broker: bool) -> Server:
        listener = _Listener(lambda: self._dispatcher, from_broker=from_broker)
        frame_bytes_max = self.config.socket_request_max_bytes
        return Server(listener, frame_bytes_max, self._network.turns)

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
        """Bind the listeners and start the broker; it registers by itself.

        Raises:
            OSError: a port cannot be bound; `stop` clears up.
        """
        await self._server.start(self._host, self.port)
        self.port = reached_at = self._server.port
        if self._broker_server is not None:
            await self._broker_server.start(self._host, 0)
            reached_at = self._broker_server.port
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
        self._network.register(self.node_id, self._dispatcher, self._host, reached_at)
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
        if self._broker_server is not None:
            await self._broker_server.stop()
        if self._broker is not None:
            await self._broker.stop()
