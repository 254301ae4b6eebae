"""One accepted socket: frames in, replies out in request order, writes corked.

Knows the four-byte length and nothing else of the protocol. Answers may come in any order and
at any time; they leave in the order of the requests (W1), and all that is ready leaves in one
write: everything that one read caused, or one turn of the loop. Counterpart: SocketServer.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Sequence
from struct import Struct
from typing import Protocol, TypeAlias

from minikafka.net.turns import Turns

__all__ = ["Buffer", "Connection", "FrameHandler", "Slot"]

Buffer: TypeAlias = bytes | bytearray | memoryview

LENGTH = Struct(">i")
RESET_ON_CLOSE = Struct("ii").pack(1, 0)
# Where small frames arrive: little for the many idle connections, more for one that fills it.
SCRATCH_BYTES_MIN = 8 * 1024
SCRATCH_BYTES = 128 * 1024
# Requests of one connection that may wait for their answers before reading stops.
PENDING_MAX = 1_000
# Answers that are ready leave together up to about this much; then we look whether they are read.
WRITE_BYTES = 256 * 1024


class Slot:
    """The place of one answer in the order of its connection."""

    __slots__ = ("_connection", "buffers", "done")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.buffers: Sequence[Buffer] = ()
        self.done = False

    @property
    def closed(self) -> bool:
        """Say whether the connection is gone, and the answer would go nowhere."""
        return self._connection.closed

    def answer(self, buffers: Sequence[Buffer]) -> None:
        """Give the answer, length included; empty where the request has none (acks=0)."""
        self.buffers = buffers
        self.done = True
        self._connection.answered()

    def close(self) -> None:
        """Close the connection instead of an answer."""
        self._connection.close()


class FrameHandler(Protocol):
    """Whoever takes the frames of a connection."""

    def on_frame(self, frame: memoryview, connection: Connection, slot: Slot) -> None:
        """Take one frame without its length; the memory is the receiver's from now on."""
        ...


class Connection(asyncio.BufferedProtocol):
    """Server side of one client connection.

    Args:
        handler: gets each frame.
        number: names this connection in logs and contexts; counts from 1 per listener.
        frame_bytes_max: longer frames close the connection (socket.request.max.bytes).
        on_lost: called once when the connection is gone.

    Attributes:
        peer_host: address of the other end, without its port.
    """

    def __init__(
        self,
        handler: FrameHandler,
        number: int,
        frame_bytes_max: int,
        turns: Turns,
        on_lost: Callable[[Connection], None],
    ) -> None:
        self.number = number
        self.peer_host = ""
        self.closed = False
        self._handler = handler
        self._frame_bytes_max = frame_bytes_max
        self._turns = turns
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._scratch = memoryview(bytearray(SCRATCH_BYTES_MIN))
        self._filled = 0
        self._large: memoryview | None = None
        self._large_filled = 0
        self._slots: deque[Slot] = deque()
        self._corked = False
        self._flush_scheduled = False
        self._reading_paused = False
        self._writing_paused = False
        self._held = False

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self.peer_host = str(peer[0]) if peer else ""
        if self.closed:
            # The listener was stopped between the accept and now.
            transport.close()
        elif self._held:
            self._check_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._slots.clear()
        self._large = None
        self._on_lost(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        if self._large is not None:
            return self._large[self._large_filled :]
        return self._scratch[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self._turns.entered(self._received, nbytes)

    def _received(self, nbytes: int) -> None:
        self._corked = True
        try:
            if self._large is not None:
                self._large_filled += nbytes
                if self._large_filled == len(self._large):
                    frame, self._large = self._large, None
                    self._take(frame)
            else:
                self._filled += nbytes
                grow = self._filled == len(self._scratch) < SCRATCH_BYTES
                self._split()
                if grow:
                    self._grow()
        finally:
            self._corked = False
            if self._slots and self._slots[0].done:
                self._flush()

    def pause_writing(self) -> None:
        self._writing_paused = True
        self._check_reading()

    def resume_writing(self) -> None:
        self._writing_paused = False
        self._check_reading()
        self.answered()

    def eof_received(self) -> bool:
        return False

    # ours

    def close(self) -> None:
        """Close the socket once what was written has left; later answers are dropped."""
        if not self.closed:
            self.closed = True
            self._slots.clear()
            if self._transport is not None:
                self._transport.close()

    def abort(self) -> None:
        """Reset the connection, as the kernel does for a process that died."""
        self.closed = True
        self._slots.clear()
        if self._transport is not None:
            sock = self._transport.get_extra_info("socket")
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self._transport.abort()

    def hold(self) -> None:
        """Take nothing more from the socket and give it nothing, until `release`."""
        self._held = True
        self._check_reading()

    def release(self) -> None:
        """Go on where `hold` stopped."""
        self._held = False
        self._check_reading()
        self.answered()

    def answered(self) -> None:
        """Hear that some slot has its answer; send what is now due in this turn's write."""
        if self._corked or self._flush_scheduled or self.closed:
            return
        if not self._slots or not self._slots[0].done:
            return
        self._flush_scheduled = True
        self._turns.soon(self._scheduled_flush)

    def _scheduled_flush(self) -> None:
        self._flush_scheduled = False
        if not self.closed:
            self._flush()

    def _flush(self) -> None:
        """Write the answers that are due; the rest stays with its slots while nobody reads.

        Until it is written an answer costs nothing: it points to batches that the log holds.
        """
        slots = self._slots
        while slots and slots[0].done and not self._writing_paused and not self.closed:
            if self._held:
                break
            buffers = list(slots.popleft().buffers)
            size = 0
            while slots and slots[0].done and size < WRITE_BYTES:
                more = slots.popleft().buffers
                size += sum(map(len, more))
                buffers += more
            if buffers and self._transport is not None:
                if len(buffers) == 1:
                    self._transport.write(buffers[0])
                elif not self._transport.is_closing():
                    # Of one that is about to be lost `write` takes no notice; in CPython 3.12
                    # and 3.13 `writelines` fails, or leaves its descriptor with the selector.
                    self._transport.writelines(buffers)
        if self._reading_paused:
            self._check_reading()

    def _split(self) -> None:
        """Cut the scratch into frames; move what is left to its beginning."""
        scratch, filled, position = self._scratch, self._filled, 0
        while filled - position >= 4 and not self.closed:
            (length,) = LENGTH.unpack_from(scratch, position)
            if not 0 < length <= self._frame_bytes_max:
                self.close()
                return
            start, end = position + 4, position + 4 + length
            if end > filled:
                if length + 4 > len(scratch) // 4:
                    self._begin_large(length, start, filled)
                    return
                break
            # The log keeps the frame's memory: it gets exactly what it needs.
            self._take(memoryview(bytearray(scratch[start:end])))
            position = end
        if position:
            rest = filled - position
            if rest:
                scratch[:rest] = bytes(scratch[position:filled])
            self._filled = rest

    def _grow(self) -> None:
        """Take a larger scratch: whoever fills one has more to send than we read at a time."""
        scratch = memoryview(bytearray(SCRATCH_BYTES))
        scratch[: self._filled] = self._scratch[: self._filled]
        self._scratch = scratch

    def _begin_large(self, length: int, start: int, filled: int) -> None:
        """Receive a large frame in place, into memory of its own."""
        self._large = memoryview(bytearray(length))
        self._large_filled = filled - start
        self._large[: self._large_filled] = self._scratch[start:filled]
        self._filled = 0

    def _take(self, frame: memoryview) -> None:
        slot = Slot(self)
        self._slots.append(slot)
        if len(self._slots) >= PENDING_MAX:
            self._check_reading()
        self._handler.on_frame(frame, self, slot)

    def _check_reading(self) -> None:
        """Stop reading from who does not take its answers, or has too many to come."""
        busy = self._writing_paused or self._held or len(self._slots) >= PENDING_MAX
        if busy == self._reading_paused or self._transport is None or self.closed:
            return
        self._reading_paused = busy
        if busy:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
