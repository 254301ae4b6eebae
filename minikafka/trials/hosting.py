"""Brokers on simulated hosts: broker i lives on host `b<i>`, with a disk and a network of its own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable

from minikafka.base.seeds import Seeds
from minikafka.broker.observer import BrokerObserver
from minikafka.cluster.hosting import Directories, Place
from minikafka.log.fail_stop import FailStopStorage
from minikafka.log.storage import MemoryStorage
from minikafka.net.links import Endpoint
from minikafka.net.network import Network
from minikafka.sim.disk import SimDisk
from minikafka.sim.hosts import Host
from minikafka.sim.loop import SimLoop

__all__ = ["BROKER_PORT", "CLIENT_PORT", "SimClock", "SimHosting", "SimLinks", "host_name"]

NS_PER_MS = 1_000_000
CLIENT_PORT = 9092
BROKER_PORT = 9093


def host_name(endpoint: Endpoint) -> str:
    """Return the name of the host on which a broker runs, or of a client's host: its own."""
    return f"b{endpoint}" if isinstance(endpoint, int) else endpoint


class SimClock:
    """The clocks of whatever host runs now, in whole milliseconds."""

    __slots__ = ("_loop",)

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop

    def monotonic_ms(self) -> int:
        """Return virtual milliseconds since the start, rounded down."""
        loop = self._loop
        return (loop.now_ns + loop.lag_ns) // NS_PER_MS

    def began_ms(self) -> int:
        """Return when what runs now began to: before what it has spent since."""
        return self._loop.now_ns // NS_PER_MS

    def wall_ms(self) -> int:
        """Return milliseconds since 1970 on the running host's wall clock."""
        return self._loop.wall_ns() // NS_PER_MS


class SimLinks:
    """The links between brokers by their ids, as `AsyncCluster.network` has them."""

    def __init__(self, loop: SimLoop) -> None:
        self._network = loop.network

    def partition(
        self, a: Iterable[Endpoint], b: Iterable[Endpoint], *, oneway: bool = False
    ) -> None:
        """Cut the links from `a` to `b`, and back unless `oneway`."""
        self._network.partition(map(host_name, a), map(host_name, b), oneway=oneway)

    def set_link(self, a: Endpoint, b: Endpoint, *, latency: float) -> None:
        """Delay what `a` and `b` send each other by `latency` seconds each way."""
        self._network.set_link(host_name(a), host_name(b), latency=latency)

    def heal(self) -> None:
        """Make all links perfect again."""
        self._network.heal()
        self._network.clear_links()


class SimHosting:
    """Where the brokers of a simulated cluster run.

    Args:
        observer: makes the observer of one start of a broker.
    """

    def __init__(self, loop: SimLoop, observer: Callable[[int], BrokerObserver]) -> None:
        self.network = SimLinks(loop)
        self.clock = SimClock(loop)
        self._loop = loop
        self._observer = observer
        self._seeds = Seeds(loop.seed)
        self._addresses: dict[int, tuple[str, int]] = {}
        self._disks: dict[int, SimDisk] = {}
        self._directories = Directories(self._seeds)

    def directory_id(self, broker: int) -> uuid.UUID:
        """Return the id of the broker's disk."""
        return self._directories.id(broker)

    def replace_disk(self, broker: int) -> None:
        """Give the broker, which must be down, an empty disk."""
        self.disk(broker).replace()
        self._directories.replace(broker)

    def host(self, broker: int) -> Host:
        """Return the host of a broker."""
        return self._loop.network.host(host_name(broker))

    def disk(self, broker: int) -> SimDisk:
        """Return the disk of a broker, which outlives its crashes."""
        disk = self._disks.get(broker)
        if disk is None:
            host = self.host(broker)
            draws = self._seeds.generator(f"disk-{broker}")
            disk = self._disks[broker] = SimDisk(host, MemoryStorage(), draws)
            host.disk = disk
        return disk

    def place(self, broker: int) -> Place:
        """Return a place on the broker's host for one start of it."""
        host, loop = self.host(broker), self._loop
        incarnation = host.incarnation

        def halt(error: OSError) -> None:
            # A broker whose only log directory fails ends its process.
            loop.network.record("note", f"{host.name} halts: {error}")
            if host.incarnation is incarnation:
                loop.at_ns(loop.now_ns, host.crash)

        return Place(
            host=host.name,
            advertised_host=host.name,
            port=CLIENT_PORT,
            broker_port=BROKER_PORT,
            network=Network(loop, "tcp", self._addresses),
            storage=FailStopStorage(self.disk(broker), halt),
            clock=self.clock,
            context=host.context,
            observer=self._observer(broker),
            directory_id=self.directory_id(broker),
        )
