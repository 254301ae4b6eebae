"""Connections end: in order, half, or by a reset.

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


# --- in order -----------------------------------------------------------------------------


def test_close_sends_what_was_written(run: Run) -> None:
    """`close` returns at once; all that was written arrives, then the end."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            near.transport.write(BIG)
            near.transport.close()
            await meanwhile()
            assert near.transport.is_closing()
            assert await far.lost() is None
            assert await near.lost() is None
            assert far.received == BIG

    run(main)


def test_closing_waits_for_the_reader_and_abort_does_not(run: Run) -> None:
    """With a peer that does not read, a closed connection lingers until it is aborted."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            far.transport.pause_reading()
            near.transport.write(BIG)
            near.transport.close()
            await meanwhile()
            assert "connection_lost" not in near.calls
            near.transport.abort()
            assert near.transport.get_write_buffer_size() == 0
            assert await near.lost() is None

    run(main)


def test_abort_ends_behind_what_the_kernel_took(run: Run) -> None:
    """The peer of an aborted connection reads a first part of what was written, then EOF."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            far.transport.pause_reading()
            near.transport.write(BIG)
            near.transport.abort()
            await near.lost()
            far.transport.resume_reading()
            assert await far.lost() is None
        assert 0 < len(far.received) < len(BIG)
        assert BIG.startswith(far.received)
        assert far.story[1:] == ["data_received", "eof_received", "connection_lost"]

    run(main)


def test_both_ends_may_close_at_once(run: Run) -> None:
    """Two ends that close at the same time each lose the connection without an error."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            near.transport.close()
            far.transport.close()
            assert await near.lost() is None
            assert await far.lost() is None

    run(main)


def test_stream_is_closed_when_it_says_so(run: Run) -> None:
    """`wait_closed` returns after `close`; the peer reads what was written, and the end."""

    async def main() -> None:
        async with streams() as (near, far):
            near.writer.write(b"bye")
            near.writer.close()
            assert near.writer.is_closing()
            await near.writer.wait_closed()
            assert await far.reader.read(-1) == b"bye"
            assert far.reader.at_eof()
            assert not far.writer.is_closing()

    run(main)


# --- half ---------------------------------------------------------------------------------


def test_half_closed_connection_carries_the_other_way(run: Run) -> None:
    """After write_eof the peer reads to the end, answers at length, and is read to its end."""

    async def main() -> None:
        async with streams() as (near, far):
            assert near.writer.can_write_eof()
            near.writer.write(b"question")
            near.writer.write_eof()
            near.writer.write_eof()
            assert await far.reader.read(-1) == b"question"
            far.writer.write(BIG)
            far.writer.close()
            assert await near.reader.read(-1) == BIG
            assert not near.writer.is_closing()

    run(main)


def test_eof_comes_behind_all_that_was_written(run: Run) -> None:
    """write_eof with a full buffer sends the buffer first."""

    async def main() -> None:
        near, far = Recorder(), Recorder(keeps_open=True)
        async with connected(near, far):
            near.transport.write(BIG)
            near.transport.write_eof()
            await far.saw("eof_received")
            assert far.received == BIG
            assert not near.transport.is_closing()

    run(main)


def test_nothing_can_be_written_behind_eof(run: Run) -> None:
    """Writing after write_eof is a RuntimeError."""

    async def main() -> None:
        near, far = Recorder(), Recorder(keeps_open=True)
        async with connected(near, far):
            near.transport.write_eof()
            with pytest.raises(RuntimeError, match="after write_eof"):
                near.transport.write(b"too late")
            await far.saw("eof_received")
            assert far.received == b""

    run(main)


@pytest.mark.parametrize("answer", [None, False])
def test_eof_closes_where_the_protocol_does_not_object(run: Run, answer: bool | None) -> None:
    """A false value from `eof_received` closes, but first sends what was written."""

    async def main() -> None:
        near, far = Recorder(), Recorder(keeps_open=answer)
        async with connected(near, far):
            far.transport.write(BIG)
            near.transport.write_eof()
            assert await far.lost() is None
            assert await near.lost() is None
        assert near.received == BIG
        assert near.story[-2:] == ["eof_received", "connection_lost"]

    run(main)


def test_eof_leaves_open_what_the_protocol_keeps(run: Run) -> None:
    """True from `eof_received` keeps the connection, until it is closed, after both ends too."""

    async def main() -> None:
        near, far = Recorder(keeps_open=True), Recorder(keeps_open=True)
        async with connected(near, far):
            near.transport.write_eof()
            await far.saw("eof_received")
            await meanwhile()
            far.transport.write(b"answer")
            assert await near.got(6) == b"answer"
            far.transport.write_eof()
            await near.saw("eof_received")
            await meanwhile()
            assert not near.transport.is_closing()
            assert not far.transport.is_closing()
            near.transport.close()
            assert await near.lost() is None
            await meanwhile()
            assert "connection_lost" not in far.calls
            far.transport.close()
            assert await far.lost() is None

    run(main)


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
