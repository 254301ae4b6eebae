"""Cluster: the synchronous face of AsyncCluster, on a loop and a thread of its own.

Same names, same arguments. Every call runs on the cluster's loop while the caller waits, so it
is safe from any thread but the cluster's own. Adds no behaviour. Kafka counterpart:
org.apache.kafka.common.test.KafkaClusterTestKit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from minikafka.cluster.client import (
    Client,
    FetchResult,
    ListOffsetsResult,
    ProduceResult,
    ProducerIdResult,
    RecordLike,
)
from minikafka.cluster.cluster import AsyncCluster
from minikafka.cluster.consumer_records import Isolation
from minikafka.cluster.faults import CrashMode
from minikafka.cluster.loop_thread import LoopThread
from minikafka.cluster.moving import MOVE_TIMEOUT_S
from minikafka.cluster.overview import Overview
from minikafka.cluster.partition_state import PartitionState, Record
from minikafka.cluster.topics import ConfigInput
from minikafka.cluster.waiting import timeout_message
from minikafka.net.links import Endpoint
from minikafka.net.network import Transport
from minikafka.wire.versions import ApiKey

__all__ = ["Cluster", "SyncBroker", "SyncClient", "SyncNetwork"]


class SyncNetwork:
    """The links between brokers: `AsyncCluster.network`, from any thread."""

    def __init__(self, cluster: AsyncCluster, thread: LoopThread) -> None:
        self._cluster = cluster
        self._thread = thread

    def partition(
        self, a: Iterable[Endpoint], b: Iterable[Endpoint], *, oneway: bool = False
    ) -> None:
        """Cut the links from `a` to `b`, and back unless `oneway`."""
        self._thread.call(lambda: self._cluster.network.partition(a, b, oneway=oneway))

    def set_link(self, a: Endpoint, b: Endpoint, *, latency: float) -> None:
        """Delay what `a` and `b` send each other by `latency` seconds each way."""
        self._thread.call(lambda: self._cluster.network.set_link(a, b, latency=latency))

    def heal(self) -> None:
        """Make all links perfect again."""
        self._thread.call(self._cluster.network.heal)


class SyncClient:
    """The raw client of `Cluster.client`: as `Client`, but each call waits for its answer."""

    def __init__(self, client: Client, thread: LoopThread) -> None:
        self._client = client
        self._thread = thread

    def produce(
        self,
        topic: str,
        partition: int,
        records: Iterable[RecordLike],
        *,
        acks: int = -1,
        producer_id: int = -1,
        producer_epoch: int = -1,
        base_sequence: int = -1,
        timeout_ms: int = 30_000,
    ) -> ProduceResult:
        """Append the records as one batch; see `Client.produce`."""
        return self._thread.run(
            self._client.produce(
                topic,
                partition,
                records,
                acks=acks,
                producer_id=producer_id,
                producer_epoch=producer_epoch,
                base_sequence=base_sequence,
                timeout_ms=timeout_ms,
            )
        )

    def fetch(
        self,
        topic: str,
        partition: int,
        offset: int,
        *,
        isolation: Isolation = "read_uncommitted",
        max_wait_ms: int = 500,
        min_bytes: int = 1,
        max_bytes: int = 1 << 20,
    ) -> FetchResult:
        """Return committed records from `offset` on; see `Client.fetch`."""
        return self._thread.run(
            self._client.fetch(
                topic,
                partition,
                offset,
                isolation=isolation,
                max_wait_ms=max_wait_ms,
                min_bytes=min_bytes,
                max_bytes=max_bytes,
            )
        )

    def call(self, broker_id: int, key: ApiKey, version: int, request: Any) -> Any:
        """Return what one broker answers to any request; see `Client.call`."""
        return self._thread.run(self._client.call(broker_id, key, version, request))

    def list_offsets(
        self,
        topic: str,
        partition: int,
        timestamp: int = -1,
        *,
        isolation: Isolation = "read_uncommitted",
    ) -> ListOffsetsResult:
        """Return an offset by time; see `Client.list_offsets`."""
        return self._thread.run(
            self._client.list_offsets(topic, partition, timestamp, isolation=isolation)
        )

    def init_producer_id(self) -> ProducerIdResult:
        """Return a producer id that nobody else has; see `Client.init_producer_id`."""
        return self._thread.run(self._client.init_producer_id())


class SyncBroker:
    """One broker of a `Cluster`: as `BrokerHandle`, from any thread."""

    def __init__(self, cluster: Cluster, broker: int) -> None:
        self.id = broker
        self._cluster = cluster

    def stop(self) -> None:
        """Let it shut down in good order."""
        self._cluster.stop(self.id)

    def crash(self) -> None:
        """Let its process die; what it has written stays."""
        self._cluster.crash(self.id)

    def power_off(self) -> None:
        """Let its machine go dark; what it has not flushed is gone."""
        self._cluster.crash(self.id, "power")

    def start(self) -> None:
        """Start it again, over what its storage has kept."""
        self._cluster.restart(self.id)

    def replace_disk(self) -> None:
        """Give it, while it is down, an empty disk."""
        self._cluster.replace_disk(self.id)

    def pause(self) -> None:
        """Let it stand still."""
        self._cluster.pause(self.id)

    def resume(self) -> None:
        """Let it go on."""
        self._cluster.resume(self.id)


class Cluster:
    """A Kafka cluster on its own thread: for synchronous code and any client.

    Use it as a context manager, or call `start` and `close`. Arguments and errors as for
    `AsyncCluster`.
    """

    def __init__(
        self,
        brokers: int = 3,
        config: Mapping[str, ConfigInput] | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        racks: Sequence[str] | None = None,
        seed: int | str | None = None,
        transport: Transport = "memory",
        advertised_host: str | None = None,
        voters: int | None = None,
    ) -> None:
        self._cluster = AsyncCluster(
            brokers,
            config,
            host=host,
            port=port,
            racks=racks,
            seed=seed,
            transport=transport,
            advertised_host=advertised_host,
            voters=voters,
        )
        self._thread = LoopThread(self._cluster.start, self._cluster.close)
        self._network = SyncNetwork(self._cluster, self._thread)

    def start(self) -> None:
        """Every broker is registered, unfenced and listening; see `AsyncCluster.start`."""
        self._thread.start()

    def close(self) -> None:
        """Every broker has left, and the thread has ended. Twice is once."""
        self._thread.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def bootstrap_servers(self) -> str:
        """Addresses of all brokers, comma separated; the same as long as the cluster lives."""
        return self._cluster.bootstrap_servers

    @property
    def brokers(self) -> tuple[int, ...]:
        """Ids of all brokers, ascending, up or not."""
        return self._cluster.brokers

    @property
    def network(self) -> SyncNetwork:
        """The links between the brokers: `partition`, `set_link`, `heal`, by broker id."""
        return self._network

    def broker(self, broker: int) -> SyncBroker:
        """Return one broker, to stop, crash, pause and start it."""
        return SyncBroker(self, broker)

    def stop(self, broker: int) -> None:
        """A broker has shut down in good order; see `AsyncCluster.stop`."""
        self._thread.run(self._cluster.stop(broker))

    def crash(self, broker: int, mode: CrashMode = "kill") -> None:
        """A broker has ended without a word; see `AsyncCluster.crash`."""
        self._thread.run(self._cluster.crash(broker, mode))

    def restart(self, broker: int) -> None:
        """Start a broker that is down; see `AsyncCluster.restart`."""
        self._thread.run(self._cluster.restart(broker))

    def replace_disk(self, broker: int) -> None:
        """Give a broker that is down an empty disk; see `AsyncCluster.replace_disk`."""
        self._thread.call(self._cluster.replace_disk, broker)

    def pause(self, broker: int) -> None:
        """Let a broker stand still, as SIGSTOP does."""
        self._thread.call(self._cluster.pause, broker)

    def resume(self, broker: int) -> None:
        """Let a paused broker go on."""
        self._thread.call(self._cluster.resume, broker)

    def isolate(self, broker: int) -> None:
        """Cut a broker off all others until `network.heal`; its clients still reach it."""
        self._thread.call(self._cluster.isolate, broker)

    def client(self) -> SyncClient:
        """Return a raw client: one call, one request, no retries."""
        return SyncClient(self._thread.call(self._cluster.client), self._thread)

    def create_topic(
        self,
        name: str,
        *,
        partitions: int = 1,
        replication_factor: int | None = None,
        config: Mapping[str, ConfigInput] | None = None,
    ) -> None:
        """The topic exists and is led; see `AsyncCluster.create_topic`."""
        self._thread.run(
            self._cluster.create_topic(
                name,
                partitions=partitions,
                replication_factor=replication_factor,
                config=config,
            )
        )

    def delete_topic(self, name: str) -> None:
        """No broker that is up knows the topic any more."""
        self._thread.run(self._cluster.delete_topic(name))

    def add_broker(self, rack: str | None = None) -> int:
        """One more broker is up; return its id; see `AsyncCluster.add_broker`."""
        return self._thread.run(self._cluster.add_broker(rack))

    def retire_broker(self, broker: int) -> None:
        """A broker has left for ever; see `AsyncCluster.retire_broker`."""
        self._thread.run(self._cluster.retire_broker(broker))

    @property
    def voters(self) -> tuple[int, ...]:
        """Ids of the brokers that vote in the metadata quorum."""
        return self._thread.call(lambda: self._cluster.voters)

    def add_voter(self, broker: int) -> None:
        """A broker that is up has a vote; see `AsyncCluster.add_voter`."""
        self._thread.run(self._cluster.add_voter(broker))

    def remove_voter(self, broker: int) -> None:
        """A broker has no vote any more; see `AsyncCluster.remove_voter`."""
        self._thread.run(self._cluster.remove_voter(broker))

    def reassign(
        self,
        topic: str,
        partition: int,
        replicas: Sequence[int] | None,
        *,
        timeout: float = MOVE_TIMEOUT_S,
    ) -> None:
        """The partition lives on these brokers; see `AsyncCluster.reassign`."""
        self._thread.run(self._cluster.reassign(topic, partition, replicas, timeout=timeout))

    def leader(self, topic: str, partition: int) -> int | None:
        """Return the broker id of the leader, None while there is none."""
        return self._thread.call(self._cluster.leader, topic, partition)

    def controller(self) -> int | None:
        """Return the broker id of the controller, None while there is none."""
        return self._thread.call(self._cluster.controller)

    def isr(self, topic: str, partition: int) -> frozenset[int]:
        """Return the in-sync replicas as last recorded by the controller."""
        return self._thread.call(self._cluster.isr, topic, partition)

    def compact(self, topic: str) -> None:
        """All replicas have compacted their logs; see `AsyncCluster.compact`."""
        self._thread.run(self._cluster.compact(topic))

    def describe(self, topic: str, partition: int) -> PartitionState:
        """Return the state of a partition and of its replicas that are up."""
        return self._thread.call(self._cluster.describe, topic, partition)

    def records(
        self,
        topic: str,
        partition: int | None = None,
        *,
        isolation: Isolation = "read_committed",
    ) -> list[Record]:
        """Return what a consumer would read from the beginning, by partition and offset."""
        return self._thread.call(self._cluster.records, topic, partition, isolation=isolation)

    def log_bytes(self, broker_id: int, topic: str, partition: int) -> bytes:
        """Return every byte of one replica's log, to compare replicas with."""
        return self._thread.call(self._cluster.log_bytes, broker_id, topic, partition)

    def overview(self) -> Overview:
        """Return the whole cluster as it is now."""
        return self._thread.call(self._cluster.overview)

    def status(self) -> str:
        """Return the cluster's state in a few lines, for people."""
        return self._thread.call(self._cluster.status)

    def wait_until(self, predicate: Callable[[], bool], timeout: float = 10.0) -> None:
        """Return once `predicate()` is true; it is asked after every change of the cluster.

        Args:
            predicate: called in the caller's thread, so it may use this cluster or a client.
            timeout: seconds.

        Raises:
            TimeoutError: it was still false then; the message shows the cluster.
        """
        loop_time = self._thread.call(asyncio.get_running_loop).time
        deadline = loop_time() + timeout
        while not predicate():
            left = deadline - loop_time()
            if left <= 0:
                raise TimeoutError(timeout_message(timeout, self.status()))
            self._thread.run(self._cluster.next_change(left))
