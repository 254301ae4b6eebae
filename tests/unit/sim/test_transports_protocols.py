"""What a protocol is called with, in which order, and what happens when it fails."""

from __future__ import annotations

import asyncio
from typing import Any

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
)

pytestmark = in_both_worlds

WHOLE_LIFE = ["connection_made", "data_received", "eof_received", "connection_lost"]


class DeliberateError(Exception):
    """Raised by a protocol under test."""


# --- the order of calls -------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 100_000, len(BIG)])
def test_calls_come_in_order_and_once(run: Run, size: int) -> None:
    """Made, data, end of data, lost; all but data exactly once, at either end."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            near.transport.write(payload(size))
            near.transport.close()
            assert await far.lost() is None
            await near.lost()
        assert far.story == WHOLE_LIFE
        assert [call for call in near.story if "writing" not in call] == [
            "connection_made",
            "connection_lost",
        ]

    run(main)


def test_buffered_protocol_is_called_in_order(run: Run) -> None:
    """A BufferedProtocol hears the same, with buffers filled instead of data handed over."""

    async def main() -> None:
        near, far = Recorder(), BufferedRecorder(buffer_bytes=7)
        async with connected(near, far):
            data = payload(10_000)
            near.transport.write(data)
            near.transport.close()
            assert await far.lost() is None
            assert far.received == data
            assert far.calls.count("buffer_updated") >= len(data) // 7
        assert far.story == [*WHOLE_LIFE[:1], "buffer_updated", *WHOLE_LIFE[2:]]

    run(main)


@pytest.mark.parametrize("how", ["close", "abort"])
def test_connection_lost_is_never_called_from_within(run: Run, how: str) -> None:
    """Ending a connection calls back later, once, and without an error at the end that did."""

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            getattr(near.transport, how)()
            assert near.transport.is_closing()
            assert near.calls == ["connection_made"]
            getattr(near.transport, how)()
            near.transport.abort()
            near.transport.close()
            assert await near.lost() is None
            await far.lost()
            near.transport.abort()
            near.transport.close()
            await settle()
        assert near.calls == ["connection_made", "connection_lost"]
        assert near.transport.is_closing()

    run(main)


def test_nothing_is_received_after_closing(run: Run) -> None:
    """A protocol that closes in `data_received` gets no more data, nor an end of it."""

    class Sated(Recorder):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self.transport.close()

    async def main() -> None:
        near, far = Recorder(), Sated()
        async with connected(near, far):
            for _ in range(50):
                near.transport.write(payload(100_000))
            near.transport.write_eof()
            assert await far.lost() is None
        assert far.calls == ["connection_made", "data_received", "connection_lost"]

    run(main)


# --- changing the protocol ----------------------------------------------------------------


def test_transport_tells_its_protocol(run: Run) -> None:
    """`get_protocol` is the one from the factory, then the one that was set."""

    async def main() -> None:
        near, far, other = Recorder(), Recorder(), Recorder()
        async with connected(near, far):
            assert near.transport.get_protocol() is near
            near.transport.set_protocol(other)
            assert near.transport.get_protocol() is other

    run(main)


@pytest.mark.parametrize("kind", [Recorder, BufferedRecorder])
def test_protocol_can_be_changed_while_connected(
    run: Run, kind: type[Recorder] | type[BufferedRecorder]
) -> None:
    """All that comes after `set_protocol` goes to the new protocol, of either kind."""

    async def main() -> None:
        near, far, later = Recorder(), Recorder(), kind()
        async with connected(near, far):
            near.transport.write(b"to the first")
            await far.got(12)
            far.transport.set_protocol(later)
            near.transport.write(b"to the second")
            assert await later.got(13) == b"to the second"
            far.transport.write(b"from the second")
            assert await near.got(15) == b"from the second"
            near.transport.close()
            assert await later.lost() is None
        assert far.story == ["connection_made", "data_received"]
        assert later.story[1:] == ["eof_received", "connection_lost"]

    run(main)


def test_protocol_can_be_changed_by_what_it_receives(run: Run) -> None:
    """Of the bytes behind an upgrade none goes to the old protocol, though they came with it."""

    class Upgrading(BufferedRecorder):
        later: Recorder

        def get_buffer(self, sizehint: int) -> memoryview:
            return memoryview(self._buffer)[: 7 - len(self.received)]

        def buffer_updated(self, nbytes: int) -> None:
            super().buffer_updated(nbytes)
            if self.received == b"UPGRADE":
                self.transport.set_protocol(self.later)

    async def main() -> None:
        near, far = Recorder(), Upgrading()
        far.later = later = Recorder()
        async with connected(near, far):
            near.transport.write(b"UPGRADEand then the new protocol")
            assert await later.got(25) == b"and then the new protocol"
        assert far.received == b"UPGRADE"

    run(main)


def test_writing_flow_follows_the_protocol(run: Run) -> None:
    """A writer that took over a paused connection is the one that is resumed."""

    async def main() -> None:
        near, far, later = Recorder(), Recorder(), Recorder()
        async with connected(near, far):
            far.transport.pause_reading()
            near.transport.write(BIG)
            near.transport.set_protocol(later)
            far.transport.resume_reading()
            await later.saw("resume_writing")
            assert await far.got(len(BIG)) == BIG
        assert near.calls == ["connection_made", "pause_writing"]

    run(main)


# --- protocols that fail ------------------------------------------------------------------


def hear() -> list[Any]:
    """Return a list that fills with what the loop's exception handler hears."""
    heard: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: heard.append(context["exception"]))
    return heard


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        (Recorder, "data_received"),
        (Recorder, "eof_received"),
        (BufferedRecorder, "get_buffer"),
        (BufferedRecorder, "buffer_updated"),
        (BufferedRecorder, "eof_received"),
    ],
)
def test_error_while_receiving_ends_the_connection(
    run: Run, kind: type[Recorder] | type[BufferedRecorder], method: str
) -> None:
    """What a protocol raises goes to the loop's handler and to its own connection_lost."""

    def fail(*_: object) -> None:
        raise DeliberateError(method)

    async def main() -> None:
        heard = hear()
        near, far = Recorder(), kind()
        setattr(far, method, fail)
        async with connected(near, far):
            near.transport.write(b"data")
            near.transport.write_eof()
            error = await far.lost()
            await near.lost()
        assert isinstance(error, DeliberateError)
        assert heard == [error]

    run(main)


def test_empty_buffer_ends_the_connection(run: Run) -> None:
    """A BufferedProtocol that has no room to offer is a RuntimeError."""

    async def main() -> None:
        heard = hear()
        near, far = Recorder(), BufferedRecorder(buffer_bytes=0)
        async with connected(near, far):
            near.transport.write(b"data")
            error = await far.lost()
        assert isinstance(error, RuntimeError)
        assert heard == [error]

    run(main)


@pytest.mark.parametrize("side", ["client", "server"])
def test_error_in_connection_made_is_only_reported(run: Run, side: str) -> None:
    """A protocol that fails at the start goes to the handler; the connection is there."""

    class Failing(Recorder):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            raise DeliberateError

    async def main() -> None:
        heard = hear()
        failing, sound = Failing(), Recorder()
        ends = (failing, sound) if side == "client" else (sound, failing)
        async with connected(*ends):
            sound.transport.write(b"hello")
            assert await failing.got(5) == b"hello"
            await meanwhile()
        assert [type(error) for error in heard] == [DeliberateError]

    run(main)
