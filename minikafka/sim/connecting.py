"""The loop's methods that make connections and servers, over the simulated network."""

from __future__ import annotations

import contextvars
import socket
import ssl as ssl_module
from asyncio import AbstractEventLoop, sslproto
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from minikafka.sim.errors import Unsupported
from minikafka.sim.servers import SimServer

if TYPE_CHECKING:
    from minikafka.sim.hosts import Incarnation
    from minikafka.sim.network import SimNetwork

__all__ = ["Connecting"]


class Connecting(AbstractEventLoop):
    """Mixed into the loop: everything of asyncio that has an address in it."""

    network: SimNetwork

    @property
    def here(self) -> Incarnation:
        """The incarnation that runs now."""
        raise NotImplementedError

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        """Resolve a host by its simulated name or address.

        Raises:
            socket.gaierror: no such host.
        """
        return self.network.getaddrinfo(host, port)

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> tuple[str, str]:
        """Return the simulated name of an address, and its port."""
        return self.network.name_of(sockaddr[0]), str(sockaddr[1])

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """Note where a socket shall go; `create_connection(sock=...)` will (aiohttp)."""
        self.network.noted[sock] = address

    async def create_connection(  # type: ignore[override]  # asyncio's overloads say the same
        self,
        protocol_factory: Callable[[], Any],
        host: str | None = None,
        port: int | None = None,
        *,
        ssl: Any = None,
        sock: socket.socket | None = None,
        server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        **_: Any,
    ) -> Any:
        """Connect from the running host.

        Raises:
            OSError: refused, timed out, no route; as from a kernel.
        """
        if sock is not None:
            address = self.network.noted.pop(sock)
            sock.close()
            ip, number = address[:2]
        else:
            ip, number = self.network.getaddrinfo(host, port)[0][4]
        transport = await self.network.connect(ip, number)
        protocol = protocol_factory()
        waiter = self.create_future()
        if not ssl:
            transport.open(protocol, waiter)
            try:
                await waiter
            except BaseException:
                transport.close()
                raise
            return transport, protocol
        context = ssl_module.create_default_context() if isinstance(ssl, bool) else ssl
        name = host or "" if server_hostname is None else server_hostname
        tls = sslproto.SSLProtocol(
            self,
            protocol,
            context,
            waiter,
            server_side=False,
            server_hostname=name,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
        )
        transport.open(tls, None)
        try:
            await waiter
        except BaseException:
            transport.close()
            raise
        return tls._app_transport, protocol  # type: ignore[attr-defined]

    async def create_server(  # type: ignore[override]  # asyncio's overloads say the same
        self,
        protocol_factory: Callable[[], Any],
        host: Any = None,
        port: int | None = None,
        *,
        sock: socket.socket | None = None,
        ssl: Any = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        start_serving: bool = True,
        **_: Any,
    ) -> SimServer:
        """Listen on the running host, whatever `host` says; port 0 or None for a free one.

        Raises:
            OSError: EADDRINUSE.
        """
        if sock is not None:
            raise Unsupported("create_server(sock=...)")
        factory = protocol_factory
        if ssl:

            def factory() -> Any:
                return sslproto.SSLProtocol(
                    self,
                    protocol_factory(),
                    ssl,
                    None,
                    server_side=True,
                    ssl_handshake_timeout=ssl_handshake_timeout,
                    ssl_shutdown_timeout=ssl_shutdown_timeout,
                )

        server = SimServer(self, self.here, port or 0, factory, contextvars.copy_context())
        server.bind()
        if start_serving:
            await server.start_serving()
        return server

    def remove_reader(self, fd: Any) -> bool:
        """Return False: there was no reader."""
        return False

    def remove_writer(self, fd: Any) -> bool:
        """Return False: there was no writer."""
        return False

    def _unsupported(self, *_: Any, **__: Any) -> NoReturn:
        raise Unsupported("not simulated: file descriptors, signals, datagrams, processes")

    add_reader = add_writer = _unsupported
    sock_recv = sock_recv_into = sock_sendall = sock_accept = sock_sendto = _unsupported
    sock_recvfrom = sock_recvfrom_into = sock_sendfile = sendfile = _unsupported
    create_datagram_endpoint = create_unix_connection = create_unix_server = _unsupported
    connect_accepted_socket = connect_read_pipe = connect_write_pipe = _unsupported
    subprocess_exec = subprocess_shell = _unsupported
