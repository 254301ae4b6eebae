"""Where brokers run: the default place, and brokers that each have a network of their own."""

from __future__ import annotations

import asyncio
import contextvars
import time
from dataclasses import replace

import pytest

from minikafka import AsyncCluster
from minikafka.base.clock import LoopClock
from minikafka.base.seeds import Seeds
from minikafka.cluster.hosting import LocalHosting, Place
from minikafka.net.network import Network

RUNS_ON: contextvars.ContextVar[str] = contextvars.ContextVar("RUNS_ON", default="elsewhere")


def local(port: int = 0, transport: str = "memory") -> LocalHosting:
    """Return the hosting that a cluster has without another."""
    loop = asyncio.get_running_loop()
    clock = LoopClock(loop.time, lambda: time.time_ns() // 1_000_000)
    network = Network(loop, "tcp" if transport == "tcp" else "memory")
    return LocalHosting(network, clock, "127.0.0.1", "127.0.0.1", port, Seeds(1))


class Apart(LocalHosting):
    """Gives each start of a broker a network and a context of its own.

    `heard` has the context in which each broker was heard to do something, by the port of it.
    """

    def __init__(self) -> None:
        first = local(transport="tcp")
        super().__init__(first.network, first.clock, "127.0.0.1", "127.0.0.1", 0, Seeds(1))
        self._addresses: dict[int, tuple[str, int]] = {}
        self.starts: list[int] = []
        self.heard: dict[str, set[str]] = {}

    def place(self, broker: int) -> Place:
        """Return the usual place, but apart from the others."""
        self.starts.append(broker)
        name = f"b{broker}"
        context = contextvars.copy_context()
        context.run(RUNS_ON.set, name)
        network = Network(asyncio.get_running_loop(), "tcp", self._addresses)
        return replace(
            super().place(broker),
            network=network,
            context=context.copy,
            observer=Listener(self.heard.setdefault(name, set())),
        )


class Listener:
    """An observer that notes where it is called."""

    def __init__(self, heard: set[str]) -> None:
        self._heard = heard

    def __getattr__(self, name: str) -> object:
        return lambda *_: self._heard.add(RUNS_ON.get())


async def test_storage_outlives_a_broker_and_ports_count_up() -> None:
    """Each broker finds its own storage again, and listens where its number says."""
    hosting = local(port=9092)
    first, other, again = hosting.place(1), hosting.place(2), hosting.place(1)
    assert first.storage is again.storage
    assert first.storage is not other.storage
    assert (first.port, other.port) == (9092, 9093)
    assert first.context() is not first.context()


async def test_all_that_a_broker_does_is_done_in_its_context() -> None:
    """Its tasks, its timers, its sockets, and what clients of this process ask of it."""
    hosting = Apart()
    async with AsyncCluster(hosting=hosting) as cluster:
        await cluster.create_topic("orders", partitions=3)
        for partition in range(3):
            await cluster.client().produce("orders", partition, [b"a"])
        assert hosting.starts == [3, 2, 1]
        assert RUNS_ON.get() == "elsewhere"
    assert hosting.heard == {"b1": {"b1"}, "b2": {"b2"}, "b3": {"b3"}}


async def test_each_start_has_an_incarnation_of_its_own() -> None:
    """The controller must tell a broker from the one it was before (KIP-631)."""
    config = {"broker.session.timeout.ms": 300, "broker.heartbeat.interval.ms": 40}
    async with AsyncCluster(2, config, seed=7) as cluster:
        drawn = [cluster._nodes[2].broker.lifecycle.incarnation_id]
        port = cluster._nodes[2].port
        servers = cluster.bootstrap_servers
        for _ in range(2):
            node = cluster._nodes[2]
            await node.stop()
            cluster.crashed(2)
            cluster.crashed(2)
            await cluster.boot(2)
            drawn.append(cluster._nodes[2].broker.lifecycle.incarnation_id)
            assert cluster._nodes[2].port == port
        assert len(set(drawn)) == 3
        assert cluster.bootstrap_servers == servers


async def test_only_who_crashed_is_booted() -> None:
    """A broker that runs, or that the cluster does not have, is a mistake that says so."""
    async with AsyncCluster(1) as cluster:
        for broker in (1, 2):
            with pytest.raises(RuntimeError, match="no broker that is down"):
                await cluster.boot(broker)
