"""asyncio transports over simulated connections.

They keep asyncio's contracts (call order, flow control, half-close) as its selector transports
do; the same tests run over both. What a kernel does is in `pipes`.
"""

from __future__ import annotations

import asyncio
import contextvars
import errno
from asyncio import sslproto, transports
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from minikafka.sim.handles import SimHandle
from minikafka.sim.pipes import DATA, FIN, RST, SPLIT_CHANCE, Pipe, reset_error
from minikafka.sim.servers import Address, FakeSocket

if TYPE_CHECKING:
    from minikafka.sim.hosts import Incarnation
    from minikafka.sim.network import SimNetwork

__all__ = ["SimTransport"]


class SimTransport(transports._FlowControlMixin):  # type: ignore[name-defined,misc]
    """One end of a connection.

    Attributes:
        gone: the kernel at this end has forgotten the connection.
        unsent: what the application has written and the kernels do not take yet.
        on_end: called when the protocol has been told that the connection is lost.
    """

    _start_tls_compatible = True

    def __init__(
        self,
        network: SimNetwork,
        incarnation: Incarnation,
        number: int,
        side: int,
        context: contextvars.Context,
        local: Address,
        remote: Address,
    ) -> None:
        extra = {"sockname": local, "peername": remote, "socket": FakeSocket(local, remote)}
        super().__init__(extra, network.loop)
        self.incarnation = incarnation
        self.context = context
        self.label = f"{number}.{side}"
        self.key = (number, side)
        self.gone = False
        self.on_end: Callable[[], None] | None = None
        self.pipe: Pipe  # outbound; set once both ends are there
        self._network = network
        self._protocol: Any = None
        self._buffered = self._tls = False
        self._delivery = SimHandle(self._deliver, (), self._loop, context, incarnation)
        self._opened = self._closing = self._lost = False
        self.unsent = bytearray()
        self._eof = self._fin_sent = self._eof_seen = False
        self._peer_reset = self._unsendable = False
        self._received: deque[tuple[str, bytes]] = deque()
        self._reading = True
        incarnation.transports[self.key] = self

    # --- protocol ----------------------------------------------------------------------------

    def open(self, protocol: Any, waiter: Any) -> None:
        """Tell the protocol that it is connected, in a callback of its own."""
        self.set_protocol(protocol)
        self._call(self._made, waiter)

    def _made(self, waiter: Any) -> None:
        # A protocol that fails here is reported, and has its connection all the same.
        self._opened = True
        if waiter is not None:
            self._call(self._settle, waiter)
        if self._received:
            self._call(self._deliver)
        self._protocol.connection_made(self)

    @staticmethod
    def _settle(waiter: Any) -> None:
        if not waiter.done():
            waiter.set_result(None)

    def set_protocol(self, protocol: Any) -> None:
        """Hand what comes from now on to another protocol."""
        self._protocol = protocol
        self._buffered = isinstance(protocol, asyncio.BufferedProtocol)
        # OpenSSL draws by itself: of such a stream only the sizes are reproducible.
        self._tls = isinstance(protocol, sslproto.SSLProtocol)

    def get_protocol(self) -> Any:
        """Return the protocol."""
        return self._protocol

    def is_closing(self) -> bool:
        """Return True once closed or lost."""
        return self._closing

    def _call(self, callback: Callable[..., Any], *args: Any) -> None:
        self._loop.call_soon(callback, *args, context=self.context)

    # --- out ---------------------------------------------------------------------------------

    def get_write_buffer_size(self) -> int:
        """Return how many bytes the kernel has not taken yet."""
        return len(self.unsent)

    def write(self, data: Any) -> None:
        """Send `data`; ignored once closing or lost, as asyncio does."""
        if type(data) is not bytes and not isinstance(data, (bytes, bytearray, memoryview)):
            kind = type(data).__name__
            raise TypeError(f"data argument must be a bytes-like object, not {kind}")
        if self._eof:
            raise RuntimeError("Cannot call write() after write_eof()")
        if not data or self._closing or not self.incarnation.alive:
            return
        if self._peer_reset:
            self._reset(BrokenPipeError(errno.EPIPE, "Broken pipe"))
            return
        data = bytes(data)
        network, loop = self._network, self._loop
        if self._tls:
            network.record("tx", f"{self.label} tls {len(data)}")
        else:
            loop.trace.record(loop.now_ns, "tx", self.label, data)
            number, side = self.key
            for tap in network.taps:
                tap(number, side, data)
        if not self.unsent and len(data) <= self.pipe.room:
            if network.random() < SPLIT_CHANCE and (head := network.split(len(data))):
                self.pipe.send(DATA, data[:head])
                data = data[head:]
            self.pipe.send(DATA, data)
        else:
            self.unsent += data
            self._pump()
            self._maybe_pause_protocol()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Send the pieces as one."""
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """Return True."""
        return True

    def write_eof(self) -> None:
        """Send what was written and end this direction."""
        if not self._eof and not self._closing:
            self._eof = True
            self._pump()

    def _pump(self) -> None:
        buffer = self.unsent
        while buffer and (count := min(len(buffer), self.pipe.room)) > 0:
            with memoryview(buffer) as view:
                piece = bytes(view[:count])
            del buffer[:count]
            self.pipe.send(DATA, piece)
        if not buffer:
            if self._eof and not self._fin_sent:
                self._fin_sent = True
                self.pipe.send(FIN)
            if self._closing and not self._lost:
                self._call(self._lose, None)

    def room_found(self) -> None:
        """Hear that the kernels take more."""
        if not self.gone and self.incarnation.alive:
            self._call(self._go_on)

    def _go_on(self) -> None:
        if self.unsent and not self.gone:
            self._pump()
            self._maybe_resume_protocol()

    # --- in ----------------------------------------------------------------------------------

    def is_reading(self) -> bool:
        """Return False while paused or closing."""
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        """Leave what comes in the kernel."""
        self._reading = False

    def resume_reading(self) -> None:
        """Read on, in a callback of its own."""
        if not self._reading and not self._closing:
            self._reading = True
            self._call(self._deliver)

    def receive(self, kind: str, data: bytes) -> None:
        """Take a segment that arrived at this end's kernel."""
        if kind != DATA:
            self._network.record("rx", f"{self.label} {kind}")
            if kind == RST:
                self._peer_reset = True
                self._unsendable = bool(self.unsent)
        self._received.append((kind, data))
        if self.incarnation.alive:
            self._loop.enqueue(self._delivery)

    def _deliver(self) -> None:
        received = self._received
        try:
            while received and self._opened and not self.gone and not self._lost:
                if self._peer_reset and (self._closing or self._unsendable):
                    # What waits to be sent finds out, also where nobody reads.
                    self._reset(reset_error())
                    return
                if not self._reading or self._closing:
                    return
                kind, data = received.popleft()
                if kind == DATA:
                    self._feed(data)
                elif kind == FIN:
                    self._eof_seen = True
                    if not self._protocol.eof_received():
                        self.close()
                else:
                    if not self._eof_seen:
                        self._reset(reset_error())
                    return
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - as asyncio's own transports do
            self._loop.call_exception_handler(
                {
                    "message": "Fatal error: a protocol failed while receiving.",
                    "exception": error,
                    "transport": self,
                    "protocol": self._protocol,
                }
            )
            self._force_close(error)

    def _feed(self, data: bytes) -> None:
        """Hand data over; what a protocol leaves by pausing goes back to the kernel."""
        inbound = self.pipe.target.pipe
        rest: bytes | memoryview = data
        while rest and self._reading and not self._closing:
            protocol: Any = self._protocol
            if not self._buffered:
                inbound.read(len(rest))
                protocol.data_received(bytes(rest))
                return
            room: Any = protocol.get_buffer(-1)
            count, size = len(room), len(rest)
            if not count:
                raise RuntimeError("get_buffer() returned an empty buffer")
            if count >= size:
                room[:size] = rest
                count, rest = size, b""
            else:
                room[:] = rest[:count]
                rest = memoryview(rest)[count:]
            inbound.read(count)
            protocol.buffer_updated(count)
        if rest:
            self._received.appendleft((DATA, bytes(rest)))

    # --- the end -----------------------------------------------------------------------------

    def close(self) -> None:
        """Send what was written, then end."""
        if not self._closing:
            self._closing = True
            if not self.unsent:
                self._call(self._lose, None)

    def abort(self) -> None:
        """End now; what the kernel has not taken is lost."""
        self._force_close(None)

    def _force_close(self, error: BaseException | None) -> None:
        # asyncio.sslproto calls this by its private name, too.
        if self._lost:
            return
        self._lost = self._closing = True
        self.unsent.clear()
        self._call(self._end, error)

    def fail(self, error: Exception) -> None:
        """Hear from the kernel that the connection is no more: reset, or timed out."""
        if not self.gone:
            self._reset(error)

    def _reset(self, error: Exception) -> None:
        self.gone = True
        self._received.clear()
        if self.incarnation.alive:
            if self._opened:
                self._force_close(error)
            else:
                self.incarnation.transports.pop(self.key, None)

    def _lose(self, error: BaseException | None) -> None:
        if not self._lost:
            self._lost = True
            self._end(error)

    def _end(self, error: BaseException | None) -> None:
        """Tell the protocol, then close the socket."""
        self._network.record("lost", f"{self.label} {type(error).__name__}")
        try:
            if self._opened:
                self._protocol.connection_lost(error)
        finally:
            self.incarnation.transports.pop(self.key, None)
            self._close_socket()
            if self.on_end is not None:
                self.on_end()

    def _close_socket(self) -> None:
        """Do as a kernel does: FIN, or RST where the application leaves something unread."""
        if self.gone:
            return
        self.gone = True
        unread = any(kind == DATA for kind, _ in self._received)
        self._received.clear()
        if unread:
            self.pipe.send(RST)
        elif not self._fin_sent:
            self._fin_sent = True
            self.pipe.send(FIN)

    def process_died(self, *, silent: bool) -> None:
        """Do as the kernel of a dead process does, or of a dead machine: nothing."""
        self.unsent.clear()
        if silent:
            self.gone = True
        else:
            self._close_socket()

    def cut_off(self) -> None:
        """Reset the connection at this end, as a middle box does."""
        if not self.gone:
            self._network.record("reset", self.label)
            if self._opened:
                self._reset(reset_error())
            else:
                self.gone = True
