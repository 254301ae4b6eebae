"""Connections end: in order, or one direction at a time."""

from __future__ import annotations

import pytest

from tests.unit.sim.tcp_support import (
    BIG,
    Recorder,
    Run,
    connected,
    in_both_worlds,
    meanwhile,
    streams,
)

pytestmark = in_both_worlds


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
