"""Listeners, and what stands for their sockets."""

from __future__ import annotations

import asyncio
import contextvars
import errno
import socket
from asyncio import events
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from minikafka.sim.hosts import Incarnation
    from minikafka.sim.transports import SimTransport

__all__ = ["Address", "FakeSocket", "SimServer"]

Address: TypeAlias = tuple[str, int]


class FakeSocket:
    """What `get_extra_info("socket")` gives: addresses, and options that do nothing."""

    family, type, proto = socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP

    def __init__(self, name: Address, peer: Address | None = None) -> None:
        self._name = name
        self._peer = peer

    def getsockname(self) -> Address:
        """Return the address of this end."""
        return self._name

    def getpeername(self) -> Address:
        """Return the address of the other end."""
        if self._peer is None:
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")
        return self._peer

    def setsockopt(self, *_: object) -> None:
        """Do nothing."""

    def getsockopt(self, *_: object) -> int:
        """Return 0."""
        return 0

    def fileno(self) -> int:
        """Return -1: there is no descriptor."""
        return -1


class SimServer(events.AbstractServer):
    """A listener on one incarnation; behaves as asyncio's own does."""

    def __init__(
        self,
        loop: Any,
        incarnation: Incarnation,
        port: int,
        factory: Callable[[], Any],
        context: contextvars.Context,
    ) -> None:
        self._loop = loop
        self._incarnation = incarnation
        self._port = port or incarnation.free_port()
        self._factory = factory
        self.context = context
        self.sockets: tuple[FakeSocket, ...] = ()
        self._serving = False
        self._closed = False
        self._for_ever: asyncio.Future[Any] | None = None
        self._waiters: list[asyncio.Future[Any]] = []
        self._connections = 0

    def bind(self) -> None:
        """Take the port; connections are refused until `start_serving`.

        Raises:
            OSError: EADDRINUSE.
        """
        listeners, address = (
            self._incarnation.listeners,
            (self._incarnation.host.ip, self._port),
        )
        if self._port in listeners:
            raise OSError(
                errno.EADDRINUSE,
                f"error while attempting to bind on address {address}: address already in use",
            )
        listeners[self._port] = self
        self.sockets = (FakeSocket(address),)

    def accept(self, transport: SimTransport) -> None:
        """Give a connection that came in to a new protocol."""
        self._connections += 1
        transport.on_end = self._ended
        transport.open(self._factory(), None)

    def _ended(self) -> None:
        self._connections -= 1
        self._maybe_wake()

    def _maybe_wake(self) -> None:
        if self._closed and not self._connections:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def close(self) -> None:
        """Stop listening; connections live on. Whoever serves for ever is cancelled."""
        if self._closed:
            return
        self._closed = True
        self._serving = False
        if self._incarnation.listeners.get(self._port) is self:
            del self._incarnation.listeners[self._port]
        self.sockets = ()
        if self._for_ever is not None and not self._for_ever.done():
            self._for_ever.cancel()
        self._maybe_wake()

    def is_serving(self) -> bool:
        """Return True from `start_serving` until closed."""
        return self._serving

    def get_loop(self) -> Any:
        """Return the loop."""
        return self._loop

    async def start_serving(self) -> None:
        """Accept connections.

        Raises:
            RuntimeError: it is closed.
        """
        if self._closed:
            raise RuntimeError(f"server {self!r} is closed")
        self._serving = True

    async def serve_forever(self) -> None:
        """Serve until cancelled or closed, and close then."""
        if self._for_ever is not None:
            raise RuntimeError(f"server {self!r} is already being awaited on serve_forever()")
        await self.start_serving()
        self._for_ever = self._loop.create_future()
        try:
            await self._for_ever
        except asyncio.CancelledError:
            self.close()
            await self.wait_closed()
            raise
        finally:
            self._for_ever = None

    async def wait_closed(self) -> None:
        """Return once closed and without connections; at once if it is closed already.

        The latter is how Python 3.11 has it: only who waits before the close waits at all.
        """
        if self._closed:
            return
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        await waiter

    async def __aexit__(self, *_: object) -> None:
        self.close()
        await self.wait_closed()
