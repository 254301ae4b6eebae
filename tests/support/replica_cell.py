"""Several brokers' replicas, fetchers and handlers on a loop that is turned by hand.

Real but for the controller and the sockets: the test writes the metadata records, says when
which broker applies them, and turns the loop.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from minikafka.apis.handlers import REGISTERED
from minikafka.base.config import BrokerConfig
from minikafka.base.deferred import Deferred
from minikafka.base.errors import KafkaError
from minikafka.base.seeds import Seeds
from minikafka.broker.context import RequestContext
from minikafka.broker.fetch_sessions import FetchSessionCache
from minikafka.broker.fetch_targets import read_target
from minikafka.broker.fetcher_manager import FetcherManager
from minikafka.broker.partition import Partition
from minikafka.broker.purgatory import Purgatory
from minikafka.broker.replica_fetcher import ReplicaFetcher
from minikafka.broker.replica_manager import ReplicaManager
from minikafka.log.storage import MemoryStorage
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.records import (
    BrokerRegistered,
    MetadataRecord,
    PartitionChanged,
    PartitionCreated,
    TopicCreated,
    TopicRemoved,
)
from minikafka.net.channel import MemoryChannel
from minikafka.net.links import LinkTable
from minikafka.wire.fetch import FetchPartition, FetchRequest, FetchTopic
from minikafka.wire.produce import ProducePartition, ProduceRequest, ProduceTopic
from minikafka.wire.versions import ApiKey
from tests.support.builders import batch_of
from tests.support.manual_loop import ManualLoop

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["Cell", "Member", "asked", "by_id", "topic_id", "watch_reads"]

BROKER_EPOCH = 100  # plus the broker's id


def topic_id(number: int) -> uuid.UUID:
    """Return the id of the topic that was created as the `number`th, from 0."""
    return uuid.UUID(int=1_000 + number)


class Member:
    """One broker of a cell, as handlers see it."""

    def __init__(self, cell: Cell, node_id: int, config: dict[str, str | int]) -> None:
        loop = cell.loop
        self.node_id = node_id
        self.config = BrokerConfig.parse(node_id, config)
        self.clock = loop.clock
        self.image = MetadataImage.empty(self.config)
        self.applied = 0
        self.requests: list[Any] = []
        self.wishes: list[Partition] = []
        self.on_isr_wanted: Callable[[Partition], None] = self.wishes.append
        self.purgatory = Purgatory(loop.clock, loop.as_loop)
        self._cell = cell
        self.fetchers = FetcherManager(self._make_fetcher)
        self.storage = MemoryStorage()
        self.replicas = ReplicaManager(
            node_id,
            self.config,
            self.storage,
            loop.clock,
            self.purgatory,
            on_role=self.fetchers.on_role,
            on_isr_wanted=self._isr_wanted,
        )
        self.fetch_sessions = FetchSessionCache(
            self.config.max_incremental_fetch_session_cache_slots,
            self.replicas,
            Seeds("cell").generator(f"sessions-{node_id}"),
            loop.turns.soon,
        )

    def partition(self, topic: str = "t", index: int = 0) -> Partition:
        """Return a replica that is hosted here."""
        found = self.replicas.partition((topic, index))
        assert found is not None
        return found

    def call(
        self,
        api_key: int,
        version: int,
        request: object,
        *,
        client_id: str = "test",
        from_broker: bool = False,
    ) -> Deferred[Any]:
        """Answer one request, as the dispatcher does."""
        self.requests.append(request)
        if self._cell.ids_only and isinstance(request, FetchRequest):
            for topic in (*request.topics, *request.forgotten):
                topic.name = None
        registration = REGISTERED[api_key]
        context = RequestContext(
            cast("Broker", self), version, client_id, 0, self.clock.monotonic_ms(), from_broker
        )
        try:
            value = registration.handler(request, context)
        except KafkaError as error:
            assert registration.on_error is not None
            value = registration.on_error(request, error, version)
        if isinstance(value, Deferred):
            return value
        answer: Deferred[Any] = Deferred()
        answer.set(value)
        return answer

    def fetch(self, version: int = 17, **fields: Any) -> Deferred[Any]:
        """Send a Fetch request made of its fields."""
        return self.call(ApiKey.FETCH, version, FetchRequest(**fields))

    def produce(
        self, *values: bytes, topic: str = "t", index: int = 0, acks: int = -1, **more: Any
    ) -> Deferred[Any]:
        """Send one batch with a record for each value."""
        records = batch_of(*[1_700_000_000_000] * len(values), value=b"".join(values)).view
        asked = [ProduceTopic(topic, None, [ProducePartition(index, records)])]
        timeout_ms = more.pop("timeout_ms", 30_000)
        return self.call(
            ApiKey.PRODUCE, 12, ProduceRequest(None, acks, timeout_ms, asked), **more
        )

    def _isr_wanted(self, partition: Partition) -> None:
        self.on_isr_wanted(partition)

    def _make_fetcher(self, leader_id: int) -> ReplicaFetcher:
        loop = self._cell.loop
        channel = MemoryChannel(
            self.node_id,
            leader_id,
            self._cell.links,
            loop.as_loop,
            self.config.replica_socket_timeout_ms,
            lambda: self._cell.members.get(leader_id),
        )
        return ReplicaFetcher(
            self.node_id,
            leader_id,
            channel,
            self.config,
            loop.as_loop,
            loop.turns,
            broker_epoch=lambda: BROKER_EPOCH + self.node_id,
            on_change=lambda: None,
            quota=self.replicas.throttles.follower,
            now_ms=loop.clock.monotonic_ms,
        )


class Cell:
    """Brokers 1 to `brokers`, all registered and unfenced.

    Attributes:
        ids_only: requests say topic ids and no names, as over a socket.
    """

    ids_only = False

    def __init__(
        self, brokers: int = 3, *, racks: tuple[str, ...] = (), **config: str | int
    ) -> None:
        self.loop = ManualLoop()
        self.links = LinkTable(self.loop.turns)
        self.members: dict[int, Member] = {}
        self.log: list[MetadataRecord] = []
        named = {key.replace("_", "."): value for key, value in config.items()}
        ids = range(1, brokers + 1)
        for node_id in ids:
            self.members[node_id] = Member(self, node_id, named)
        self._racks = dict(zip(ids, racks, strict=False))
        self.write(*(self._registered(node_id) for node_id in ids))

    def __getitem__(self, node_id: int) -> Member:
        return self.members[node_id]

    # metadata

    def write(self, *records: MetadataRecord, run: bool = True) -> None:
        """Commit records; with `run` every broker applies them and the loop turns."""
        self.log.extend(records)
        if run:
            self.apply()
            self.loop.run()

    def apply(self, *node_ids: int, up_to: int | None = None) -> None:
        """Let brokers, all by default, apply what is committed."""
        end = len(self.log) if up_to is None else min(up_to, len(self.log))
        for node_id in node_ids or tuple(self.members):
            member = self.members[node_id]
            if member.applied < end:
                news = self.log[member.applied : end]
                member.image, delta = member.image.apply(news, end)
                member.applied = end
                member.replicas.apply(member.image, delta)

    def create(
        self,
        name: str = "t",
        *,
        number: int = 0,
        replicas: tuple[int, ...] = (1, 2, 3),
        partitions: int = 1,
        run: bool = True,
    ) -> None:
        """Create a topic whose partitions all have the same replicas, led by the first."""
        self.write(
            TopicCreated(name, topic_id(number)),
            *(
                PartitionCreated(topic_id(number), index, replicas, replicas, replicas[0], 0, 0)
                for index in range(partitions)
            ),
            run=run,
        )

    def delete(self, number: int = 0, *, run: bool = True) -> None:
        """Delete the topic with that number."""
        self.write(TopicRemoved(topic_id(number)), run=run)

    def change(
        self,
        *,
        leader: int,
        leader_epoch: int,
        isr: tuple[int, ...],
        partition_epoch: int,
        number: int = 0,
        index: int = 0,
        run: bool = True,
    ) -> None:
        """Commit a new leader or ISR."""
        self.write(
            PartitionChanged(
                topic_id(number), index, isr, leader, leader_epoch, partition_epoch
            ),
            run=run,
        )

    def close(self) -> None:
        """Stop every broker."""
        for member in self.members.values():
            member.fetchers.close()
            member.fetch_sessions.close()
            member.purgatory.close()

    def _registered(self, node_id: int) -> MetadataRecord:
        return BrokerRegistered(
            node_id,
            BROKER_EPOCH + node_id,
            uuid.UUID(int=node_id),
            f"host{node_id}",
            9_000 + node_id,
            self._racks.get(node_id),
            False,
        )


def asked(offset: int, *, index: int = 0, **more: Any) -> FetchPartition:
    """Return what a fetch wants of one partition, a megabyte of it."""
    return FetchPartition(index, fetch_offset=offset, max_bytes=1 << 20, **more)


def by_id(*partitions: FetchPartition, number: int = 0) -> list[FetchTopic]:
    """Return a request's topics: the one with that number, by id."""
    return [FetchTopic(None, topic_id(number), list(partitions))]


def watch_reads(record: Callable[[int], None]) -> Callable[..., Any]:
    """Return `read_target`, telling the partition index of each call."""

    def reading(replicas: Any, target: Any, **options: Any) -> Any:
        record(target.index)
        return read_target(replicas, target, **options)

    return reading
