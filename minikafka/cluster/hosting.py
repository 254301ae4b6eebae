"""Where the brokers of a cluster run: the seam between a cluster and its machines.

By default all run in this process, on the running loop, with a network of objects or of loopback
sockets between them. The simulator gives each a machine of its own.
"""

from __future__ import annotations

import contextvars
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from minikafka.base.clock import Clock
from minikafka.base.ids import ZERO_ID
from minikafka.base.seeds import Seeds, random_id
from minikafka.broker.observer import BrokerObserver
from minikafka.log.storage import MemoryStorage, Storage
from minikafka.net.links import Endpoint
from minikafka.net.network import Network

__all__ = ["Directories", "Hosting", "Links", "LocalHosting", "Place"]


@dataclass(frozen=True)
class Place:
    """Where one start of one broker runs.

    Args:
        host: the listeners bind there.
        advertised_host: what clients are told.
        port: of the listener for clients; 0 for a free one.
        broker_port: of the listener for brokers, where they talk over TCP; 0 for a free one.
        broker_host: that listener binds there; None for `host`.
        advertised_to_brokers: host, and port if it is not 0, that the other brokers are told;
            None where they share our network.
        network: how this broker reaches the others.
        storage: outlives the broker.
        context: returns a new context for each call, in which everything of the broker runs.
        observer: looks on, for checks.
        directory_id: of the storage; another one once the disk was replaced. ZERO_ID where it
            does not matter, because the voters are fixed by config.
    """

    host: str
    advertised_host: str
    port: int
    network: Network
    storage: Storage
    clock: Clock
    broker_port: int = 0
    context: Callable[[], contextvars.Context] = contextvars.copy_context
    observer: BrokerObserver | None = None
    broker_host: str | None = None
    advertised_to_brokers: tuple[str, int] | None = None
    directory_id: uuid.UUID = ZERO_ID


class Links(Protocol):
    """The links between brokers, by id, and clients, by name."""

    def partition(
        self, a: Iterable[Endpoint], b: Iterable[Endpoint], *, oneway: bool = False
    ) -> None:
        """Cut the links from `a` to `b`, and back unless `oneway`."""
        ...

    def set_link(self, a: Endpoint, b: Endpoint, *, latency: float) -> None:
        """Delay what `a` and `b` send each other by `latency` seconds each way."""
        ...

    def heal(self) -> None:
        """Make all links perfect again."""
        ...


class Hosting(Protocol):
    """Finds a place for each start of each broker."""

    @property
    def network(self) -> Links:
        """The links between the brokers."""
        ...

    @property
    def clock(self) -> Clock:
        """The clock of whoever asks the cluster from inside, not of a broker."""
        ...

    def directory_id(self, broker: int) -> uuid.UUID:
        """Return the id of the broker's disk."""
        ...

    def place(self, broker: int) -> Place:
        """Return where the broker runs now; the storage is that of its last start."""
        ...


class Directories:
    """The ids of disks, one after the other for each broker.

    Args:
        seeds: where they are drawn from.
    """

    def __init__(self, seeds: Seeds) -> None:
        self._seeds = seeds
        self._replaced: dict[int, int] = {}

    def id(self, broker: int) -> uuid.UUID:
        """Return the id of the disk that the broker has now."""
        number = self._replaced.get(broker, 0)
        return random_id(self._seeds.generator(f"directory:{broker}:{number}"))

    def replace(self, broker: int) -> None:
        """Give the broker another disk."""
        self._replaced[broker] = self._replaced.get(broker, 0) + 1


class LocalHosting:
    """All brokers in this process, on the running loop.

    Args:
        network: shared by all of them.
        clock: shared, too.
        port: of broker 1; broker i listens on port + i - 1; 0 for free ports.
        seeds: of the ids of their disks.
    """

    def __init__(
        self,
        network: Network,
        clock: Clock,
        host: str,
        advertised_host: str,
        port: int,
        seeds: Seeds,
    ) -> None:
        self.network = network
        self.clock = clock
        self._host = host
        self._advertised_host = advertised_host
        self._port = port
        self._storages: dict[int, MemoryStorage] = {}
        self._directories = Directories(seeds)

    def directory_id(self, broker: int) -> uuid.UUID:
        """Return the id of the broker's disk."""
        return self._directories.id(broker)

    def replace_disk(self, broker: int) -> None:
        """Give the broker, which must have ended, an empty disk."""
        self._storages.pop(broker, None)
        self._directories.replace(broker)

    def lose_power(self, broker: int) -> None:
        """Lose what the broker, which must have ended, has not flushed."""
        storage = self._storages.get(broker)
        if storage is not None:
            storage.lose_unflushed()

    def place(self, broker: int) -> Place:
        """Return a place in this process, with the storage the broker had before."""
        storage = self._storages.setdefault(broker, MemoryStorage())
        return Place(
            host=self._host,
            advertised_host=self._advertised_host,
            port=self._port + broker - 1 if self._port else 0,
            network=self.network,
            storage=storage,
            clock=self.clock,
            directory_id=self.directory_id(broker),
        )
