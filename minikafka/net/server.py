"""The listener of one broker. Counterpart: kafka.network.SocketServer's acceptor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from minikafka.net.connection import Connection, FrameHandler
from minikafka.net.turns import Turns

__all__ = ["Server"]

_ACCEPT_TURNS = 2


class Server:
    """Accepts connections and keeps track of them until they are gone.

    Args:
        handler: gets the frames of every connection.
        frame_bytes_max: socket.request.max.bytes.
        turns: shared by all that talk in this process.
        on_lost: called with the number of a connection that is gone.
    """

    def __init__(
        self,
        handler: FrameHandler,
        frame_bytes_max: int,
        turns: Turns,
        on_lost: Callable[[int], None] | None = None,
    ) -> None:
        self._handler = handler
        self._on_lost = on_lost
        self._frame_bytes_max = frame_bytes_max
        self._turns = turns
        self._server: asyncio.Server | None = None
        self._refused: OSError | None = None
        self._stopped = False
        self._connections: dict[Connection, None] = {}
        self._accepted = 0
        self._all_gone: asyncio.Future[None] | None = None
        self._held = False
        self.port = 0

    @property
    def connection_count(self) -> int:
        """Connections open now."""
        return len(self._connections)

    async def start(self, host: str, port: int, *, accept_now: bool = True) -> None:
        """Bind; `port` tells the bound one afterwards.

        Args:
            accept_now: accept connections; else they are refused until `open`.

        Raises:
            OSError: when the address cannot be bound.
        """
        loop = asyncio.get_running_loop()

        def accept() -> Connection:
            self._accepted += 1
            connection = Connection(
                self._handler,
                self._accepted,
                self._frame_bytes_max,
                self._turns,
                self._lost,
            )
            if self._stopped:
                # It was accepted while we were still listening; asyncio will not make it.
                connection.close()
                return connection
            self._connections[connection] = None
            if self._held:
                connection.hold()
            return connection

        self._server = await loop.create_server(
            accept, host, port, backlog=1024, start_serving=accept_now
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def open(self) -> None:
        """Accept connections from now on. Twice is once, a failure too.

        Raises:
            OSError: somebody else has come to listen at the address meanwhile.
        """
        if self._refused is not None:
            # asyncio would take a second call for one that has nothing left to do.
            raise self._refused
        if self._server is not None:
            try:
                await self._server.start_serving()
            except OSError as error:
                self._refused = error
                raise

    def hold(self) -> None:
        """Stand still: connections are taken, and nothing is heard from them nor answered."""
        self._held = True
        for connection in list(self._connections):
            connection.hold()

    def release(self) -> None:
        """Go on with all that has come meanwhile."""
        self._held = False
        for connection in list(self._connections):
            connection.release()

    async def stop(self, *, reset: bool = False) -> None:
        """Stop listening, close every connection, and return when all are gone.

        Cancellation: safe; the listener is closed already then.

        Args:
            reset: drop the connections as they are, with what they had still to send.
        """
        self._stopped = True
        if self._server is None:
            return
        server, self._server = self._server, None
        try:
            await _accept_no_more(server)
        finally:
            server.close()
        for connection in list(self._connections):
            if reset:
                connection.abort()
            else:
                connection.close()
        if self._connections:
            self._all_gone = asyncio.get_running_loop().create_future()
            await self._all_gone

    def _lost(self, connection: Connection) -> None:
        self._connections.pop(connection, None)
        if self._on_lost is not None and not self._stopped:
            self._on_lost(connection.number)
        if not self._connections and self._all_gone is not None and not self._all_gone.done():
            self._all_gone.set_result(None)


async def _accept_no_more(server: asyncio.Server) -> None:
    """Let what was accepted in this turn be made before the listener is closed.

    asyncio forgets a socket that it has accepted by then, and leaves it open.
    """
    loop = asyncio.get_running_loop()
    for listening in server.sockets:
        loop.remove_reader(listening.fileno())
    for _ in range(_ACCEPT_TURNS):
        await asyncio.sleep(0)
