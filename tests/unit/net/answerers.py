"""Whoever answers at the far end of a channel, over objects and over bytes alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from minikafka.base.deferred import Deferred
from minikafka.net.channel import Channel
from minikafka.net.connection import Connection, Slot
from minikafka.net.network import Network, Transport
from minikafka.net.server import Server
from minikafka.wire.codec import decode_header, decode_request, encode_response
from minikafka.wire.fetch import FetchRequest, FetchResponse
from minikafka.wire.versions import ApiKey

__all__ = ["Answerer", "Ends", "ends"]

VERSION = 17
FRAME_BYTES_MAX = 1 << 20


class Answerer:
    """Answers a Fetch with the number it carries; keeps the answers back while `holding`."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.clients: list[str | None] = []
        self.holding = False
        self.held: dict[int, Deferred[Any]] = {}
        self.closes_at = -1

    def call(
        self,
        api_key: int,
        version: int,
        request: Any,
        *,
        client_id: str | None,
        from_broker: bool = False,
    ) -> Deferred[Any]:
        """Take a request as an object."""
        answer: Deferred[Any] = Deferred()
        self.asked.append(request.max_wait_ms)
        self.clients.append(client_id)
        if request.max_wait_ms == self.closes_at:
            answer.fail(RuntimeError("the only answer is a closed connection"))
        elif self.holding:
            self.held[request.max_wait_ms] = answer
        else:
            answer.set(FetchResponse(session_id=request.max_wait_ms))
        return answer

    def on_frame(self, frame: memoryview, connection: Connection, slot: Slot) -> None:
        """Take a request as bytes."""
        header = decode_header(frame)
        request = decode_request(ApiKey.FETCH, VERSION, frame, header.body_position)
        answer = self.call(ApiKey.FETCH, VERSION, request, client_id=header.client_id)

        def send(done: Deferred[Any]) -> None:
            try:
                response = done.result()
            except RuntimeError:
                slot.close()
                return
            slot.answer(encode_response(ApiKey.FETCH, VERSION, header.correlation_id, response))

        answer.on_done(send)

    def release(self, number: int) -> None:
        """Give one answer that was kept back."""
        self.held.pop(number).set(FetchResponse(session_id=number))


class Ends:
    """Broker 1 asks broker 2."""

    def __init__(
        self, network: Network, channel: Channel, answerer: Answerer, server: Server
    ) -> None:
        self.network = network
        self.server = server
        self.channel = channel
        self.answerer = answerer
        self.answers: list[int | str] = []

    def ask(self, number: int) -> Deferred[Any]:
        """Send one request; `answers` gets its number, or the name of its error."""
        answer = self.channel.request(
            ApiKey.FETCH, VERSION, FetchRequest(replica_id=1, max_wait_ms=number)
        )
        answer.on_done(self._note)
        return answer

    async def until(self, *answers: int | str) -> None:
        """Return once exactly these answers have come."""
        for _ in range(5_000):
            if len(self.answers) >= len(answers):
                break
            await asyncio.sleep(0.001)
        assert self.answers == list(answers)

    async def asked(self, count: int) -> None:
        """Return once so many requests have arrived."""
        for _ in range(5_000):
            if len(self.answerer.asked) >= count:
                return
            await asyncio.sleep(0.001)
        raise AssertionError(self.answerer.asked)

    async def turns(self) -> None:
        """Let the loop turn often enough for anything that does not have to wait."""
        for _ in range(30):
            await asyncio.sleep(0.0005)

    def _note(self, done: Deferred[Any]) -> None:
        try:
            self.answers.append(done.result().session_id)
        except Exception as error:  # noqa: BLE001 - its kind is what the test asks about
            self.answers.append(type(error).__name__)


@asynccontextmanager
async def ends(
    transport: Transport, *, timeout_ms: int = 5_000, registered: bool = True
) -> AsyncIterator[Ends]:
    """Set up both ends, and take them down."""
    network = Network(asyncio.get_running_loop(), transport)
    answerer = Answerer()
    server = Server(answerer, FRAME_BYTES_MAX, network.turns)
    await server.start("127.0.0.1", 0)
    if registered:
        network.register(2, answerer, "127.0.0.1", server.port)
    channel = network.channel(1, 2, timeout_ms)
    pair = Ends(network, channel, answerer, server)
    try:
        yield pair
    finally:
        channel.close()
        await server.stop()
