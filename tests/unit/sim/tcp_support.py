"""What the TCP suite needs: two worlds to run in, and a protocol that writes down its life."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from minikafka.sim.world import simulate

HOST = "127.0.0.1"
PATIENCE_S = 10.0
"""Long enough for anything on loopback; virtual in the simulator."""

Main: TypeAlias = Callable[[], Coroutine[Any, Any, Any]]
Run: TypeAlias = Callable[[Main], Any]


def on_loopback(main: Main) -> Any:
    """Run on real sockets."""

    async def limited() -> Any:
        async with asyncio.timeout(PATIENCE_S):
            return await main()

    try:
        return asyncio.run(limited())
    finally:
        gc.collect()


def in_simulation(main: Main) -> Any:
    """Run on simulated ones."""
    outcome = simulate(main, seed=1)
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


class Recorder(asyncio.Protocol):
    """Notes what happens to it; `until` waits for one of these.

    Args:
        keep_open: what `eof_received` returns.
    """

    def __init__(self, *, keep_open: bool = False) -> None:
        self.calls: list[str] = []
        self.data = bytearray()
        self.lost: BaseException | None = None
        self.transport: Any = None
        self._keep_open = keep_open
        self._changed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._note("made")

    def data_received(self, data: bytes) -> None:
        self.data += data
        self._note("data")

    def eof_received(self) -> bool:
        self._note("eof")
        return self._keep_open

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = exc
        self._note("lost")

    def pause_writing(self) -> None:
        self._note("pause")

    def resume_writing(self) -> None:
        self._note("resume")

    def _note(self, what: str) -> None:
        if not self.calls or self.calls[-1] != what or what != "data":
            self.calls.append(what)
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return once `condition()` is true."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    async def until_lost(self) -> None:
        """Return once the connection is gone."""
        await self.until(lambda: "lost" in self.calls)


class Pair:
    """A connection: the recorder of each end."""

    def __init__(self, client: Any, server: Any, listener: Any) -> None:
        self.client = client
        self.server = server
        self.listener = listener

    async def close(self) -> None:
        """End both ends and the listener."""
        for end in (self.client, self.server):
            end.transport.abort()
        for end in (self.client, self.server):
            await end.until_lost()
        self.listener.close()
        await self.listener.wait_closed()


async def connected(
    make_server: Callable[[], Any] = Recorder, make_client: Callable[[], Any] = Recorder
) -> Pair:
    """Return both ends of a new connection."""
    loop = asyncio.get_running_loop()
    accepted: asyncio.Future[Any] = loop.create_future()

    def accept() -> Any:
        protocol = make_server()
        loop.call_soon(accepted.set_result, protocol)
        return protocol

    listener = await loop.create_server(accept, HOST, 0)
    port = listener.sockets[0].getsockname()[1]
    _, client = await loop.create_connection(make_client, HOST, port)
    server = await accepted
    await server.until(lambda: server.transport is not None)
    return Pair(client, server, listener)


async def closed_port() -> int:
    """Return a port that nobody listens on."""
    listener = await asyncio.start_server(lambda *_: None, HOST, 0)
    port: int = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    return port
