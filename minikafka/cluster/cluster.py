"""AsyncCluster: several brokers in the running event loop, as one thing to start and stop.

Composes nodes, and gives them what they share: the network, the clock, the seeds, one storage
each. Must not know how a request is answered. Kafka counterpart:
org.apache.kafka.common.test.KafkaClusterTestKit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from types import MappingProxyType, TracebackType
from typing import Self

from minikafka.base.clock import Clock, LoopClock
from minikafka.base.config import BrokerConfig
from minikafka.base.ids import short_id
from minikafka.base.seeds import Seeds, random_id
from minikafka.cluster import moving, topics
from minikafka.cluster.client import Client
from minikafka.cluster.doors import fresh_seed, wall_ms
from minikafka.cluster.faults import Breakable
from minikafka.cluster.hosting import Hosting, Links, LocalHosting
from minikafka.cluster.node import Node
from minikafka.cluster.observe import ClusterView
from minikafka.cluster.topics import ConfigInput
from minikafka.cluster.visible import VisibleCluster
from minikafka.cluster.voting import VotingCluster, first_voters
from minikafka.cluster.waiting import Changes
from minikafka.net.network import Network, Transport
from minikafka.quorum.voters import VoterSet

__all__ = ["AsyncCluster"]

START_TIMEOUT_S = 30.0
"""How long brokers may take to register before `start` gives up."""

TOPIC_TIMEOUT_S = 30.0

_EVERY_INTERFACE = ("", "0.0.0.0", "::")


# DIVERGENCE(groups-sooner): Kafka's values are 3 s, 5 s and 5 s.
SOONER: Mapping[str, ConfigInput] = MappingProxyType(
    {
        "group.initial.rebalance.delay.ms": 30,
        "group.consumer.min.heartbeat.interval.ms": 100,
        "group.consumer.heartbeat.interval.ms": 100,
    }
)
"""Defaults of a test double: nearly every test of a consumer would wait for Kafka's."""


class AsyncCluster(Breakable, VisibleCluster, VotingCluster):
    """A Kafka cluster on the running loop.

    Use it as a context manager, or call `start` and `close`.

    Args:
        brokers: how many; their ids are 1 to `brokers`. Broker 1 is the first controller.
        config: broker configs by Kafka's names, for every broker.
        host: where the listeners bind.
        advertised_host: what clients are told; None is `host`, or localhost where that is the
            address of every interface, to which nobody can connect.
        port: 0 for free ports, else broker i listens on port + i - 1.
        racks: `broker.rack` of each broker, in order of the ids.
        seed: fixes every id and every choice; without one no two clusters are alike.
        transport: how the brokers reach each other, as objects or as bytes over loopback.
        hosting: where the brokers run; None is this process, as the other arguments say.
        voters: how many of the brokers vote in the metadata quorum, the first ones; None is 3,
            or 1 where there are fewer brokers. The other brokers observe.

    Raises:
        ConfigError: a config that Kafka does not know or refuses.
        ValueError: no broker, a port out of range, or racks that do not match the brokers.
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
        hosting: Hosting | None = None,
        voters: int | None = None,
    ) -> None:
        super().__init__()
        if brokers < 1:
            raise ValueError(f"a cluster has at least one broker, not {brokers}")
        if not 0 <= port <= 65_535 - (brokers - 1):
            raise ValueError(f"{brokers} brokers from port {port} on do not fit below 65536")
        if racks is not None and len(racks) != brokers:
            raise ValueError(f"{len(racks)} racks for {brokers} brokers")
        if transport not in ("memory", "tcp"):
            raise ValueError(f"transport is memory or tcp, not {transport!r}")
        if voters is not None and not 1 <= voters <= brokers:
            raise ValueError(f"{voters} voters among {brokers} brokers")
        self._ids = tuple(range(1, brokers + 1))
        self._voter_count = voters or (3 if brokers >= 3 else 1)
        self._voters = VoterSet(())
        self._host = host
        self._advertised_host = advertised_host or (
            "localhost" if host in _EVERY_INTERFACE else host
        )
        self._port = port
        self._transport: Transport = transport
        self._seeds = Seeds(fresh_seed() if seed is None else seed)
        self._given = given = {**SOONER, **(config or {})}
        self._configs = {
            broker: BrokerConfig.parse(
                broker, given if racks is None else {**given, "broker.rack": racks[broker - 1]}
            )
            for broker in self._ids
        }
        self._replication_factor_given = "default.replication.factor" in given
        self._nodes: dict[int, Node] = {}
        self._view = ClusterView(self._nodes)
        self._changes = Changes()
        self._hosting = hosting
        self._cluster_id = short_id(random_id(self._seeds.generator("cluster_id")))
        self._starts: dict[int, int] = {}
        self._ports: dict[int, int] = {}
        self._clock: Clock | None = None
        self._bootstrap_servers = ""

    # --- life ---------------------------------------------------------------------------

    async def start(self) -> None:
        """Every broker is registered, unfenced and listening.

        Raises:
            OSError: a port is in use; nothing is left running.
            TimeoutError: a broker did not come up.
        """
        if self._clock is not None:
            raise RuntimeError("the cluster was started before")
        loop = asyncio.get_running_loop()
        if self._hosting is None:
            self._hosting = LocalHosting(
                Network(loop, self._transport),
                LoopClock(loop.time, wall_ms),
                self._host,
                self._advertised_host,
                self._port,
                self._seeds,
            )
        self._voters = first_voters(self._hosting, self._ids[: self._voter_count])
        self._clock = self._hosting.clock
        nodes: list[Node] = []
        try:
            # The first voter last: it stands for election as it starts, and then needs the others.
            for broker in reversed(self._ids):
                nodes.insert(0, await self._start_node(broker))
            deadline = loop.time() + START_TIMEOUT_S
            for node in nodes:
                await node.within(node.ready(deadline))
        except BaseException:
            await self.close()
            raise
        self._bootstrap_servers = ",".join(node.address for node in nodes)

    async def boot(self, broker: int) -> None:
        """Start a broker again that is down: same storage, same port, another incarnation.

        Returns once it listens; it registers by itself.

        Raises:
            OSError: its port is in use.
            RuntimeError: it is not down, or the cluster was not started.
        """
        if broker in self._nodes or broker not in self._starts:
            raise RuntimeError(f"broker {broker} is no broker that is down")
        await self._start_node(broker)

    def crashed(self, broker: int) -> None:
        """Forget a broker whose process is gone; nothing of it is stopped. Twice is once.

        Whoever in this process waits for its answer is told NETWORK_EXCEPTION.
        """
        node = self._nodes.pop(broker, None)
        if node is not None:
            node.hang_up()

    async def add_broker(self, rack: str | None = None) -> int:
        """One more broker is registered, unfenced and listening; return its id.

        It follows the metadata log without a vote, and holds nothing until partitions are
        created or moved there. `bootstrap_servers` stays as it was. Raises as `start` does.
        """
        broker = max(self._starts) + 1
        given = self._given if rack is None else {**self._given, "broker.rack": rack}
        self._configs[broker] = BrokerConfig.parse(broker, given)
        node = await self._start_node(broker)
        self._ids = (*self._ids, broker)
        deadline = asyncio.get_running_loop().time() + START_TIMEOUT_S
        await node.within(node.ready(deadline))
        return broker

    async def retire_broker(self, broker: int) -> None:
        """A broker has left for ever, and its id is free; what it held is to be moved first.

        Its vote goes with it. Raises ValueError for the only voter, and for no broker of this.
        """
        if broker not in self._ids or self.voters == (broker,):
            raise ValueError(f"broker {broker} cannot be retired")
        if broker in self.voters:
            await self.remove_voter(broker)
        self._ids = tuple(other for other in self._ids if other != broker)
        node = self._nodes.pop(broker, None)
        if node is not None:
            await _stop(node)
        await moving.unregister(self._view, broker)

    async def close(self) -> None:
        """Every broker has ended: no task, port or socket remains. Twice is once."""
        await self._end_faults()
        # Each of them, whatever another one raises. None leaves first: the last one could not.
        async with AsyncExitStack() as stack:
            for broker in sorted(self._nodes):
                node = self._nodes.pop(broker)
                stack.push_async_callback(_stop, node)

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

    async def _start_node(self, broker: int) -> Node:
        node = self._make_node(broker)
        try:
            await node.within(node.start())
        except BaseException:
            # It may have come as far as its listener.
            await _stop(node)
            raise
        self._nodes[broker] = node
        self._ports[broker] = node.port
        node.broker.on_change(self._changes.note)
        return node

    def _make_node(self, broker: int) -> Node:
        assert self._hosting is not None
        start = self._starts[broker] = self._starts.get(broker, 0) + 1
        # Each start draws an incarnation id of its own (KIP-631).
        name = f"broker-{broker}" if start == 1 else f"broker-{broker}:{start}"
        return Node(
            broker,
            self._configs[broker],
            cluster_id=self._cluster_id,
            voters=self._voters,
            seeds=self._seeds.child(name),
            place=self._hosting.place(broker),
            port=self._ports.get(broker, 0),
        )

    # --- what clients need ---------------------------------------------------------------

    @property
    def bootstrap_servers(self) -> str:
        """Addresses of all brokers, comma separated; the same as long as the cluster lives."""
        if not self._bootstrap_servers:
            raise RuntimeError("the cluster was not started")
        return self._bootstrap_servers

    @property
    def brokers(self) -> tuple[int, ...]:
        """Ids of all brokers, ascending, up or not."""
        return self._ids

    @property
    def network(self) -> Links:
        """The links between the brokers: `partition`, `set_link`, `heal`, by broker id."""
        if self._hosting is None:
            raise RuntimeError("the cluster was not started")
        return self._hosting.network

    def client(self) -> Client:
        """Return a raw client: one call, one request, no retries."""
        if self._clock is None:
            raise RuntimeError("the cluster was not started")
        return Client(self._view, self._clock)

    async def create_topic(
        self,
        name: str,
        *,
        partitions: int = 1,
        replication_factor: int | None = None,
        config: Mapping[str, ConfigInput] | None = None,
    ) -> None:
        """The topic exists on every broker that is up, and each partition has its leader.

        Args:
            replication_factor: None is `default.replication.factor` where the cluster was given
                one, else 3, or as many as there are brokers. (Kafka's own default is 1; a test
                of replication would not notice.) -1 asks the broker for its default.
            config: topic configs by Kafka's names.

        Raises:
            KafkaError: TOPIC_ALREADY_EXISTS, INVALID_TOPIC_EXCEPTION, INVALID_PARTITIONS,
                INVALID_REPLICATION_FACTOR, INVALID_CONFIG.
            TimeoutError: recorded, but not everywhere in time.
        """
        if replication_factor is None:
            default = min(3, len(self._ids))
            replication_factor = -1 if self._replication_factor_given else default
        topic_id = await topics.create_topic(
            self._view, name, partitions, replication_factor, config
        )
        await self.wait_until(
            topics.topic_is_ready(self._view, name, topic_id), timeout=TOPIC_TIMEOUT_S
        )

    async def delete_topic(self, name: str) -> None:
        """No broker that is up knows the topic any more.

        Raises:
            KafkaError: UNKNOWN_TOPIC_OR_PARTITION, TOPIC_DELETION_DISABLED.
        """
        await topics.delete_topic(self._view, name)
        await self.wait_until(topics.topic_is_gone(self._view, name), timeout=TOPIC_TIMEOUT_S)

    async def reassign(
        self,
        topic: str,
        partition: int,
        replicas: Sequence[int] | None,
        *,
        timeout: float = moving.MOVE_TIMEOUT_S,
    ) -> None:
        """The partition lives on these brokers, the first preferred; None gives its move up.

        Raises as `moving.begin_move`; TimeoutError while it still moves, and goes on.
        """
        await moving.begin_move(self._view, topic, partition, replicas)
        await self.wait_until(moving.is_at_rest(self._view, topic, partition), timeout)

    async def compact(self, topic: str) -> None:
        """All replicas that are up have compacted their logs; see `VisibleCluster.records`.

        Whatever min.cleanable.dirty.ratio says, and the newest segment, too. Tombstones stay for
        delete.retention.ms, and records that are not committed as they are.

        Raises:
            KafkaError: UNKNOWN_TOPIC_OR_PARTITION; INVALID_CONFIG where the topic's
                cleanup.policy is not to compact.
            TimeoutError: the in-sync replicas do not hear in time what is committed.
        """
        committed = self._view.committed_everywhere(topic)
        await self.wait_until(committed, timeout=TOPIC_TIMEOUT_S)
        for node, partition in self._view.compacted_replicas(topic):
            await node.within(node.broker.cleaner.compact(partition))

    # --- waiting -------------------------------------------------------------------------

    async def wait_until(self, predicate: Callable[[], bool], timeout: float = 10.0) -> None:
        """Return once `predicate()` is true; it is asked after every change of the cluster.

        Args:
            predicate: called in the loop's thread; must not block.
            timeout: seconds.

        Raises:
            TimeoutError: it was still false then; the message shows the cluster.
        """
        await self._changes.wait_until(predicate, timeout, self.status)

    async def next_change(self, timeout: float) -> None:
        """Return after the next change of the cluster, or a few milliseconds; for `Cluster`."""
        await self._changes.wait(timeout)


async def _stop(node: Node) -> None:
    await node.within(node.stop(leave=False))
