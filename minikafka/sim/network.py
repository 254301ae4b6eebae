"""The network between hosts: names, links with their faults, and connections being made."""

from __future__ import annotations

import contextvars
import errno
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from minikafka.sim.chance import Draws
from minikafka.sim.hosts import HOST, NS, Host, Incarnation
from minikafka.sim.pipes import RTO_S, Pipe
from minikafka.sim.servers import SimServer
from minikafka.sim.transports import SimTransport

if TYPE_CHECKING:
    from minikafka.sim.loop import SimLoop

__all__ = ["Link", "SimNetwork"]

Names: TypeAlias = "str | Host | Iterable[str | Host]"

SYN_RETRIES = 6  # tcp_syn_retries: given up after 127 s
_OWN = ("", "localhost", "127.0.0.1", "0.0.0.0", "::1", "::")


@dataclass(frozen=True)
class Link:
    """What lies between two hosts, one way.

    Args:
        latency: seconds, least and most; each segment draws its own, order is kept.
        loss: chance that a segment is lost and comes a retransmission later.
        bandwidth: bytes per second, shared by all connections; None for no limit.
    """

    latency: tuple[float, float] = (0.0002, 0.002)
    loss: float = 0.0
    bandwidth: float | None = None


_WITHIN_HOST = Link(latency=(0.00002, 0.00005))


class SimNetwork:
    """All hosts, and what is between them.

    Attributes:
        hosts: by name, in the order in which they were first named.
        cuts: pairs of source and target between which nothing passes.
        default: the link between hosts for which none was set.
        noted: where unconnected sockets were told to go.
        random: draws what happens to segments.
        taps: called with (connection, side, bytes) of each write; side 0 is who connected.
        connection_taps: called with (connection, port) of each connection made.
    """

    def __init__(self, loop: SimLoop) -> None:
        self.loop = loop
        self.hosts: dict[str, Host] = {}
        self.default = Link()
        self.noted: dict[socket.socket, Any] = {}
        self.taps: list[Callable[[int, int, bytes], None]] = []
        self.connection_taps: list[Callable[[int, int], None]] = []
        self.random = Draws(loop.seed, "network").random
        self._by_ip: dict[str, Host] = {}
        self._links: dict[tuple[str, str], Link] = {}
        self._free_at_ns: dict[tuple[str, str], int] = {}
        self.cuts: dict[tuple[str, str], None] = {}
        self._refusing: dict[str, None] = {}
        self._connections = 0
        self._ends: dict[int, tuple[SimTransport, SimTransport]] = {}
        self._buried: list[Incarnation] = []

    def record(self, kind: str, text: str, data: bytes = b"") -> None:
        """Add an event to the trace of the run."""
        self.loop.trace.record(self.loop.now_ns, kind, text, data)

    # --- hosts -------------------------------------------------------------------------------

    def host(self, name: str) -> Host:
        """Return the host of that name, made at first mention."""
        host = self.hosts.get(name)
        if host is None:
            number = len(self.hosts) + 1
            host = Host(self, name, f"10.0.{number // 250}.{number % 250 + 1}")
            self.hosts[name] = self._by_ip[host.ip] = host
        return host

    def name_of(self, ip: str) -> str:
        """Return the name of the host with that address, or the address."""
        host = self._by_ip.get(ip)
        return ip if host is None else host.name

    def getaddrinfo(self, host: Any, port: Any) -> list[Any]:
        """Resolve a name as `socket.getaddrinfo` does.

        Raises:
            socket.gaierror: no such host.
        """
        name = host.decode() if isinstance(host, bytes) else host
        if name is None or name in _OWN:
            ip = self.loop.here.host.ip
        elif name in self.hosts:
            ip = self.hosts[name].ip
        elif name in self._by_ip:
            ip = name
        else:
            raise socket.gaierror(socket.EAI_NONAME, f"simulated DNS: unknown host {name!r}")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, int(port or 0)))]

    def bury(self, incarnation: Incarnation) -> None:
        """Keep a dead incarnation's tasks, so that nothing of them is run by being freed."""
        self._buried.append(incarnation)

    def forget(self) -> None:
        """Let go of all connections, as closed ones: whoever still holds one says nothing."""
        for ends in self._ends.values():
            for end in ends:
                end.gone = end._closing = True
                end.incarnation.transports.clear()
        self._ends.clear()

    def incarnations(self) -> list[Incarnation]:
        """Return all that ever were: the dead, then the living."""
        return [*self._buried, *(host.incarnation for host in self.hosts.values())]

    # --- faults ------------------------------------------------------------------------------

    def partition(self, a: Names, b: Names, *, oneway: bool = False) -> None:
        """Let nothing through from `a` to `b`, and back unless `oneway`."""
        ones, others = _names(a), _names(b)
        self.record("fault", f"partition {ones} {others} {oneway}")
        for one in ones:
            for other in others:
                if one != other:
                    self.cuts[one, other] = None
                    if not oneway:
                        self.cuts[other, one] = None

    def heal(self, a: Names | None = None, b: Names | None = None) -> None:
        """End partitions: those between `a` and `b`, all those of `a`, or all."""
        ones = None if a is None else _names(a)
        others = None if b is None else _names(b)
        self.record("fault", f"heal {ones} {others}")
        for pair in list(self.cuts):
            if ones is None or any(
                one in ones and (others is None or other in others)
                for one, other in (pair, pair[::-1])
            ):
                del self.cuts[pair]

    def set_link(
        self,
        a: Names,
        b: Names,
        *,
        latency: float | tuple[float, float] | None = None,
        loss: float | None = None,
        bandwidth: float | None = None,
        oneway: bool = False,
    ) -> None:
        """Change the links from `a` to `b`, and back unless `oneway`.

        None leaves a property as it is.
        """
        ones, others = _names(a), _names(b)
        changes: dict[str, Any] = {}
        if latency is not None:
            changes["latency"] = latency if isinstance(latency, tuple) else (latency, latency)
        if loss is not None:
            changes["loss"] = loss
        if bandwidth is not None:
            changes["bandwidth"] = bandwidth
        self.record("fault", f"link {ones} {others} {sorted(changes.items())}")
        for one in ones:
            for other in others:
                pairs = ((one, other),) if oneway else ((one, other), (other, one))
                for pair in pairs:
                    self._links[pair] = replace(self._links.get(pair, self.default), **changes)

    def clear_links(self) -> None:
        """Make every link the default one again."""
        self.record("fault", "clear links")
        self._links.clear()

    def reset(self, a: Names, b: Names | None = None) -> int:
        """Reset all connections between `a` and `b`, or all of `a`; return how many."""
        ones = _names(a)
        others = None if b is None else _names(b)
        count = 0
        for number, pair in list(self._ends.items()):
            if pair[0].gone and pair[1].gone:
                del self._ends[number]
                continue
            one, other = (end.incarnation.host.name for end in pair)
            if (one in ones and (others is None or other in others)) or (
                other in ones and (others is None or one in others)
            ):
                count += 1
                for end in pair:
                    end.cut_off()
        self.record("fault", f"reset {ones} {others} {count}")
        return count

    def refuse(self, host: str, *, refuse: bool = True) -> None:
        """Refuse new connections to a host, or accept them again."""
        self.record("fault", f"refuse {host} {refuse}")
        if refuse:
            self._refusing[host] = None
        else:
            self._refusing.pop(host, None)

    # --- what connections ask ----------------------------------------------------------------

    def is_cut(self, source: str, target: str) -> bool:
        """Say whether nothing gets from `source` to `target`."""
        return (source, target) in self.cuts

    def arrival_ns(self, pair: tuple[str, str], size: int, start_ns: int) -> int:
        """Draw when `size` bytes arrive that leave the first host for the second at `start_ns`."""
        link = _WITHIN_HOST if pair[0] == pair[1] else self._links.get(pair, self.default)
        low, high = link.latency
        draw = self.random
        delay = low + (high - low) * draw()
        if link.loss:
            while draw() < link.loss:
                delay += RTO_S * (1 + 5 * draw())
        if link.bandwidth:
            start_ns = max(start_ns, self._free_at_ns.get(pair, 0))
            start_ns += int(size / link.bandwidth * NS)
            self._free_at_ns[pair] = start_ns
        return start_ns + int(delay * NS)

    def after_delay(
        self, source: str, target: str, action: Callable[..., Any], *args: Any
    ) -> None:
        """Run `action` when a small segment from `source` would reach `target`."""
        at_ns = self.arrival_ns((source, target), 0, self.loop.monotonic_ns())
        self.loop.at_ns(at_ns, action, *args)

    def split(self, count: int) -> int:
        """Draw how many of `count` bytes come in the first piece, less than all."""
        return int(self.random() * count)

    # --- connecting --------------------------------------------------------------------------

    async def connect(self, ip: str, port: int) -> SimTransport:
        """Return this end of a new connection from the running host.

        Raises:
            OSError: refused, timed out, or no such host.
        """
        source, target = self.loop.here, self._by_ip.get(ip)
        if target is None:
            raise OSError(errno.EHOSTUNREACH, f"no simulated host {ip}")
        self._connections += 1
        attempt = _Attempt(self, self._connections, source, target, port)
        self.record("syn", f"{attempt.number} {source.host.name} {target.name} {port}")
        attempt.send()
        transport: SimTransport = await attempt.future
        return transport

    def listener(self, host: Host, port: int) -> SimServer | None:
        """Return who listens there, None where the kernel would refuse."""
        refused = not host.up or host.name in self._refusing
        server = None if refused else host.incarnation.listeners.get(port)
        return server if server is not None and server.is_serving() else None

    def join(self, number: int, port: int, ends: tuple[SimTransport, SimTransport]) -> None:
        """Take in a connection."""
        for tap in self.connection_taps:
            tap(number, port)
        one, other = ends
        one.pipe, other.pipe = Pipe(self, one, other), Pipe(self, other, one)
        self._ends[number] = ends


class _Attempt:
    """One connection being made: SYN, SYN-ACK or RST, and tries after 1, 2, 4 ... seconds."""

    def __init__(
        self, network: SimNetwork, number: int, source: Incarnation, target: Host, port: int
    ) -> None:
        self.network = network
        self.number = number
        self.future = network.loop.create_future()
        self._source = source
        self._target = target
        self._port = port
        self._context = contextvars.copy_context()
        self._context.run(HOST.set, source)
        self._tries = 0

    def send(self) -> None:
        """Send a SYN, or find that it is time to give up."""
        if self.future.done() or not self._source.alive:
            return
        if self._tries > SYN_RETRIES:
            error = TimeoutError(errno.ETIMEDOUT, "Connection timed out")
            self._settle(self._fail, error)
            return
        loop, here, there = self.network.loop, self._source.host.name, self._target.name
        if self._lost(here, there) or self._lost(there, here) or not self._target.powered:
            loop.at_ns(loop.now_ns + 2**self._tries * NS, self.send)
            self._tries += 1
        else:
            self.network.after_delay(here, there, self._arrive)

    def _lost(self, source: str, target: str) -> bool:
        return self.network.is_cut(source, target)

    def _arrive(self) -> None:
        network, here, there = self.network, self._source.host, self._target
        if self._lost(here.name, there.name) or not there.powered:
            network.loop.at_ns(network.loop.now_ns + 2**self._tries * NS, self.send)
            self._tries += 1
            return
        server = network.listener(there, self._port)
        if server is None:
            network.record("refused", str(self.number))
            text = f"Connect call failed {(there.ip, self._port)}"
            error = ConnectionRefusedError(errno.ECONNREFUSED, text)
            network.after_delay(there.name, here.name, self._settle, self._fail, error)
            return
        local, remote = (here.ip, self._source.free_port()), (there.ip, self._port)
        near = SimTransport(network, self._source, self.number, 0, self._context, local, remote)
        context = server.context.copy()
        far = SimTransport(network, there.incarnation, self.number, 1, context, remote, local)
        network.join(self.number, self._port, (near, far))
        network.record("accept", str(self.number))
        network.loop.call_soon(server.accept, far, context=context)
        network.after_delay(there.name, here.name, self._settle, self._connected, near)

    def _settle(self, action: Callable[..., None], *args: Any) -> None:
        """Let the host that waits hear of the outcome."""
        self.network.loop.call_soon(action, *args, context=self._context)

    def _fail(self, error: OSError) -> None:
        if not self.future.done():
            self.future.set_exception(error)

    def _connected(self, near: SimTransport) -> None:
        if self.future.done():
            near.abort()  # whoever wanted it has given up
        else:
            self.future.set_result(near)


def _names(given: Names) -> list[str]:
    if isinstance(given, (str, Host)):
        given = [given]
    names = [item.name if isinstance(item, Host) else item for item in given]
    return sorted(names)
