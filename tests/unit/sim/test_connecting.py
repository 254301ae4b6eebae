"""Connections are made, refused and given up."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket

import pytest

from tests.unit.sim.tcp_support import (
    HOST,
    Recorder,
    Run,
    address_of,
    connected,
    end,
    in_both_worlds,
    knock,
    listen,
    meanwhile,
    payload,
    settle,
    streams,
)

pytestmark = in_both_worlds


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


def test_connecting_can_be_cancelled_when_the_server_has_accepted(run: Run) -> None:
    """The server's end of a connection that nobody waits for any more ends, too."""

    class Cancelling(Recorder):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            connecting.cancel()

    connecting: asyncio.Task[tuple[asyncio.Transport, Recorder]]

    async def main() -> None:
        nonlocal connecting
        loop = asyncio.get_running_loop()
        far = Cancelling()
        with contextlib.closing(await loop.create_server(lambda: far, HOST, 0)) as server:
            connecting = loop.create_task(
                loop.create_connection(Recorder, *address_of(server)),
            )
            with contextlib.suppress(asyncio.CancelledError):
                await end((await connecting)[0])
            assert await far.lost() is None

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
