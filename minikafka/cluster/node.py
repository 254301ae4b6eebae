"""One broker process, composed: Broker, Dispatcher and Server, with a place in the network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from minikafka.apis.dispatch import Dispatcher
from minikafka.base.config import BrokerConfig
from minikafka.base.deferred import Deferred
from minikafka.base.ids import BrokerId
from minikafka.base.seeds import Seeds
from minikafka.broker.broker import Broker
from minikafka.cluster.hosting import Place
from minikafka.net.channel import ChannelClosed
from minikafka.net.connection import Connection, Slot
from minikafka.net.server import Server
from minikafka.quorum.voters import VoterSet

__all__ = ["Node"]

T = TypeVar("T")

_LOOK_AGAIN_MS = 60_000


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
        voters: with which the metadata quorum began.
        place: where it runs.
        port: of the listener for clients, where it had one before; 0 leaves it to the place.
    """

    def __init__(
        self,
        node_id: BrokerId,
        config: BrokerConfig,
        *,
        cluster_id: str,
        voters: VoterSet,
        seeds: Seeds,
        place: Place,
        port: int = 0,
    ) -> None:
        self.node_id = node_id
        self.config = config
        self.port = port or place.port
        self._place = place
        self._cluster_id = cluster_id
        self._voters = voters
        self._seeds = seeds
        self._server = self._make_server(from_broker=False)
        self._broker_server: Server | None = None
        if place.network.transport == "tcp":
            self._broker_server = self._make_server(from_broker=True)
        self._broker: Broker | None = None
        self._dispatcher: Dispatcher | None = None
        self._callers: dict[asyncio.Future[None], None] = {}
        self._resumed: asyncio.Event | None = None

    def _make_server(self, *, from_broker: bool) -> Server:
        listener = _Listener(lambda: self._dispatcher, from_broker=from_broker)
        frame_bytes_max = self.config.socket_request_max_bytes
        turns = self._place.network.turns
        return Server(listener, frame_bytes_max, turns, None if from_broker else self._lost)

    def _lost(self, connection_number: int) -> None:
        """Let the broker take back what a client held that is gone."""
        if self._broker is not None:
            self._broker.shares.on_disconnect(connection_number)

    @property
    def address(self) -> str:
        """`host:port` that clients are told; good once `start` has returned."""
        return f"{self._place.advertised_host}:{self.port}"

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

    async def within(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine where this broker runs, and return what it does.

        Cancellation: ends it.
        """
        loop = asyncio.get_running_loop()
        task = loop.create_task(coroutine, context=self._place.context())
        try:
            return await task
        finally:
            task.cancel()

    async def call(self, api_key: int, version: int, request: object, client_id: str) -> Any:
        """Ask the dispatcher where this broker runs; see `Dispatcher.call`.

        Cancellation: the request may still take effect.

        Raises:
            ChannelClosed: the broker is gone, as a socket's client learns from its connection.
        """
        await self._until_resumed()
        answer: Deferred[Any] = self._place.context().run(
            self.dispatcher.call, api_key, version, request, client_id=client_id
        )
        if not answer.done:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            answer.on_done(lambda _: None if waiter.done() else waiter.set_result(None))
            self._callers[waiter] = None
            try:
                await waiter
            finally:
                del self._callers[waiter]
        await self._until_resumed()
        return answer.result()

    async def _until_resumed(self) -> None:
        while self._resumed is not None:
            await self._resumed.wait()

    def hang_up(self) -> None:
        """Let nobody in this process wait for this broker any more."""
        for waiter in tuple(self._callers):
            if not waiter.done():
                waiter.set_exception(ChannelClosed(f"broker {self.node_id} is gone"))

    async def start(self) -> None:
        """Bind the listeners and start the broker; it registers by itself.

        Raises:
            OSError: a port cannot be bound; `stop` clears up.
        """
        place = self._place
        # As in Kafka, clients are let in once the broker is unfenced: before, it knows nothing.
        await self._server.start(place.host, self.port, accept_now=False)
        self.port = reached_at = self._server.port
        if self._broker_server is not None:
            host = place.host if place.broker_host is None else place.broker_host
            await self._broker_server.start(host, place.broker_port)
            reached_at = self._broker_server.port
        told = place.advertised_to_brokers
        self._broker = Broker(
            self.node_id,
            self.config,
            cluster_id=self._cluster_id,
            directory_id=place.directory_id,
            voters=self._voters,
            network=place.network,
            seeds=self._seeds,
            clock=place.clock,
            storage=place.storage,
            advertised=(place.advertised_host, self.port),
            observer=place.observer,
            advertised_to_brokers=None if told is None else (told[0], told[1] or reached_at),
        )
        self._dispatcher = Dispatcher(self._broker)
        place.network.register(self.node_id, self._dispatcher, place.host, reached_at)
        await self._broker.start()
        self._broker.work.spawn(self._let_clients_in()).on_done(self._let_in)

    async def _let_clients_in(self) -> None:
        broker = self.broker
        while not await broker.wait_image(
            lambda _: broker.lifecycle.is_unfenced,
            self._place.clock.monotonic_ms() + _LOOK_AGAIN_MS,
        ):
            continue
        await self._server.open()

    def _let_in(self, done: Deferred[None]) -> None:
        """Let nobody miss that clients cannot come in, where a port was taken meanwhile."""
        try:
            done.result()
        except asyncio.CancelledError:
            return
        except OSError as error:
            message = f"broker {self.node_id} lets no clients in"
            asyncio.get_running_loop().call_exception_handler(
                {"message": message, "exception": error}
            )

    async def ready(self, deadline: float) -> None:
        """Return once this broker is registered, unfenced, and open to clients.

        Args:
            deadline: on the loop's clock, seconds.

        Raises:
            TimeoutError: it was not by then.
        """
        broker = self.broker
        left_ms = int((deadline - asyncio.get_running_loop().time()) * 1000)
        unfenced = await broker.wait_image(
            lambda _: broker.lifecycle.is_unfenced, self._place.clock.monotonic_ms() + left_ms
        )
        if not unfenced:
            raise TimeoutError(f"broker {self.node_id} did not register in time")
        await self._server.open()

    # --- faults: what happens to a process, made up within this one ---

    @property
    def paused(self) -> bool:
        """True between `pause` and `resume`."""
        return self._resumed is not None

    def pause(self) -> None:
        """Stand still to everybody outside: nothing is heard, answered or sent until `resume`.

        Timers come due meanwhile; what they do is noticed by others afterwards, when in a
        process that stood still they would come due all at once. Twice is once.
        """
        if self._resumed is None:
            self._resumed = asyncio.Event()
            self._place.network.freeze(self.node_id)
            for server in self._servers():
                server.hold()

    def resume(self) -> None:
        """Go on with what has come meanwhile."""
        if self._resumed is not None:
            self._resumed.set()
            self._resumed = None
            for server in self._servers():
                server.release()
            self._place.network.thaw(self.node_id)

    async def kill(self) -> None:
        """End without a word: connections reset, memory gone, nothing more written."""
        await self.unplug()
        await self.broker.stop(clean=False)

    async def lose_power(self) -> None:
        """End in silence: peers learn of it by their timeouts, or when it is unplugged."""
        self.pause()
        await self.broker.stop(clean=False)

    async def unplug(self) -> None:
        """Reset what peers still take for connections to it, as a machine does that reboots."""
        self._place.network.unregister(self.node_id)
        self.hang_up()
        for server in self._servers():
            await server.stop(reset=True)
        self.resume()

    def _servers(self) -> list[Server]:
        return [self._server, *([] if self._broker_server is None else [self._broker_server])]

    async def stop(self, *, leave: bool = True) -> None:
        """End in good order: no task, socket or port is left.

        Args:
            leave: tell the cluster, so that it can go on without this broker; of no use where
                it ends as a whole.
        """
        if self._broker is not None and leave:
            await self._broker.leave()
        self._place.network.unregister(self.node_id)
        self.hang_up()
        await self._server.stop()
        if self._broker_server is not None:
            await self._broker_server.stop()
        if self._broker is not None:
            await self._broker.stop()
