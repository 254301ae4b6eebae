"""TCP as asyncio shows it: the same claims over loopback sockets and in the simulator."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from tests.unit.sim.tcp_support import (
    HOST,
    Recorder,
    Run,
    closed_port,
    connected,
    in_simulation,
    on_loopback,
)

MEBIBYTE = 1 << 20


@pytest.fixture(params=[on_loopback, in_simulation], ids=["loopback", "simulated"])
def run(request: pytest.FixtureRequest) -> Run:
    """Both worlds."""
    world: Run = request.param
    return world


def test_closed_port_refuses(run: Run) -> None:
    """Connecting to a port that nobody listens on is refused."""

    async def main() -> None:
        port = await closed_port()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(HOST, port)

    run(main)


def test_unknown_name_does_not_resolve(run: Run) -> None:
    """A name without an address is a gaierror."""

    async def main() -> None:
        with pytest.raises(socket.gaierror):
            await asyncio.open_connection("no-such-host.invalid", 1)

    run(main)


def test_port_in_use_is_refused_to_a_second_listener(run: Run) -> None:
    """Two servers cannot have one port."""

    async def main() -> None:
        first = await asyncio.start_server(lambda *_: None, HOST, 0)
        port = first.sockets[0].getsockname()[1]
        with pytest.raises(OSError, match="address already in use"):
            await asyncio.start_server(lambda *_: None, HOST, port)
        first.close()
        await first.wait_closed()

    run(main)


def test_closed_server_refuses_and_its_connections_live_on(run: Run) -> None:
    """Closing a listener ends no connection."""

    async def main() -> bytes:
        pair = await connected()
        port = pair.listener.sockets[0].getsockname()[1]
        pair.listener.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(HOST, port)
        pair.client.transport.write(b"still here")
        await pair.server.until(lambda: len(pair.server.data) == 10)
        data = bytes(pair.server.data)
        await pair.close()
        return data

    assert run(main) == b"still here"


def test_server_that_does_not_serve_yet_refuses(run: Run) -> None:
    """A bound port accepts only from `start_serving` on."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(Recorder, HOST, 0, start_serving=False)
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(HOST, port)
        await listener.start_serving()
        _, writer = await asyncio.open_connection(HOST, port)
        writer.close()
        await writer.wait_closed()
        listener.close()

    run(main)


def test_both_ends_agree_on_their_addresses(run: Run) -> None:
    """One end's peer is the other end's own name."""

    async def main() -> list[bool]:
        pair = await connected()
        near, far = pair.client.transport, pair.server.transport
        agree = [
            near.get_extra_info("sockname") == far.get_extra_info("peername"),
            near.get_extra_info("peername") == far.get_extra_info("sockname"),
            near.get_extra_info("socket").getsockname() == near.get_extra_info("sockname"),
        ]
        await pair.close()
        return agree

    assert run(main) == [True] * 3


def test_calls_come_in_their_order(run: Run) -> None:
    """Made, data, end of file, lost: each once, in this order."""

    async def main() -> tuple[list[str], list[str]]:
        pair = await connected()
        pair.client.transport.write(b"x")
        pair.client.transport.close()
        await pair.server.until_lost()
        await pair.client.until_lost()
        pair.listener.close()
        return pair.client.calls, pair.server.calls

    assert run(main) == (["made", "lost"], ["made", "data", "eof", "lost"])


def test_large_writes_arrive_whole_both_ways_at_once(run: Run) -> None:
    """Eight mebibytes each way, in order."""

    async def main() -> tuple[bool, bool]:
        pair = await connected()
        there = bytes(range(256)) * (8 * MEBIBYTE // 256)
        back = there[::-1]
        pair.client.transport.write(there)
        pair.server.transport.write(back)
        await pair.server.until(lambda: len(pair.server.data) == len(there))
        await pair.client.until(lambda: len(pair.client.data) == len(back))
        whole = pair.server.data == there, pair.client.data == back
        await pair.close()
        return whole

    assert run(main) == (True, True)


def test_many_small_writes_keep_their_order(run: Run) -> None:
    """Two thousand writes arrive as one stream."""

    async def main() -> bytes:
        pair = await connected()
        for number in range(2_000):
            pair.client.transport.write(number.to_bytes(2))
        await pair.server.until(lambda: len(pair.server.data) == 4_000)
        data = bytes(pair.server.data)
        await pair.close()
        return data

    assert run(main) == b"".join(number.to_bytes(2) for number in range(2_000))


def test_writelines_and_empty_writes(run: Run) -> None:
    """Pieces come as one, and nothing is nothing."""

    async def main() -> bytes:
        pair = await connected()
        pair.client.transport.write(b"")
        pair.client.transport.writelines([b"a", b"", bytearray(b"b"), memoryview(b"c")])
        await pair.server.until(lambda: len(pair.server.data) == 3)
        data = bytes(pair.server.data)
        await pair.close()
        return data

    assert run(main) == b"abc"


def test_text_is_no_data(run: Run) -> None:
    """Writing anything but bytes is a TypeError."""

    async def main() -> None:
        pair = await connected()
        with pytest.raises(TypeError):
            pair.client.transport.write("text")
        await pair.close()

    run(main)


def test_half_closed_connection_still_carries_the_other_way(run: Run) -> None:
    """After write_eof the peer sees the end, and can answer."""

    async def main() -> tuple[bytes, list[str], bool]:
        pair = await connected(make_server=lambda: Recorder(keep_open=True))
        pair.client.transport.write(b"question")
        pair.client.transport.write_eof()
        await pair.server.until(lambda: "eof" in pair.server.calls)
        pair.server.transport.write(b"answer")
        await pair.client.until(lambda: len(pair.client.data) == 6)
        data, calls = bytes(pair.client.data), list(pair.server.calls)
        closing = pair.server.transport.is_closing()
        await pair.close()
        return data, calls, closing

    assert run(main) == (b"answer", ["made", "data", "eof"], False)


def test_write_after_write_eof_is_an_error(run: Run) -> None:
    """Who has ended its direction cannot go on."""

    async def main() -> None:
        pair = await connected()
        pair.client.transport.write_eof()
        with pytest.raises(RuntimeError):
            pair.client.transport.write(b"x")
        await pair.close()

    run(main)


def test_writer_is_held_back_while_nobody_reads(run: Run) -> None:
    """A peer that does not read makes drain() wait; it goes on when that one reads."""

    async def main() -> tuple[bool, bool, int]:
        pair = await connected()
        pair.server.transport.pause_reading()
        size = 32 * MEBIBYTE
        pair.client.transport.write(bytes(size))
        for _ in range(100):
            await asyncio.sleep(0)
        held = pair.client.calls == ["made", "pause"]
        waiting = pair.client.transport.get_write_buffer_size() > 0
        pair.server.transport.resume_reading()
        await pair.server.until(lambda: len(pair.server.data) == size)
        await pair.client.until(lambda: pair.client.calls[-1] == "resume")
        left = pair.client.transport.get_write_buffer_size()
        await pair.close()
        return held, waiting, left

    held, waiting, left = run(main)
    assert held
    assert waiting
    assert left < 64 * 1024


def test_write_buffer_limits_are_kept(run: Run) -> None:
    """pause_writing comes at the limit that was set."""

    async def main() -> list[str]:
        pair = await connected()
        pair.client.transport.set_write_buffer_limits(high=0)
        pair.server.transport.pause_reading()
        while "pause" not in pair.client.calls:
            pair.client.transport.write(bytes(MEBIBYTE))
        calls = list(pair.client.calls)
        await pair.close()
        return calls

    assert run(main) == ["made", "pause"]


def test_paused_reading_loses_nothing(run: Run) -> None:
    """What comes while reading is paused is delivered afterwards, in order."""

    async def main() -> tuple[int, bytes]:
        pair = await connected()
        pair.server.transport.pause_reading()
        assert not pair.server.transport.is_reading()
        for piece in (b"one ", b"two ", b"three"):
            pair.client.transport.write(piece)
            await asyncio.sleep(0.01)
        early = len(pair.server.data)
        pair.server.transport.resume_reading()
        await pair.server.until(lambda: len(pair.server.data) == 13)
        data = bytes(pair.server.data)
        await pair.close()
        return early, data

    assert run(main) == (0, b"one two three")


def test_close_sends_what_was_written(run: Run) -> None:
    """Closing waits for the buffer, however large."""

    async def main() -> int:
        pair = await connected()
        pair.client.transport.write(bytes(4 * MEBIBYTE))
        pair.client.transport.close()
        assert pair.client.transport.is_closing()
        await pair.server.until_lost()
        await pair.client.until_lost()
        pair.listener.close()
        return len(pair.server.data)

    assert run(main) == 4 * MEBIBYTE


def test_abort_is_heard_in_a_later_callback(run: Run) -> None:
    """connection_lost never comes from inside abort()."""

    async def main() -> tuple[bool, BaseException | None]:
        pair = await connected()
        pair.client.transport.abort()
        inside = "lost" in pair.client.calls
        await pair.client.until_lost()
        await pair.server.until_lost()
        pair.listener.close()
        return inside, pair.client.lost

    assert run(main) == (False, None)


def test_closing_with_unread_data_resets_the_peer(run: Run) -> None:
    """A kernel that throws received data away says so: the peer sees a reset."""

    async def main() -> BaseException | None:
        pair = await connected()
        pair.server.transport.pause_reading()
        pair.client.transport.write(b"never read")
        await asyncio.sleep(0.05)
        pair.server.transport.abort()
        await pair.client.until_lost()
        await pair.server.until_lost()
        pair.listener.close()
        lost: BaseException | None = pair.client.lost
        return lost

    assert isinstance(run(main), ConnectionResetError)


def test_writing_to_a_peer_that_is_gone_ends_the_connection(run: Run) -> None:
    """The first write is answered by a reset, and then the connection is lost."""

    async def main() -> BaseException | None:
        pair = await connected(make_client=lambda: Recorder(keep_open=True))
        pair.server.transport.close()
        await pair.server.until_lost()
        await pair.client.until(lambda: "eof" in pair.client.calls)
        while "lost" not in pair.client.calls:
            pair.client.transport.write(b"x")
            await asyncio.sleep(0.01)
        pair.listener.close()
        lost: BaseException | None = pair.client.lost
        return lost

    assert isinstance(run(main), (ConnectionResetError, BrokenPipeError))


def test_write_after_close_is_ignored(run: Run) -> None:
    """What comes too late is no error and is not sent."""

    async def main() -> bytes:
        pair = await connected()
        pair.client.transport.write(b"in time")
        pair.client.transport.close()
        pair.client.transport.write(b"too late")
        await pair.server.until_lost()
        await pair.client.until_lost()
        pair.listener.close()
        return bytes(pair.server.data)

    assert run(main) == b"in time"


def test_protocol_may_be_replaced(run: Run) -> None:
    """What comes from then on goes to the new one, as upgrades need it."""

    async def main() -> tuple[bytes, bool]:
        pair = await connected()
        other = Recorder()
        pair.server.transport.set_protocol(other)
        pair.client.transport.write(b"for the other")
        await other.until(lambda: len(other.data) == 13)
        same = pair.server.transport.get_protocol() is other
        pair.server.transport.set_protocol(pair.server)
        await pair.close()
        return bytes(other.data), same

    assert run(main) == (b"for the other", True)


class Buffered(asyncio.BufferedProtocol):
    """Reads into a small buffer of its own."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.transport: Any = None
        self._buffer = bytearray(1_000)
        self._lost = asyncio.Event()
        self._more = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data += self._buffer[:nbytes]
        self._more.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()
        self._more.set()

    async def until(self, condition: Any) -> None:
        while not condition():
            self._more.clear()
            await self._more.wait()

    async def until_lost(self) -> None:
        await self._lost.wait()


def test_buffered_protocol_gets_everything_in_pieces(run: Run) -> None:
    """A protocol that lends its own buffer is filled as often as it takes."""

    async def main() -> bool:
        pair = await connected(make_server=Buffered)
        sent = bytes(range(256)) * 100
        pair.client.transport.write(sent)
        await pair.server.until(lambda: len(pair.server.data) == len(sent))
        same: bool = pair.server.data == sent
        await pair.close()
        return same

    assert run(main)
