"""HttpServer: the listener, its connections, and their bounds.

aiohttp is imported when the first connection comes, or by `preload`: it takes longer than three
brokers do to start. Knows no route.
"""

from __future__ import annotations

import asyncio
import logging
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Self

from minikafka.cluster.cluster import AsyncCluster
from minikafka.http.guard import Admission, is_loopback
from minikafka.http.limits import Limits

if TYPE_CHECKING:
    from aiohttp import web

    from minikafka.http.call import Desk

__all__ = ["HttpServer"]

SHUTDOWN_SECONDS = 1.0
"""How long requests have to end when the server does."""

# What takes longest of aiohttp's import, from the bottom up.
_IMPORTED = ("ssl", "email.parser", "http.cookies", "multidict", "yarl", "aiohttp")

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
)
_FULL_BODY = b'{"error":{"name":"THROTTLING_QUOTA_EXCEEDED","code":89,"message":"too many connections"}}\n'


class HttpServer:
    """Serves the HTTP API of a running cluster, in the same loop.

    Use it as a context manager, or call `start` and `close`; the cluster is the caller's, and
    lives longer.

    Args:
        host: where it listens; without a token only an address of this machine's own.
        port: 0 for a free one.
        token: what `Authorization: Bearer` must carry; None asks for none.
        hosts: further names under which it may be asked, besides localhost and addresses.

    Raises:
        ValueError: others could reach it, and no token is asked for; or the token is empty.
    """

    def __init__(
        self,
        cluster: AsyncCluster,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        hosts: tuple[str, ...] = (),
        limits: Limits | None = None,
    ) -> None:
        if token is None and not is_loopback(host):
            raise ValueError(f"the HTTP API listens on {host} only with a token")
        if token is not None and not token.strip():
            raise ValueError("the token of the HTTP API is empty")
        self._cluster = cluster
        self._host = host
        self._port = port
        self._admission = Admission(token, hosts)
        self._limits = limits or Limits()
        self._listener: asyncio.Server | None = None
        self._server: web.Server | None = None
        self._desk: Desk | None = None
        self._silent: dict[object, asyncio.TimerHandle] = {}

    @property
    def port(self) -> int:
        """Where it listens; good once `start` has returned."""
        return self._port

    @property
    def url(self) -> str:
        """`http://host:port`, without a slash at its end."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def start(self, port: int | None = None) -> None:
        """It listens, on another port than was said before where one is given.

        Raises:
            OSError: the port is in use.
        """
        loop = asyncio.get_running_loop()
        self._port = self._port if port is None else port
        self._listener = await loop.create_server(self._protocol, self._host, self._port)
        self._port = self._listener.sockets[0].getsockname()[1]

    async def preload(self) -> None:
        """Import now what the first request needs, in pieces: brokers may want to do something."""
        for name in _IMPORTED:
            import_module(name)
            await asyncio.sleep(0)
        self._serving()

    async def close(self) -> None:
        """No connection, task or port is left. Twice is once."""
        if self._listener is not None:
            self._listener.close()
        if self._desk is not None:
            await self._desk.feed.close()
        for timer in self._silent.values():
            timer.cancel()
        self._silent.clear()
        if self._server is not None:
            await self._server.shutdown(SHUTDOWN_SECONDS)
        if self._listener is not None:
            await self._listener.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _serving(self) -> web.Server:
        if self._server is None:
            from minikafka.http.app import App
            from minikafka.http.call import Desk
            from minikafka.http.connection import Server
            from minikafka.http.feed import Feed
            from minikafka.http.table import ROUTES

            self._desk = Desk(
                self._cluster, Feed(self._cluster, self._limits.listeners), ROUTES
            )
            app = App(self._desk, self._admission, self._limits)

            async def handle(request: web.BaseRequest) -> web.StreamResponse:
                self._has_spoken(request.protocol)
                return await app.handle(request)

            self._server = Server(
                handle,
                keepalive_timeout=self._limits.idle_seconds,
                lingering_time=1.0,
                access_log=None,
                # What is no HTTP is answered, and no business of whoever runs the cluster.
                logger=_silent_logger(),
            )
        return self._server

    def _protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol of a new connection."""
        server = self._serving()
        if len(server.connections) >= self._limits.connections:
            return _Full()
        handler = server()
        # aiohttp itself bounds the silence between requests, and not the one before the first.
        self._silent[handler] = asyncio.get_running_loop().call_later(
            self._limits.request_seconds, self._hang_up, handler
        )
        return handler

    def _has_spoken(self, handler: object) -> None:
        timer = self._silent.pop(handler, None)
        if timer is not None:
            timer.cancel()

    def _hang_up(self, handler: web.RequestHandler) -> None:
        """End a connection without a whole request in time; one that has ended is no matter."""
        del self._silent[handler]
        handler.force_close()


class _Full(asyncio.Protocol):
    """Tells one client too many that it is one."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(_FULL % (len(_FULL_BODY), _FULL_BODY))
        transport.close()


def _silent_logger() -> logging.Logger:
    logger = logging.Logger("minikafka.http")
    logger.addHandler(logging.NullHandler())
    return logger
