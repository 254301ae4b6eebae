"""Servers come and go, and connections are made, refused and given up."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket

import pytest

from tests.unit.sim.tcp_support import (
    HOST,
    Echo,
    Recorder,
    Run,
    address_of,
    connected,
    end,
    in_both_worlds,
    meanwhile,
    payload,
    settle,
    streams,
)

pytestmark = in_both_worlds


async def listen(**options: bool) -> asyncio.Server:
    """Return a server on a free port that echoes."""
    return await asyncio.get_running_loop().create_server(Echo, HOST, 0, **options)


async def knock(address: tuple[str, int]) -> Recorder:
    """Connect, and hang up again."""
    near = Recorder()
    transport, _ = await asyncio.get_running_loop().create_connection(lambda: near, *address)
    await end(transport)
    return near


# --- who answers --------------------------------------------------------------------------


def test_closed_port_refuses(run: Run) -> None:
    """Where nobody listens, connecting is a ConnectionRefusedError."""

    async def main() -> None:
        with contextlib.closing(await listen()) as server:
            address = address_of(server)
        with pytest.raises(ConnectionRefusedError) as refusal:
            await asyncio.open_connection(*address)
        assert refusal.value.errno == errno.ECONNREFUSED

    run(main)


def test_unknown_name_is_not_resolved(run: Run) -> None:
    """A host name that nobody has is a gaierror."""

    async def main() -> None:
        with pytest.raises(socket.gaierror):
            await asyncio.open_connection("no such host", 9092)

    run(main)


def test_localhost_is_this_host(run: Run) -> None:
    """A server on 127.0.0.1 is reached as `localhost`."""

    async def main() -> None:
        with contextlib.closing(await listen()) as server:
            near = await knock(("localhost", address_of(server)[1]))
        assert near.calls == ["connection_made", "connection_lost"]

    run(main)


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


# --- both ends ----------------------------------------------------------------------------


def test_both_ends_agree_on_their_addresses(run: Run) -> None:
    """The name of one end is the peer of the other, also when all is over."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            pass
        ends = [
            [near.transport.get_extra_info(name) for name in ("sockname", "peername")],
            [far.transport.get_extra_info(name) for name in ("peername", "sockname")],
        ]
        assert ends[0] == ends[1]
        assert ends[0][0] != ends[0][1]
        assert [type(port) for _, port in ends[0]] == [int, int]

    run(main)


def test_socket_behind_a_transport_can_be_asked_and_tuned(run: Run) -> None:
    """`get_extra_info("socket")` knows the addresses and takes the options that clients set."""

    async def main() -> None:
        async with streams() as (near, _):
            behind = near.writer.get_extra_info("socket")
            assert behind.getsockname() == near.writer.get_extra_info("sockname")
            assert behind.getpeername() == near.writer.get_extra_info("peername")
            assert behind.type == socket.SOCK_STREAM
            behind.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            behind.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            assert near.writer.get_extra_info("no such thing", "default") == "default"

    run(main)


@pytest.mark.parametrize("first", ["client", "server"])
def test_either_side_may_speak_first(run: Run, first: str) -> None:
    """What is written at once on connecting, by whoever, arrives."""

    class Speaking(Recorder):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            self.transport.write(b"hello")

    async def main() -> None:
        speaking, listening = Speaking(), Recorder()
        ends = (speaking, listening) if first == "client" else (listening, speaking)
        async with connected(*ends):
            assert await listening.got(5) == b"hello"

    run(main)


@pytest.mark.parametrize("how", ["close", "abort"])
def test_server_may_hang_up_at_once(run: Run, how: str) -> None:
    """A connection that is ended in `connection_made` was one: connecting works, then it ends."""

    class Hanging(Recorder):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            getattr(transport, how)()

    async def main() -> None:
        near, far = Recorder(), Hanging()
        async with connected(near, far):
            assert await near.lost() is None
        assert near.calls == ["connection_made", "eof_received", "connection_lost"]
        assert far.calls == ["connection_made", "connection_lost"]

    run(main)


def test_fifty_connections_echo_independently(run: Run) -> None:
    """Each client gets back its own bytes, whatever the others do at the same time."""

    async def main() -> None:
        async def talk(number: int) -> None:
            reader, writer = await asyncio.open_connection(*address)
            for turn in range(5):
                data = payload(1_000 * number + turn + 1)
                writer.write(data)
                assert await reader.readexactly(len(data)) == data
            writer.close()
            await writer.wait_closed()

        with contextlib.closing(await listen()) as server:
            address = address_of(server)
            await asyncio.gather(*(talk(number) for number in range(50)))
            await settle()

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


# --- giving up ----------------------------------------------------------------------------


def test_cancelled_connecting_leaves_nothing_behind(run: Run) -> None:
    """Whenever connecting is cancelled, both ends that came to be also end."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        made: list[Recorder] = []

        def protocol() -> Recorder:
            made.append(Recorder())
            return made[-1]

        with contextlib.closing(await loop.create_server(protocol, HOST, 0)) as server:
            address = address_of(server)
            for turns in range(12):
                connecting = asyncio.create_task(loop.create_connection(protocol, *address))
                for _ in range(turns):
                    await asyncio.sleep(0)
                connecting.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await end((await connecting)[0])
            await meanwhile()
            assert await knock(address)
            await meanwhile()
        stories = {" ".join(recorder.story) for recorder in made}
        assert {story.split()[-1] for story in stories} == {"connection_lost"}

    run(main)


def test_cancelled_client_hangs_up(run: Run) -> None:
    """A client that closes in its `finally` is seen to end by the server when it is cancelled."""

    async def main() -> None:
        far = Recorder()

        async def client() -> None:
            reader, writer = await asyncio.open_connection(*address)
            try:
                writer.write(b"waiting")
                await reader.read(1)
            finally:
                writer.close()

        loop = asyncio.get_running_loop()
        with contextlib.closing(await loop.create_server(lambda: far, HOST, 0)) as server:
            address = address_of(server)
            task = asyncio.create_task(client())
            await far.got(7)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await far.lost() is None
        assert far.story == [
            "connection_made",
            "data_received",
            "eof_received",
            "connection_lost",
        ]

    run(main)
