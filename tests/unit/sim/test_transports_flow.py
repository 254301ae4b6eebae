"""Bytes arrive whole and in order, and no faster than they are read."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from tests.unit.sim.tcp_support import (
    BIG,
    BufferedRecorder,
    Recorder,
    Run,
    connected,
    in_both_worlds,
    meanwhile,
    payload,
    settle,
    streams,
)

pytestmark = in_both_worlds


# --- whole and in order -------------------------------------------------------------------


def test_large_writes_arrive_whole_both_ways(run: Run) -> None:
    """Eight MiB each way at the same time: nothing is lost, doubled or moved."""

    async def main() -> None:
        near, far = Recorder(), BufferedRecorder(buffer_bytes=65_537)
        async with connected(near, far):
            near.transport.write(BIG)
            far.transport.write(BIG[::-1])
            assert await far.got(len(BIG)) == BIG
            assert await near.got(len(BIG)) == BIG[::-1]

    run(main)


def test_streams_carry_large_writes_both_ways(run: Run) -> None:
    """Two ends that write and read at the same time do not block each other."""

    async def main() -> None:
        async with streams() as (near, far):

            async def talk(writer: asyncio.StreamWriter, data: bytes) -> None:
                for start in range(0, len(data), 100_000):
                    writer.write(data[start : start + 100_000])
                    await writer.drain()
                writer.write_eof()

            _, _, there, back = await asyncio.gather(
                talk(near.writer, BIG),
                talk(far.writer, BIG[::-1]),
                far.reader.read(-1),
                near.reader.read(-1),
            )
            assert there == BIG
            assert back == BIG[::-1]

    run(main)


@pytest.mark.parametrize("burst", [1, 50, 2_000])
def test_small_writes_keep_their_order(run: Run, burst: int) -> None:
    """Two thousand writes arrive in order, however many of them go out in one turn."""

    async def main() -> None:
        async with streams() as (near, far):
            for number in range(2_000):
                near.writer.write(b"%d\n" % number)
                if number % burst == 0:
                    await asyncio.sleep(0)
            near.writer.write_eof()
            lines = (await far.reader.read(-1)).split()
            assert [int(line) for line in lines] == list(range(2_000))

    run(main)


def test_writelines_writes_all_in_order(run: Run) -> None:
    """The pieces of a list arrive as if written one by one, of whatever type of bytes."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            near.transport.write(b"0")
            near.transport.writelines([b"12", b"", bytearray(b"34"), memoryview(b"56")])
            near.transport.write(memoryview(b"78"))
            near.transport.write(bytearray(b"9"))
            assert await far.got(10) == b"0123456789"

    run(main)


def test_writing_nothing_is_harmless(run: Run) -> None:
    """An empty write, or an empty list, sends nothing and ends nothing."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            near.transport.write(b"")
            near.transport.writelines([])
            await meanwhile()
            assert far.calls == ["connection_made"]
            near.transport.write(b"something")
            near.transport.write(b"")
            assert await far.got(9) == b"something"

    run(main)


def test_only_bytes_can_be_written(run: Run) -> None:
    """A str is a TypeError, and does the connection no harm."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            with pytest.raises(TypeError, match="bytes-like"):
                near.transport.write("text")  # type: ignore[arg-type]
            near.transport.write(b"bytes")
            assert await far.got(5) == b"bytes"

    run(main)


def test_written_buffer_can_be_used_again(run: Run) -> None:
    """A bytearray that the kernel took belongs to the writer again when `write` returns."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            scratch = bytearray(b"first")
            near.transport.write(scratch)
            scratch[:] = b"later"
            near.transport.write(scratch)
            assert await far.got(10) == b"firstlater"

    run(main)


# --- back-pressure ------------------------------------------------------------------------


def test_writer_pauses_while_its_peer_does_not_read(run: Run) -> None:
    """One pause_writing at once, one resume_writing when the peer reads, and an empty buffer."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            assert near.transport.get_write_buffer_size() == 0
            far.transport.pause_reading()
            near.transport.write(BIG)
            assert near.calls == ["connection_made", "pause_writing"]
            await meanwhile()
            near.transport.write(b".")
            assert near.calls == ["connection_made", "pause_writing"]
            assert 0 < near.transport.get_write_buffer_size() <= len(BIG)
            far.transport.resume_reading()
            await near.saw("resume_writing")
            assert await far.got(len(BIG) + 1) == BIG + b"."
            assert near.transport.get_write_buffer_size() == 0
            assert near.calls == ["connection_made", "pause_writing", "resume_writing"]

    run(main)


def test_pauses_and_resumes_alternate(run: Run) -> None:
    """However often a writer is paused, it is resumed before it is paused again."""

    async def main() -> None:
        near, far = Recorder(), BufferedRecorder(buffer_bytes=40_001)
        async with connected(near, far):
            near.transport.set_write_buffer_limits(high=0)
            for rounds in (1, 2, 3):
                near.transport.write(BIG)
                near.transport.write(b"more")
                await far.got(rounds * (len(BIG) + 4))
                assert near.transport.get_write_buffer_size() == 0
            assert near.calls == ["connection_made", *["pause_writing", "resume_writing"] * 3]

    run(main)


def test_write_buffer_limits_are_honoured(run: Run) -> None:
    """Paused above the high limit, not at it; resumed at the low one or below."""

    class Measuring(Recorder):
        def resume_writing(self) -> None:
            super().resume_writing()
            self.size_at_resume = self.transport.get_write_buffer_size()

    async def main() -> None:
        near, far = Measuring(), Recorder()
        async with connected(near, far):
            far.transport.pause_reading()
            near.transport.set_write_buffer_limits(high=2 * len(BIG))
            near.transport.write(BIG)
            high = near.transport.get_write_buffer_size() + 1_000
            near.transport.set_write_buffer_limits(low=5_000, high=high)
            assert near.transport.get_write_buffer_limits() == (5_000, high)
            near.transport.write(payload(1_000))
            assert "pause_writing" not in near.calls
            near.transport.write(b".")
            assert "pause_writing" in near.calls
            far.transport.resume_reading()
            await near.saw("resume_writing")
            assert near.size_at_resume <= 5_000

    run(main)


def test_lowered_limit_pauses_what_is_above_it(run: Run) -> None:
    """Setting a high limit below the size of the buffer pauses the writer at once."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            far.transport.pause_reading()
            near.transport.set_write_buffer_limits(high=2 * len(BIG))
            near.transport.write(BIG)
            assert "pause_writing" not in near.calls
            near.transport.set_write_buffer_limits()
            assert near.transport.get_write_buffer_limits() == (16 * 1024, 64 * 1024)
            assert "pause_writing" in near.calls

    run(main)


def test_drain_waits_for_the_reader(run: Run) -> None:
    """`drain` returns when the peer has read, not before."""

    async def main() -> None:
        async with streams() as (near, far):
            near.writer.write(BIG)
            drained = asyncio.create_task(near.writer.drain())
            await meanwhile()
            assert not drained.done()
            assert await far.reader.readexactly(len(BIG)) == BIG
            await drained

    run(main)


def test_cancelled_drain_loses_nothing(run: Run) -> None:
    """Who gives up waiting has still written: all of it arrives, and the next drain works."""

    async def main() -> None:
        async with streams() as (near, far):
            near.writer.write(BIG)
            drained = asyncio.create_task(near.writer.drain())
            await settle()
            drained.cancel()
            with pytest.raises(asyncio.CancelledError):
                await drained
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await near.writer.drain()
            near.writer.write(b"more")
            assert await far.reader.readexactly(len(BIG) + 4) == BIG + b"more"
            await near.writer.drain()

    run(main)


# --- reading ------------------------------------------------------------------------------


def test_paused_reading_loses_nothing(run: Run) -> None:
    """While paused neither data nor the end is heard of; afterwards all is, in order."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            far.transport.pause_reading()
            for piece in (b"one ", b"two ", b"three"):
                near.transport.write(piece)
                await meanwhile()
            near.transport.write_eof()
            await meanwhile()
            assert far.calls == ["connection_made"]
            far.transport.resume_reading()
            assert far.calls == ["connection_made"]
            await far.saw("eof_received")
            assert far.received == b"one two three"

    run(main)


@pytest.mark.parametrize("kind", [Recorder, BufferedRecorder])
def test_pause_takes_effect_at_once(
    run: Run, kind: type[Recorder] | type[BufferedRecorder]
) -> None:
    """A protocol that pauses while it is handed data is handed no more until it resumes."""

    class Hesitant(kind):  # type: ignore[misc, valid-type]
        called_while_paused = 0

        def note(self, call: str) -> None:
            super().note(call)
            self.called_while_paused += not self.transport.is_reading()
            self.transport.pause_reading()
            asyncio.get_running_loop().call_soon(self.transport.resume_reading)

    async def main() -> None:
        near, far = Recorder(), Hesitant()
        async with connected(near, far):
            data = payload(100_000)
            near.transport.write(data)
            assert await far.got(len(data)) == data
            assert far.called_while_paused == 0

    run(main)


def test_pausing_twice_is_pausing_once(run: Run) -> None:
    """Pause and resume are states, not counters, and is_reading tells which."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            assert far.transport.is_reading()
            far.transport.resume_reading()
            far.transport.pause_reading()
            far.transport.pause_reading()
            assert not far.transport.is_reading()
            near.transport.write(b"data")
            far.transport.resume_reading()
            far.transport.resume_reading()
            assert far.transport.is_reading()
            assert await far.got(4) == b"data"
            far.transport.close()
            assert not far.transport.is_reading()
            far.transport.pause_reading()
            far.transport.resume_reading()

    run(main)


def test_full_stream_reader_stops_its_peer(run: Run) -> None:
    """A StreamReader that holds twice its limit stops reading, and goes on when it is read."""

    async def main() -> None:
        async with streams(limit=1_000) as (near, far):
            near.writer.write(BIG)
            drained = asyncio.create_task(near.writer.drain())
            await meanwhile()
            assert not far.writer.transport.is_reading()
            assert not drained.done()
            assert await far.reader.readexactly(len(BIG)) == BIG
            assert far.writer.transport.is_reading()
            await drained

    run(main)


# --- reads that are given up --------------------------------------------------------------


@pytest.mark.parametrize("how", ["cancelled", "timed out"])
def test_read_that_is_given_up_loses_nothing(run: Run, how: str) -> None:
    """What comes after a cancelled read is for the next one, with what had come before."""

    async def main() -> None:
        async with streams() as (near, far):
            near.writer.write(b"he")
            reading = asyncio.create_task(far.reader.readexactly(5))
            await meanwhile()
            if how == "cancelled":
                reading.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await reading
            else:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(reading, 0.001)
            near.writer.write(b"llo")
            assert await far.reader.readexactly(5) == b"hello"

    run(main)


def test_timeout_around_a_read_ends_only_that_read(run: Run) -> None:
    """`asyncio.timeout` around a silent connection is a TimeoutError, over and over."""

    async def main() -> None:
        async with streams() as (near, far):
            for number in range(5):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.001):
                        await far.reader.read(100)
                near.writer.write(b"%d" % number)
                assert await far.reader.read(100) == b"%d" % number
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0):
                        await far.reader.read(100)

    run(main)
