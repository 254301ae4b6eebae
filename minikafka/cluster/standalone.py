"""One broker in a process of its own: the same node, over TCP, with its place in a wider world.

Knows the voters by a list that is the same in every process, everybody else from metadata.
Counterpart: kafka.server.KafkaRaftServer with process.roles=broker,controller for a voter, and
broker for an observer; controller.quorum.voters.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

from minikafka.base.clock import LoopClock
from minikafka.base.config import BrokerConfig
from minikafka.base.ids import short_id
from minikafka.base.seeds import Seeds, random_id
from minikafka.cluster.data_directory import DataDirectory
from minikafka.cluster.doors import fresh_seed, wall_ms
from minikafka.cluster.hosting import Place
from minikafka.cluster.node import Node
from minikafka.log.fail_stop import FailStopStorage
from minikafka.log.storage import MemoryStorage, Storage
from minikafka.net.network import Network
from minikafka.quorum.voters import static_voters

__all__ = ["Address", "StandaloneBroker", "StandaloneOptions", "cluster_id_of"]

Address: TypeAlias = tuple[str, int]
_EVERY_INTERFACE = ("", "0.0.0.0", "::")
_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class StandaloneOptions:
    """What one broker has to know of itself and of the others.

    Args:
        voters: of the metadata quorum, by id: where each listens to brokers.
        listen: for clients; port 0 is a free one.
        broker_listen: for brokers; None is a voter's own address, or a free port.
        advertised_host: what clients are told; None is that of `listen`, or localhost where
            that is every interface.
        data: directory; None keeps everything in memory.
        cluster_id: None is the data directory's, or one that follows from the voters.
    """

    node_id: int
    voters: Mapping[int, Address]
    listen: Address = ("127.0.0.1", 9092)
    broker_listen: Address | None = None
    advertised_host: str | None = None
    data: Path | None = None
    cluster_id: str | None = None
    config: Mapping[str, str] = field(default_factory=dict)


def cluster_id_of(voters: Mapping[int, Address]) -> str:
    """Return the same id in every process that is given the same voters, of Kafka's form."""
    text = ",".join(f"{voter}@{host}:{port}" for voter, (host, port) in sorted(voters.items()))
    digest = hashlib.blake2b(text.encode(), digest_size=_ID_BYTES).digest()
    return short_id(UUID(bytes=digest))


class StandaloneBroker:
    """One broker, from `start` to `stop`; made in a running loop.

    Attributes:
        failed: gets the error with which the data directory failed; nothing is written after
            it, and the process should end at once.

    Raises:
        ConfigError: a config that Kafka does not know or refuses.
        DataDirectoryRefused, OSError: the data directory cannot be used.
    """

    def __init__(self, options: StandaloneOptions) -> None:
        loop = asyncio.get_running_loop()
        self.options = options
        self.failed: asyncio.Future[None] = loop.create_future()
        config = BrokerConfig.parse(options.node_id, dict(options.config))
        # Each start must have an incarnation id of its own, so there is no seed to give.
        seeds = Seeds(fresh_seed())
        self._directory: DataDirectory | None = None
        cluster_id = options.cluster_id or cluster_id_of(options.voters)
        storage: Storage = MemoryStorage()
        if options.data is not None:
            self._directory = DataDirectory(
                options.data,
                options.node_id,
                options.cluster_id,
                new_id=lambda: random_id(seeds.generator("directory")),
                default_cluster_id=cluster_id,
            )
            cluster_id = self._directory.cluster_id
            storage = FailStopStorage(self._directory.storage, self._on_failure)
        self._node = Node(
            options.node_id,
            config,
            cluster_id=cluster_id,
            voters=static_voters(tuple(options.voters)),
            seeds=seeds,
            place=self._place(loop, storage),
        )

    def _place(self, loop: asyncio.AbstractEventLoop, storage: Storage) -> Place:
        options = self.options
        host, port = options.listen
        own = options.voters.get(options.node_id)
        broker_host, broker_port = options.broker_listen or own or (host, 0)
        everywhere = broker_host in _EVERY_INTERFACE
        told = own or (socket.gethostname() if everywhere else broker_host, 0)
        return Place(
            host=host,
            advertised_host=options.advertised_host
            or ("localhost" if host in _EVERY_INTERFACE else host),
            port=port,
            network=Network(loop, "tcp", dict(options.voters)),
            storage=storage,
            clock=LoopClock(loop.time, wall_ms),
            broker_host=broker_host,
            broker_port=broker_port,
            advertised_to_brokers=told,
        )

    @property
    def address(self) -> str:
        """`host:port` that clients are told; good once `start` has returned."""
        return self._node.address

    @property
    def node(self) -> Node:
        """The broker with its listeners."""
        return self._node

    async def start(self) -> None:
        """Listen, and begin to look for the quorum.

        Raises:
            OSError: an address cannot be bound; `stop` clears up.
        """
        await self._node.start()

    async def ready(self) -> None:
        """Return once this broker is registered, unfenced and open to clients.

        Raises:
            TimeoutError: not within initial.broker.registration.timeout.ms; says why not.
        """
        timeout_s = self._node.config.initial_broker_registration_timeout_ms / 1000
        try:
            await self._node.ready(asyncio.get_running_loop().time() + timeout_s)
        except TimeoutError as error:
            raise TimeoutError(f"not registered within {timeout_s:g} s{self.why}") from error

    @property
    def why(self) -> str:
        """What last kept this broker from being registered, after a colon; or nothing."""
        refusal = self._node.broker.lifecycle.refusal
        return f": {refusal}" if refusal else ""

    async def stop(self) -> None:
        """Leave in good order, and let go of ports and directory."""
        try:
            await self._node.stop()
        finally:
            if self._directory is not None:
                self._directory.close()
            if self.failed.done():
                self.failed.exception()
            self.failed.cancel()

    def _on_failure(self, error: OSError) -> None:
        if not self.failed.done():
            self.failed.set_exception(error)
