"""The listener: who is connected, and that nobody is left."""

from __future__ import annotations

import asyncio

import pytest

from minikafka.net.connection import Connection, Slot
from minikafka.net.server import _ACCEPT_TURNS, Server
from minikafka.net.turns import Turns

HOST = "127.0.0.1"


class Echo:
    """Answers a frame with itself; `numbers` are those of the connections."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def on_frame(self, frame: memoryview, connection: Connection, slot: Slot) -> None:
        self.numbers.append(connection.number)
        slot.answer([len(frame).to_bytes(4), frame])


async def listening(echo: Echo, frame_bytes_max: int = 100) -> Server:
    """Return a started server."""
    server = Server(echo, frame_bytes_max, Turns(asyncio.get_running_loop()))
    await server.start(HOST, 0)
    return server


async def test_frames_are_answered_over_a_socket() -> None:
    """Each connection has a number of its own, from 1."""
    echo = Echo()
    server = await listening(echo)
    for _ in range(2):
        reader, writer = await asyncio.open_connection(HOST, server.port)
        writer.write(b"\0\0\0\x03abc")
        assert await reader.readexactly(7) == b"\0\0\0\x03abc"
        writer.close()
        await writer.wait_closed()
    assert echo.numbers == [1, 2]
    await server.stop()


async def test_closed_listener_has_its_port_and_opens_once_or_not_at_all() -> None:
    """A port that somebody else listens on by then is an error each time it is asked for."""
    turns = Turns(asyncio.get_running_loop())
    first, second = Server(Echo(), 100, turns), Server(Echo(), 100, turns)
    await first.start(HOST, 0, accept_now=False)
    await second.start(HOST, first.port, accept_now=False)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(HOST, first.port)
    await first.open()
    await first.open()
    for _ in range(2):
        with pytest.raises(OSError, match="in use"):
            await second.open()
    _, writer = await asyncio.open_connection(HOST, first.port)
    writer.close()
    await writer.wait_closed()
    await first.stop()
    await second.stop()


class Coming(asyncio.Transport):
    """A socket that was accepted; `closed` says whether somebody has closed it."""

    closed = False

    def close(self) -> None:
        self.closed = True


async def test_connection_that_is_only_coming_is_closed_by_a_stop() -> None:
    """Accepted before it or while it happens, and made after it: none is waited for for ever."""
    server = await listening(Echo())
    listener = server._server
    assert listener is not None
    accept = listener._protocol_factory  # type: ignore[attr-defined]
    before = accept()
    stopping = asyncio.create_task(server.stop())
    for _ in range(1 + _ACCEPT_TURNS):
        await asyncio.sleep(0)
    assert not listener.is_serving()
    for connection in (before, accept()):
        transport = Coming()
        connection.connection_made(transport)
        assert transport.closed
        assert not stopping.done()
        connection.connection_lost(None)
    await asyncio.wait_for(stopping, 5)
    assert server.connection_count == 0


async def test_stop_closes_every_connection_and_the_port() -> None:
    """When it returns none is open, and nobody can connect."""
    server = await listening(Echo())
    reader, writer = await asyncio.open_connection(HOST, server.port)
    writer.write(b"\0\0\0\x01a")
    await reader.readexactly(5)
    assert server.connection_count == 1
    await server.stop()
    assert server.connection_count == 0
    assert await reader.read() == b""
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(HOST, server.port)
    await server.stop()
    writer.close()


async def test_lost_connections_are_forgotten() -> None:
    """Whoever went does not stay in the books."""
    server = await listening(Echo())
    for _ in range(3):
        reader, writer = await asyncio.open_connection(HOST, server.port)
        writer.write(b"\0\0\0\x01a")
        await reader.readexactly(5)
        writer.close()
        await writer.wait_closed()
    for _ in range(1_000):
        if not server.connection_count:
            break
        await asyncio.sleep(0.001)
    assert server.connection_count == 0
    await server.stop()


async def test_oversized_frame_closes_its_connection_only() -> None:
    """Others go on."""
    server = await listening(Echo(), frame_bytes_max=3)
    good_reader, good = await asyncio.open_connection(HOST, server.port)
    bad_reader, bad = await asyncio.open_connection(HOST, server.port)
    bad.write(b"\0\0\0\x04abcd")
    assert await bad_reader.read() == b""
    good.write(b"\0\0\0\x03abc")
    assert await good_reader.readexactly(7) == b"\0\0\0\x03abc"
    good.close()
    bad.close()
    await server.stop()


async def test_taken_port_is_an_error_and_stop_is_harmless() -> None:
    """A server that never started has nothing to stop."""
    server = await listening(Echo())
    second = Server(Echo(), 100, Turns(asyncio.get_running_loop()))
    with pytest.raises(OSError, match="in use"):
        await second.start(HOST, server.port)
    await second.stop()
    await server.stop()


async def test_held_server_takes_connections_and_says_nothing() -> None:
    """Old and new ones alike; released, it answers all that has come, in order."""
    server = await listening(Echo())
    reader, writer = await asyncio.open_connection(HOST, server.port)
    writer.write(b"\0\0\0\x01a")
    assert await reader.readexactly(5) == b"\0\0\0\x01a"
    server.hold()
    other, another = await asyncio.open_connection(HOST, server.port)
    for each in (writer, another):
        each.write(b"\0\0\0\x01b\0\0\0\x01c")
        await each.drain()
    answers = [asyncio.create_task(each.readexactly(10)) for each in (reader, other)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert [each.done() for each in answers] == [False, False]
    server.release()
    assert await asyncio.gather(*answers) == [b"\0\0\0\x01b\0\0\0\x01c"] * 2
    for each in (writer, another):
        each.close()
    await server.stop()


@pytest.mark.parametrize("held", [False, True])
async def test_reset_is_heard_by_the_client_at_once(held: bool) -> None:
    """As from the kernel of a process that died, and nobody is left."""
    server = await listening(Echo())
    reader, writer = await asyncio.open_connection(HOST, server.port)
    writer.write(b"\0\0\0\x01a")
    await reader.readexactly(5)
    if held:
        server.hold()
    await server.stop(reset=True)
    with pytest.raises(ConnectionResetError):
        await reader.read(1)
    assert server.connection_count == 0
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(HOST, server.port)


@pytest.mark.parametrize("reset", [True, False])
async def test_connection_accepted_as_the_server_stops_is_not_forgotten(reset: bool) -> None:
    """Whatever turn of the loop it came in, its client hears of the end."""
    for turns in range(6):
        server = await listening(Echo())
        client = asyncio.create_task(asyncio.open_connection(HOST, server.port))
        for _ in range(turns):
            await asyncio.sleep(0)
        await server.stop(reset=reset)
        try:
            reader, writer = await client
            try:
                assert await reader.read(1) == b""
            finally:
                writer.close()
        except ConnectionError:
            continue
