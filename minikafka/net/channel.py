"""Outbound requests to another broker, over objects or over TCP, behind one face.

A channel keeps the order of its requests and of their answers, and fails what has waited
longer than its timeout, together with everything behind it, as a closed socket does. Who asks
decides whether to ask again. Counterpart: NetworkClient as brokers use it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from struct import Struct
from typing import Any, Protocol

from minikafka.base.deferred import Deferred
from minikafka.base.errors import KafkaError
from minikafka.net.links import Endpoint, LinkTable
from minikafka.wire.codec import decode_response, encode_request
from minikafka.wire.framing import FrameError

__all__ = ["Channel", "ChannelClosed", "MemoryChannel", "ObjectHandler", "TcpChannel"]

LENGTH = Struct(">i")
RESPONSE_BYTES_MAX = 1 << 30
# Where small answers arrive, most often whole, with one look at the socket.
SCRATCH_BYTES = 8 * 1024


class ChannelClosed(ConnectionError):
    """The answer will not come: cut off, timed out, refused, or closed by us.

    The request may have been carried out all the same (an indefinite failure).
    """


class ObjectHandler(Protocol):
    """Whoever answers requests as objects, in this process."""

    def call(
        self,
        api_key: int,
        version: int,
        request: object,
        *,
        client_id: str,
        from_broker: bool = False,
    ) -> Deferred[Any]:
        """Answer one request; a `KafkaError` settles the deferred value as its error."""
        ...


class _Pending(Deferred[Any]):
    """One request on its way, and its answer."""

    __slots__ = ("api_key", "came", "deadline", "version")

    def __init__(self, api_key: int, version: int, deadline: float) -> None:
        super().__init__()
        self.api_key = api_key
        self.version = version
        self.deadline = deadline
        # What came back, where an earlier request is still without its answer.
        self.came: Deferred[Any] | None = None


class Channel:
    """What both kinds share: order, timeouts, closing.

    Args:
        source: who sends, for the links.
        target: who answers.
        timeout_ms: how long an answer may take before the channel gives up.
    """

    def __init__(
        self,
        source: Endpoint,
        target: Endpoint,
        links: LinkTable,
        loop: asyncio.AbstractEventLoop,
        timeout_ms: int,
    ) -> None:
        self.source = source
        self.target = target
        self.links = links
        self._loop = loop
        self._timeout = timeout_ms / 1000
        self._pending: deque[_Pending] = deque()
        self._watchdog: asyncio.TimerHandle | None = None
        # Counts resets, so that what was under way before one cannot be taken for an answer.
        self._incarnation = 0
        self._closed = False

    def request(self, api_key: int, version: int, request: object) -> Deferred[Any]:
        """Send one request; the answer is the response object of `version`.

        It fails with `ChannelClosed`, or with the `KafkaError` the handler raised.
        """
        pending = _Pending(api_key, version, self._loop.time() + self._timeout)
        if self._closed:
            pending.fail(ChannelClosed(f"channel to {self.target} is closed"))
            return pending
        self._pending.append(pending)
        if self._watchdog is None:
            self._watchdog = self._loop.call_at(pending.deadline, self._on_watchdog)
        self._transmit(pending, request)
        return pending

    @property
    def closed(self) -> bool:
        """True once `close` was called."""
        return self._closed

    def close(self) -> None:
        """Fail what is outstanding and take no more."""
        self._closed = True
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None
        self.reset("closed")

    def reset(self, why: str) -> None:
        """Fail what is outstanding; the next request starts afresh."""
        self._incarnation += 1
        failed, self._pending = self._pending, deque()
        for pending in failed:
            if not pending.done:
                pending.fail(ChannelClosed(f"channel to {self.target}: {why}"))

    def _transmit(self, pending: _Pending, request: object) -> None:
        raise NotImplementedError

    def _take(self, pending: _Pending) -> bool:
        """Take `pending` out of the queue; False if it has been given up meanwhile."""
        waiting = self._pending
        if waiting and waiting[0] is pending:
            waiting.popleft()
            return True
        if pending in waiting:
            waiting.remove(pending)
            return True
        return False

    def _on_watchdog(self) -> None:
        self._watchdog = None
        now = self._loop.time()
        if self._pending and self._pending[0].deadline <= now:
            self.reset("no answer in time")
        # Whoever heard of that may have asked again, and armed it with that.
        if self._pending and not self._closed and self._watchdog is None:
            self._watchdog = self._loop.call_at(self._pending[0].deadline, self._on_watchdog)


class MemoryChannel(Channel):
    """Hands request and response objects over; record batches are shared, not copied."""

    def __init__(
        self,
        source: Endpoint,
        target: Endpoint,
        links: LinkTable,
        loop: asyncio.AbstractEventLoop,
        timeout_ms: int,
        find: Callable[[], ObjectHandler | None],
    ) -> None:
        super().__init__(source, target, links, loop, timeout_ms)
        self._find = find
        self._client_id = f"broker-{source}"

    def _transmit(self, pending: _Pending, request: object) -> None:
        self.links.deliver(
            self.source, self.target, self._arrive, pending, request, self._incarnation
        )

    def _arrive(self, pending: _Pending, request: object, incarnation: int) -> None:
        if incarnation != self._incarnation:
            return
        handler = self._find()
        if handler is None:
            self.reset("connection refused")
            return
        answer = handler.call(
            pending.api_key,
            pending.version,
            request,
            client_id=self._client_id,
            from_broker=True,
        )
        answer.on_done(
            lambda done: self.links.deliver(
                self.target, self.source, self._return, pending, done, incarnation
            )
        )

    def _return(self, pending: _Pending, done: Deferred[Any], incarnation: int) -> None:
        if incarnation != self._incarnation:
            return
        pending.came = done
        # Whoever hears of an answer may reset the channel: the queue is another one then.
        while self._pending and (came := self._pending[0].came) is not None:
            answer = self._pending.popleft()
            # The two hold each other: without this only the cycle collector would free them.
            answer.came = None
            try:
                value = came.result()
            except (KafkaError, ChannelClosed) as error:
                answer.fail(error)
            except Exception as error:  # noqa: BLE001 - over TCP it would close the connection
                why = f"closed by the far end: {error}"
                answer.fail(ChannelClosed(f"channel to {self.target}: {why}"))
                self.reset(why)
            else:
                answer.set(value)


class TcpChannel(Channel, asyncio.BufferedProtocol):
    """Kafka's own bytes over a socket; connects on demand, once per incarnation."""

    def __init__(
        self,
        source: Endpoint,
        target: Endpoint,
        links: LinkTable,
        loop: asyncio.AbstractEventLoop,
        timeout_ms: int,
        address: Callable[[], tuple[str, int] | None],
    ) -> None:
        super().__init__(source, target, links, loop, timeout_ms)
        self._address = address
        self._transport: asyncio.WriteTransport | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._outbox: list[bytes | bytearray | memoryview] = []
        self._correlation_id = 0
        self._by_correlation: dict[int, _Pending] = {}
        self._scratch = memoryview(bytearray(SCRATCH_BYTES))
        self._large: memoryview | None = None
        self._filled = 0

    def reset(self, why: str) -> None:
        """Drop the connection as well as what waits on it."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        self._outbox.clear()
        self._by_correlation.clear()
        self._large, self._filled = None, 0
        super().reset(why)

    def _transmit(self, pending: _Pending, request: object) -> None:
        self._correlation_id = (self._correlation_id + 1) & 0x7FFFFFFF
        correlation_id = self._correlation_id
        self._by_correlation[correlation_id] = pending
        buffers = encode_request(
            pending.api_key, pending.version, correlation_id, f"broker-{self.source}", request
        )
        self.links.deliver(self.source, self.target, self._write, buffers, self._incarnation)

    def _write(self, buffers: list[bytes | bytearray | memoryview], incarnation: int) -> None:
        if incarnation != self._incarnation:
            return
        if self._transport is not None:
            # CPython 3.12 and 3.13 fail in `writelines` of one that is about to be lost. What was
            # asked fails with the rest as soon as we hear of that.
            if not self._transport.is_closing():
                self._transport.writelines(buffers)
            return
        self._outbox.extend(buffers)
        if self._connecting is None:
            self._connecting = self._loop.create_task(self._connect(incarnation))

    async def _connect(self, incarnation: int) -> None:
        address = self._address()
        try:
            if address is None:
                raise OSError("address unknown")
            transport, _ = await self._loop.create_connection(lambda: self, *address)
        except OSError as error:
            if incarnation == self._incarnation:
                self._connecting = None
                self.reset(f"cannot connect: {error}")
            return
        if incarnation != self._incarnation:
            transport.abort()
            return
        self._connecting = None
        if transport.is_closing():
            # Lost before we had it: `connection_lost` has come and gone.
            self.reset("connection lost")
            return
        self._transport = transport
        outbox, self._outbox = self._outbox, []
        transport.writelines(outbox)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._transport = None
            self.reset("connection lost")

    def get_buffer(self, sizehint: int) -> memoryview:
        return (self._scratch if self._large is None else self._large)[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self._filled += nbytes
        if self._large is None:
            self._split()
        elif self._filled == len(self._large):
            frame, self._large, self._filled = self._large, None, 0
            self._came(frame)

    def _split(self) -> None:
        """Cut the scratch into frames; what is left of one goes to its beginning."""
        scratch, filled, position = self._scratch, self._filled, 0
        while filled - position >= LENGTH.size:
            (length,) = LENGTH.unpack_from(scratch, position)
            if not LENGTH.size <= length <= RESPONSE_BYTES_MAX:
                self.reset("malformed answer")
                return
            start = position + LENGTH.size
            end = start + length
            if end > filled:
                if LENGTH.size + length > len(scratch):
                    # The rest is received in place.
                    self._large = memoryview(bytearray(length))
                    self._filled = filled - start
                    self._large[: self._filled] = scratch[start:filled]
                    return
                break
            # The log may keep the frame's memory: it gets exactly what it needs.
            self._came(memoryview(bytearray(scratch[start:end])))
            position = end
        rest = self._filled = filled - position
        if rest and position:
            scratch[:rest] = bytes(scratch[position:filled])

    def _came(self, frame: memoryview) -> None:
        self.links.deliver(self.target, self.source, self._on_frame, frame, self._incarnation)

    def _on_frame(self, frame: memoryview, incarnation: int) -> None:
        if incarnation != self._incarnation:
            return
        (correlation_id,) = LENGTH.unpack_from(frame, 0)
        pending = self._by_correlation.pop(correlation_id, None)
        if pending is None:
            self.reset("answer to nothing asked")
            return
        try:
            _, response = decode_response(pending.api_key, pending.version, frame)
        except FrameError as error:
            self.reset(f"malformed answer: {error}")
            return
        if self._take(pending):
            pending.set(response)
