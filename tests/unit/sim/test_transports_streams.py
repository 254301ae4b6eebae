"""Streams, cancellation and timeouts over TCP: loopback sockets and the simulator alike."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.unit.sim.tcp_support import HOST, Run, in_simulation, on_loopback


@pytest.fixture(params=[on_loopback, in_simulation], ids=["loopback", "simulated"])
def run(request: pytest.FixtureRequest) -> Run:
    """Both worlds."""
    world: Run = request.param
    return world


async def serving(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> tuple[asyncio.Server, int]:
    server = await asyncio.start_server(handle, HOST, 0)
    return server, server.sockets[0].getsockname()[1]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def ended(writer: asyncio.StreamWriter, server: asyncio.Server) -> None:
    writer.close()
    await writer.wait_closed()
    server.close()
    await asyncio.sleep(0.01)


def test_fifty_connections_are_independent(run: Run) -> None:
    """Each gets its own bytes back."""

    async def main() -> list[bool]:
        server, port = await serving(echo)

        async def talk(number: int) -> bool:
            reader, writer = await asyncio.open_connection(HOST, port)
            sent = f"{number} ".encode() * 1_000
            writer.write(sent)
            writer.write_eof()
            same = await reader.read() == sent
            writer.close()
            await writer.wait_closed()
            return same

        results = await asyncio.gather(*(talk(number) for number in range(50)))
        server.close()
        await asyncio.sleep(0.01)
        return list(results)

    assert run(main) == [True] * 50


def test_cancelled_read_loses_nothing(run: Run) -> None:
    """Data that comes after a read was given up belongs to the next one."""

    async def main() -> bytes:
        server, port = await serving(echo)
        reader, writer = await asyncio.open_connection(HOST, port)
        reading = asyncio.ensure_future(reader.readexactly(5))
        await asyncio.sleep(0.01)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        writer.write(b"after")
        data = await reader.readexactly(5)
        await ended(writer, server)
        return data

    assert run(main) == b"after"


def test_timeout_of_a_read_leaves_the_connection_good(run: Run) -> None:
    """Giving up waiting closes nothing."""

    async def main() -> bytes:
        server, port = await serving(echo)
        reader, writer = await asyncio.open_connection(HOST, port)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await reader.read(1)
        writer.write(b"x")
        data = await reader.read(1)
        await ended(writer, server)
        return data

    assert run(main) == b"x"


def test_cancelled_connect_leaves_nothing_behind(run: Run) -> None:
    """Who gives up connecting has no connection, and can connect again."""

    async def main() -> bytes:
        server, port = await serving(echo)
        connecting = asyncio.ensure_future(asyncio.open_connection(HOST, port))
        await asyncio.sleep(0)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"x")
        data = await reader.read(1)
        await ended(writer, server)
        return data

    assert run(main) == b"x"


def test_cancelled_drain_sends_on(run: Run) -> None:
    """What was written is sent though nobody waits for it any more."""

    async def main() -> int:
        arrived: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        go_on = asyncio.Event()

        async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await go_on.wait()
            arrived.set_result(len(await reader.read()))
            writer.close()

        server, port = await serving(count)
        _, writer = await asyncio.open_connection(HOST, port)
        writer.write(bytes(16 << 20))
        draining = asyncio.ensure_future(writer.drain())
        await asyncio.sleep(0.01)
        assert not draining.done()
        draining.cancel()
        with pytest.raises(asyncio.CancelledError):
            await draining
        go_on.set()
        writer.write_eof()
        size = await arrived
        await ended(writer, server)
        return size

    assert run(main) == 16 << 20


def test_reader_limit_stops_the_sender(run: Run) -> None:
    """A stream whose reader is full is not read, and goes on when it is emptied."""

    async def main() -> int:
        async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(bytes(1 << 20))
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        server, port = await serving(pour)
        reader, writer = await asyncio.open_connection(HOST, port, limit=1_024)
        await asyncio.sleep(0.05)
        size = len(await reader.readexactly(1 << 20))
        await ended(writer, server)
        return size

    assert run(main) == 1 << 20


def test_server_hears_that_a_cancelled_client_is_gone(run: Run) -> None:
    """A client that closes as it is cancelled is seen to end."""

    async def main() -> bytes:
        heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.set_result(await reader.read())
            writer.close()

        server, port = await serving(listen)

        async def client() -> None:
            _, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(b"so far")
                await asyncio.Event().wait()
            finally:
                writer.close()

        task = asyncio.ensure_future(client())
        await asyncio.sleep(0.05)
        task.cancel()
        data = await heard
        server.close()
        await asyncio.sleep(0.01)
        return data

    assert run(main) == b"so far"


def test_serve_forever_ends_when_cancelled(run: Run) -> None:
    """A cancelled server listens no more."""

    async def main() -> None:
        server, port = await serving(echo)
        task: Any = asyncio.ensure_future(server.serve_forever())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(HOST, port)

    run(main)


def test_incomplete_read_says_what_came(run: Run) -> None:
    """An end in the middle of what was asked for is an error with what there was."""

    async def main() -> bytes:
        async def short(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"part")
            writer.close()
            await writer.wait_closed()

        server, port = await serving(short)
        reader, writer = await asyncio.open_connection(HOST, port)
        with pytest.raises(asyncio.IncompleteReadError) as caught:
            await reader.readexactly(10)
        await ended(writer, server)
        return caught.value.partial

    assert run(main) == b"part"
