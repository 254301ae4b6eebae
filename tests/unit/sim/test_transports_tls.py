"""TLS over TCP: asyncio's own, on the transports of either world."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path

import pytest

from tests.unit.sim.tcp_certificate import contexts
from tests.unit.sim.tcp_support import (
    BIG,
    HOST,
    Recorder,
    Run,
    address_of,
    connected,
    in_both_worlds,
    meanwhile,
    settle,
)

pytestmark = in_both_worlds


def test_tls_carries_large_writes_both_ways(run: Run, tmp_path: Path) -> None:
    """Eight MiB each way at the same time arrive whole, and the ends know each other."""
    tls = contexts(tmp_path)

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far, tls):
            near.transport.write(BIG)
            far.transport.write(BIG[::-1])
            assert await far.got(len(BIG)) == BIG
            assert await near.got(len(BIG)) == BIG[::-1]
            names = [end.transport.get_extra_info("cipher") for end in (near, far)]
            assert names[0] == names[1] is not None
            address = near.transport.get_extra_info("sockname")
            assert far.transport.get_extra_info("peername") == address

    run(main)


def test_tls_close_sends_what_was_written(run: Run, tmp_path: Path) -> None:
    """A secured connection ends like a plain one: data, end of data, lost without an error."""
    tls = contexts(tmp_path)

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far, tls):
            near.transport.write(BIG)
            near.transport.close()
            assert await far.lost() is None
            assert await near.lost() is None
        assert far.received == BIG
        assert far.story == [
            "connection_made",
            "data_received",
            "eof_received",
            "connection_lost",
        ]

    run(main)


def test_tls_writer_pauses_while_its_peer_does_not_read(run: Run, tmp_path: Path) -> None:
    """Back-pressure passes through TLS, and so does its end."""
    tls = contexts(tmp_path)

    async def main() -> None:
        near, far = Recorder(), Recorder()
        async with connected(near, far, tls):
            far.transport.pause_reading()
            near.transport.write(BIG)  # TLS hands all of it on, and learns that it was too much
            near.transport.write(BIG)
            await meanwhile()
            assert near.calls == ["connection_made", "pause_writing"]
            far.transport.resume_reading()
            await near.saw("resume_writing")
            assert await far.got(2 * len(BIG)) == BIG + BIG

    run(main)


def test_plain_connection_can_become_a_secured_one(run: Run, tmp_path: Path) -> None:
    """`start_tls` at both ends of a live connection keeps the protocols and hides the bytes."""
    ours, theirs = contexts(tmp_path)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        near, far = Recorder(), Recorder()
        async with connected(near, far):
            near.transport.write(b"STARTTLS")
            await far.got(8)
            far.transport, near.transport = await asyncio.gather(
                loop.start_tls(far.transport, far, theirs, server_side=True),
                loop.start_tls(near.transport, near, ours, server_hostname="localhost"),
            )
            near.transport.write(b" hidden")
            assert await far.got(15) == b"STARTTLS hidden"
            far.transport.write(b"answer")
            assert await near.got(6) == b"answer"
            near.transport.close()
            assert await far.lost() is None
        assert far.calls.count("connection_made") == 1

    run(main)


def test_plain_bytes_do_not_reach_a_tls_protocol(run: Run, tmp_path: Path) -> None:
    """Who speaks no TLS to a TLS server loses the connection; the protocol never hears of it."""
    _, theirs = contexts(tmp_path)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        near, far = Recorder(), Recorder()
        server = await loop.create_server(lambda: far, HOST, 0, ssl=theirs)
        with contextlib.closing(server):
            await loop.create_connection(lambda: near, *address_of(server))
            near.transport.write(b"GET / HTTP/1.1\r\n\r\n")
            await near.lost()
            await settle()
        assert far.calls == []

    run(main)


def test_untrusted_certificate_is_refused(run: Run, tmp_path: Path) -> None:
    """A client that checks certificates does not connect to a self-made one."""
    _, theirs = contexts(tmp_path)
    checking = ssl.create_default_context()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        near, far = Recorder(), Recorder()
        server = await loop.create_server(lambda: far, HOST, 0, ssl=theirs)
        with contextlib.closing(server):
            with pytest.raises(ssl.SSLCertVerificationError):
                await loop.create_connection(lambda: near, *address_of(server), ssl=checking)
            await meanwhile()
        assert near.calls == []

    run(main)
