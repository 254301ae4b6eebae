"""The same claims about TCP for a real event loop and for the simulated one.

What asyncio does over loopback sockets is the measure: a claim that fails there is wrong, one
that fails only in the simulation is a bug of `minikafka/sim/`. A test takes `run`, which is
either world, and hands it a coroutine function; nothing in there looks at a clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import random
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, NamedTuple

import pytest

__all__ = [
    "BIG",
    "HOST",
    "BufferedRecorder",
    "Echo",
    "End",
    "Recorder",
    "Run",
    "address_of",
    "connected",
    "end",
    "in_both_worlds",
    "knock",
    "listen",
    "meanwhile",
    "payload",
    "settle",
    "streams",
]

HOST = "127.0.0.1"
PATIENCE_S = 10.0
SEEDS = range(1, 21)  # nightly; the first of them is what every run tries

Main = Callable[[], Coroutine[Any, Any, None]]
Run = Callable[[Main], None]


# --- the two worlds -----------------------------------------------------------------------


def on_loopback(main: Main) -> None:
    """Run `main()` on a real loop, with real sockets."""
    asyncio.run(_watched(main))


def in_simulation(main: Main, seed: int = SEEDS[0]) -> None:
    """Run `main()` on the simulated loop."""
    from minikafka.sim.world import simulate  # the loopback half needs none of it

    outcome = simulate(functools.partial(_watched, main), seed=seed)
    if outcome.error is not None:
        raise outcome.error


def in_many_simulations(main: Main) -> None:
    """Run `main()` over and over: what comes in pieces, and when, depends on the seed."""
    for seed in SEEDS:
        in_simulation(main, seed)


async def _watched(main: Main) -> None:
    """Await `main()`; what only the loop's exception handler hears is an error too."""
    heard: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: heard.append(context))
    async with asyncio.timeout(PATIENCE_S) as patience:
        await main()
    assert not patience.expired(), "somebody mistook the end of patience for their own"
    assert heard == []


in_both_worlds = pytest.mark.parametrize(
    "run",
    [
        pytest.param(on_loopback, id="loopback"),
        pytest.param(in_simulation, id="simulated"),
        pytest.param(
            in_many_simulations,
            id="simulated-often",
            marks=[pytest.mark.nightly, pytest.mark.time_limit(60)],
        ),
    ],
)


# --- protocols that take notes ------------------------------------------------------------


class _Notes(asyncio.BaseProtocol):
    """Notes each call and wakes whoever waits for it.

    Args:
        keeps_open: what `eof_received` returns.

    Attributes:
        calls: the names of the calls, in order.
        received: all bytes.
        error: what `connection_lost` was given.
    """

    transport: asyncio.Transport

    def __init__(self, *, keeps_open: bool | None = None) -> None:
        self.calls: list[str] = []
        self.received = bytearray()
        self.error: Exception | None = None
        self._keeps_open = keeps_open
        self._noted = asyncio.Event()

    def note(self, call: str) -> None:
        self.calls.append(call)
        self._noted.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a call has made the condition true."""
        while not condition():
            self._noted.clear()
            await self._noted.wait()

    async def saw(self, call: str) -> None:
        """Wait until it was called."""
        await self.until(lambda: call in self.calls)

    async def got(self, count: int) -> bytes:
        """Wait for so many bytes, and return all there are."""
        await self.until(lambda: len(self.received) >= count)
        return bytes(self.received)

    async def lost(self) -> Exception | None:
        """Wait for the end, and return what it was given."""
        await self.saw("connection_lost")
        return self.error

    @property
    def story(self) -> list[str]:
        """The calls, without immediate repetitions."""
        return [call for call, _ in itertools.groupby(self.calls)]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.note("connection_made")

    def eof_received(self) -> bool | None:
        self.note("eof_received")
        return self._keeps_open

    def connection_lost(self, exc: Exception | None) -> None:
        self.error = exc
        self.note("connection_lost")

    def pause_writing(self) -> None:
        self.note("pause_writing")

    def resume_writing(self) -> None:
        self.note("resume_writing")


class Recorder(_Notes, asyncio.Protocol):
    """A protocol that is handed its bytes."""

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.note("data_received")


class BufferedRecorder(_Notes, asyncio.BufferedProtocol):
    """A protocol whose buffer, of a size that fits nothing, is filled."""

    def __init__(self, *, buffer_bytes: int = 999, keeps_open: bool | None = None) -> None:
        super().__init__(keeps_open=keeps_open)
        self._buffer = bytearray(buffer_bytes)

    def get_buffer(self, sizehint: int) -> bytearray | memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.received += self._buffer[:nbytes]
        self.note("buffer_updated")


class Echo(asyncio.Protocol):
    """Sends back what it gets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


# --- connections --------------------------------------------------------------------------


class End(NamedTuple):
    """One end of a connection, as streams."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


def address_of(server: asyncio.Server) -> tuple[str, int]:
    """Return where a server listens."""
    host, port = server.sockets[0].getsockname()
    return host, port


@contextlib.asynccontextmanager
async def connected(
    near: _Notes,
    far: _Notes,
    tls: tuple[ssl.SSLContext | None, ssl.SSLContext | None] = (None, None),
) -> AsyncIterator[None]:
    """Connect two protocols for the length of the block: `near` asked, `far` was asked."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: far, HOST, 0, ssl=tls[1])
    with contextlib.closing(server):
        await loop.create_connection(lambda: near, *address_of(server), ssl=tls[0])
        await far.saw("connection_made")
    try:
        yield
    finally:
        await end(near.transport, far.transport)


@contextlib.asynccontextmanager
async def streams(limit: int = 2**16) -> AsyncIterator[tuple[End, End]]:
    """Connect two pairs of streams for the length of the block: who asked, who was asked."""
    accepted: asyncio.Future[End] = asyncio.get_running_loop().create_future()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set_result(End(reader, writer))

    with contextlib.closing(await asyncio.start_server(accept, HOST, 0, limit=limit)) as server:
        near = End(*await asyncio.open_connection(*address_of(server), limit=limit))
        far = await accepted
    try:
        yield near, far
    finally:
        await end(near.writer.transport, far.writer.transport)


async def listen(*, start_serving: bool = True) -> asyncio.Server:
    """Return a server on a free port that echoes."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(Echo, HOST, 0, start_serving=start_serving)


async def knock(address: tuple[str, int]) -> Recorder:
    """Connect, and hang up again."""
    near = Recorder()
    transport, _ = await asyncio.get_running_loop().create_connection(lambda: near, *address)
    await end(transport)
    return near


async def end(*transports: asyncio.WriteTransport) -> None:
    """Abort what is still open, and let it close its sockets."""
    for transport in transports:
        # asyncio's abort() raises AttributeError after a close() that had a buffer to send.
        if not transport.is_closing() or transport.get_write_buffer_size():
            transport.abort()
    await settle()


async def settle() -> None:
    """Let everything run that is due."""
    for _ in range(20):
        await asyncio.sleep(0)


async def meanwhile() -> None:
    """Let everything arrive that is on its way: a few round trips of somebody else pass."""
    async with streams() as (near, far):
        for _ in range(3):
            near.writer.write(b"?")
            await far.reader.readexactly(1)
            far.writer.write(b"!")
            await near.reader.readexactly(1)


@functools.cache
def payload(size: int) -> bytes:
    """Return bytes that cannot be taken for one another's."""
    return random.Random(size).randbytes(size)


BIG = payload(8 * 2**20)
"""More than two kernels take from a writer whose peer does not read."""
