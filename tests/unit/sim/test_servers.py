"""Servers take a port, serve, and stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno

import pytest

from tests.unit.sim.tcp_support import (
    HOST,
    Echo,
    Recorder,
    Run,
    address_of,
    connected,
    in_both_worlds,
    knock,
    listen,
    meanwhile,
    settle,
    streams,
)

pytestmark = in_both_worlds


# --- ports --------------------------------------------------------------------------------


def test_port_of_a_listener_is_taken(run: Run) -> None:
    """Two servers cannot listen on one port: EADDRINUSE."""

    async def main() -> None:
        with contextlib.closing(await listen()) as server:
            with pytest.raises(OSError, match="address already in use") as taken:
                await asyncio.start_server(lambda *_: None, *address_of(server))
            assert taken.value.errno == errno.EADDRINUSE

    run(main)


def test_port_of_a_closed_listener_is_free(run: Run) -> None:
    """A server can take over a port at once, also while connections to the old one live."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            address = near.transport.get_extra_info("peername")
            loop = asyncio.get_running_loop()
            with contextlib.closing(await loop.create_server(Echo, *address)) as server:
                assert address_of(server) == address
                await knock(address)
            near.transport.write(b"still the old one")
            assert await far.got(17) == b"still the old one"

    run(main)


def test_port_zero_is_a_port_of_ones_own(run: Run) -> None:
    """Servers that ask for any port each get another one."""

    async def main() -> None:
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(contextlib.closing(await listen())) for _ in "12345"]
            ports = {address_of(server)[1] for server in servers}
        assert len(ports - {0}) == 5

    run(main)


def test_bound_server_refuses_until_it_serves(run: Run) -> None:
    """With start_serving=False a server has its port but takes no connection."""

    async def main() -> None:
        with contextlib.closing(await listen(start_serving=False)) as server:
            assert not server.is_serving()
            with pytest.raises(ConnectionRefusedError):
                await knock(address_of(server))
            await server.start_serving()
            assert server.is_serving()
            await knock(address_of(server))

    run(main)


# --- the end of a server ------------------------------------------------------------------


def test_closed_server_refuses(run: Run) -> None:
    """Closing a server ends its listening at once; closing it twice is harmless."""

    async def main() -> None:
        with contextlib.closing(await listen()) as server:
            address = address_of(server)
            await knock(address)
            server.close()
            assert not server.is_serving()
            assert server.sockets == ()
            with pytest.raises(ConnectionRefusedError):
                await knock(address)

    run(main)


def test_connections_outlive_their_server(run: Run) -> None:
    """Established connections do not notice that their server was closed."""

    async def main() -> None:
        async with streams() as (near, far):  # whose server is closed by now
            await meanwhile()
            for speaker, hearer in ((near, far), (far, near)):
                speaker.writer.write(b"alive")
                assert await hearer.reader.readexactly(5) == b"alive"

    run(main)


def test_leaving_the_block_of_a_server_closes_it(run: Run) -> None:
    """`async with server` ends with nobody listening."""

    async def main() -> None:
        async with await listen() as server:
            address = address_of(server)
            await knock(address)
        assert not server.is_serving()
        with pytest.raises(ConnectionRefusedError):
            await knock(address)

    run(main)


def test_serving_for_ever_ends_by_cancellation(run: Run) -> None:
    """A cancelled `serve_forever` closes the server."""

    async def main() -> None:
        server = await listen(start_serving=False)
        serving = asyncio.create_task(server.serve_forever())
        await settle()
        address = address_of(server)
        await knock(address)
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        assert not server.is_serving()
        with pytest.raises(ConnectionRefusedError):
            await knock(address)

    run(main)


def test_serving_for_ever_ends_with_the_server(run: Run) -> None:
    """`close` cancels whoever awaits `serve_forever`; a closed server cannot serve again."""

    async def main() -> None:
        server = await listen()
        serving = asyncio.create_task(server.serve_forever())
        await settle()
        server.close()
        with pytest.raises(asyncio.CancelledError):
            await serving
        with pytest.raises(RuntimeError, match="is closed"):
            await server.serve_forever()

    run(main)


def test_waiting_for_a_server_waits_for_its_connections(run: Run) -> None:
    """Who waits when the server is closed goes on once its last connection has ended."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        near, far = Recorder(), Recorder()
        server = await loop.create_server(lambda: far, HOST, 0)
        await loop.create_connection(lambda: near, *address_of(server))
        await far.saw("connection_made")
        waiting = asyncio.create_task(server.wait_closed())
        await settle()
        server.close()
        await meanwhile()
        try:
            assert not waiting.done()
        finally:
            near.transport.close()
        await waiting
        assert "connection_lost" in far.calls

    run(main)
