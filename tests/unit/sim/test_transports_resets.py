"""Connections end by a reset, and writers find out.

A kernel sends RST, not FIN, for a socket that is closed with something unread; asyncio's own
`abort()` only drops what it has not handed to the kernel.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.sim.tcp_support import (
    BIG,
    End,
    Recorder,
    Run,
    connected,
    in_both_worlds,
    meanwhile,
    settle,
    streams,
)

pytestmark = in_both_worlds

GONE = (ConnectionResetError, BrokenPipeError)


async def reset(end: Recorder, peer: Recorder) -> None:
    """Let `end` reset the connection: it goes away with something of its peer's unread."""
    end.transport.pause_reading()
    peer.transport.write(b"unread")
    await meanwhile()
    end.transport.abort()
    await end.lost()
    await meanwhile()


async def reset_stream(end: End, peer: End) -> None:
    """As `reset`, for streams."""
    end.writer.transport.pause_reading()
    peer.writer.write(b"unread")
    await meanwhile()
    end.writer.transport.abort()
    await meanwhile()


# --- by a reset ---------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["close", "abort"])
def test_leaving_something_unread_resets_the_peer(run: Run, how: str) -> None:
    """An end that goes without having read all is a ConnectionResetError at the other."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            near.transport.pause_reading()
            far.transport.write(b"unread")
            await meanwhile()
            getattr(near.transport, how)()
            assert isinstance(await far.lost(), ConnectionResetError)
            assert await near.lost() is None
        assert far.calls == ["connection_made", "connection_lost"]

    run(main)


def test_data_before_a_reset_is_a_first_part(run: Run) -> None:
    """What a reset leaves of a stream is a prefix, perhaps an empty one; no EOF is faked."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            far.transport.pause_reading()
            near.transport.write(BIG)
            await reset(near, far)
            far.transport.resume_reading()
            assert isinstance(await far.lost(), ConnectionResetError)
        assert BIG.startswith(far.received)
        assert len(far.received) < len(BIG)
        assert "eof_received" not in far.calls

    run(main)


def test_reset_makes_reads_fail(run: Run) -> None:
    """The pending read and all later ones are a ConnectionResetError, as is closing."""

    async def main() -> None:
        async with streams() as (near, far):
            reading = asyncio.create_task(near.reader.read(100))
            await reset_stream(far, near)
            with pytest.raises(ConnectionResetError):
                await reading
            with pytest.raises(ConnectionResetError):
                await near.reader.readexactly(1)
            with pytest.raises(ConnectionResetError):
                await near.writer.drain()
            near.writer.close()
            with pytest.raises(ConnectionResetError):
                await near.writer.wait_closed()

    run(main)


def test_reset_ends_a_waiting_drain(run: Run) -> None:
    """A writer that waits for room hears that there will be none."""

    async def main() -> None:
        async with streams() as (near, far):
            near.writer.write(BIG)
            drained = asyncio.create_task(near.writer.drain())
            await settle()
            await reset_stream(far, near)
            with pytest.raises(GONE):
                await drained
            assert near.writer.transport.get_write_buffer_size() == 0

    run(main)


def test_reset_ends_a_closing_connection(run: Run) -> None:
    """An end that still sends its last bytes when the peer resets loses them, with the error."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            near.transport.write(BIG)
            near.transport.close()
            far.transport.pause_reading()
            await meanwhile()
            far.transport.abort()
            assert isinstance(await near.lost(), GONE)

    run(main)


def test_reset_is_not_noticed_while_reading_is_paused(run: Run) -> None:
    """Who does not read hears of a reset once it does."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            near.transport.pause_reading()
            await reset(far, near)
            assert near.calls == ["connection_made"]
            near.transport.resume_reading()
            assert isinstance(await near.lost(), ConnectionResetError)

    run(main)


def test_writer_notices_a_reset_though_it_does_not_read(run: Run) -> None:
    """Writes that wait for room find out, whether or not reading is paused."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            near.transport.pause_reading()
            near.transport.write(BIG)
            far.transport.pause_reading()
            await meanwhile()
            far.transport.abort()
            assert isinstance(await near.lost(), GONE)

    run(main)


# --- writing to nobody --------------------------------------------------------------------


@pytest.mark.parametrize("how", ["close", "abort"])
def test_writing_after_the_end_is_ignored(run: Run, how: str) -> None:
    """What is written to an ended transport goes nowhere and raises nothing."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            near.transport.write(b"before")
            getattr(near.transport, how)()
            near.transport.write(b"after")
            await near.lost()
            near.transport.write(b"long after")
            assert await far.lost() is None
            assert near.transport.get_write_buffer_size() == 0
        assert far.received == b"before"

    run(main)


def test_writing_to_a_closed_peer_fails_in_the_end(run: Run) -> None:
    """The peer has closed: writing raises nothing, but before long the connection is lost."""

    async def main() -> None:
        near, far = Recorder(keeps_open=True), Recorder()
        async with connected(near, far):
            far.transport.close()
            await near.saw("eof_received")
            await far.lost()
            await meanwhile()
            assert "connection_lost" not in near.calls
            while "connection_lost" not in near.calls:
                near.transport.write(b"anybody there?")
                await meanwhile()
            assert isinstance(near.error, GONE)

    run(main)


def test_reset_behind_eof_is_noticed_by_the_next_write(run: Run) -> None:
    """After EOF nothing is read any more: only the second write finds that the first was in vain."""

    async def main() -> None:
        near, far = Recorder(keeps_open=True), Recorder()
        async with connected(near, far):
            far.transport.close()
            await near.saw("eof_received")
            await far.lost()
            near.transport.write(b"the first")
            await meanwhile()
            assert "connection_lost" not in near.calls
            near.transport.write(b"the second")
            assert isinstance(await near.lost(), GONE)

    run(main)


def test_drain_on_a_lost_connection_fails(run: Run) -> None:
    """After the connection was lost, also by one's own close, `drain` is a ConnectionResetError."""

    async def main() -> None:
        async with streams() as (near, _):
            near.writer.close()
            await near.writer.wait_closed()
            with pytest.raises(ConnectionResetError):
                await near.writer.drain()

    run(main)


def test_closing_in_the_middle_of_a_large_write_is_noticed(run: Run) -> None:
    """A writer whose peer goes away half-way is told so; the peer's part was the first one."""

    class Leaving(Recorder):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if len(self.received) >= 2**20:
                self.transport.close()

    async def main() -> None:
        near, far = Recorder(), Leaving()
        async with connected(near, far):
            near.transport.write(BIG)
            assert isinstance(await near.lost(), GONE)
            await far.lost()
        assert BIG.startswith(far.received)
        assert len(far.received) < len(BIG)

    run(main)
