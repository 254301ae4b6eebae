"""A connection to something that is no broker, or gone, says so in one line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from minikafka.cluster.connection import Connection, ConnectionLost


@asynccontextmanager
async def server(answer: bytes | None) -> AsyncIterator[int]:
    """A listener that sends `answer` to whatever arrives and hangs up; None is silence."""
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if answer is None:
            await done.wait()
        else:
            writer.write(answer)
        writer.close()
        await writer.wait_closed()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        done.set()
        listener.close()
        await listener.wait_closed()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "closed the connection"),
        (b"\x00\x00\x00\x08half", "closed the connection"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "speaks no Kafka"),
        (b"\x00\x00\x00\x04\x00\x00\x00\x63", "speaks no Kafka"),
        (b"\x00\x00\x00\x01\x00", "speaks no Kafka"),
    ],
)
async def test_what_is_no_broker_is_named_as_such(answer: bytes, said: str) -> None:
    """Any answer but a right one closes the connection with an error that can be shown."""
    async with server(answer) as port:
        with pytest.raises(ConnectionLost, match=said):
            await Connection.open("127.0.0.1", port, "test", timeout_s=5.0)


async def test_silent_broker_is_given_up() -> None:
    """An answer is waited for as long as the time limit says, no longer."""
    async with server(None) as port:
        with pytest.raises(ConnectionLost, match="did not answer in time"):
            await Connection.open("127.0.0.1", port, "test", timeout_s=0.05)


async def test_closed_port_is_named() -> None:
    """Where nobody listens, the message has the address and the reason."""
    async with server(b"") as port:
        pass
    with pytest.raises(ConnectionLost, match=f"127.0.0.1:{port}: Connection refused"):
        await Connection.open("127.0.0.1", port, "test", timeout_s=5.0)
