"""A broker ends without a word and starts again over what it had written."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from minikafka import AsyncCluster, ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.log.clean_shutdown import take_clean_shutdown
from minikafka.net.network import Transport
from tests.unit.broker.test_observer import Watched

ORDERS = TopicPartition("orders", 0)
both = pytest.mark.parametrize("transport", ["memory", "tcp"])

# A silent broker is soon noticed; what a test must not wait for is long.
CONFIG: dict[str, Any] = {
    "broker.heartbeat.interval.ms": 40,
    "broker.session.timeout.ms": 300,
    "replica.lag.time.max.ms": 300,
    "replica.fetch.wait.max.ms": 100,
    "replica.fetch.backoff.ms": 20,
    "replica.socket.timeout.ms": 30_000,
    "min.insync.replicas": 2,
}
# The seed with which the one partition is led by the broker of that id.
LED_BY = {1: 11, 2: 1, 3: 2}


async def crash(cluster: AsyncCluster, broker: int) -> None:
    """End a broker as a process ends: its sockets are closed, and nobody is told."""
    node = cluster._nodes[broker]
    cluster.crashed(broker)
    node._place.network.unregister(broker)
    await node._server.stop()
    if node._broker_server is not None:
        await node._broker_server.stop()
    await node.broker.stop()
    # No process that is killed has the time to say that it shut down cleanly.
    take_clean_shutdown(node._place.storage)


def whole(cluster: AsyncCluster) -> bool:
    """Say whether every broker is alive and in the ISR of orders-0, with the same bytes."""
    nodes = [cluster._nodes[broker].broker for broker in cluster.brokers]
    state = cluster.describe("orders", 0)
    if not all(each.lifecycle.is_unfenced for each in nodes):
        return False
    if state.isr != set(cluster.brokers) or sorted(state.replica_states) != [1, 2, 3]:
        return False
    return len({cluster.log_bytes(broker, "orders", 0) for broker in cluster.brokers}) == 1


def led(cluster: AsyncCluster) -> bool:
    """Say whether the leader of orders-0 knows that it is."""
    leader = cluster.leader("orders", 0)
    if leader not in cluster._nodes:
        return False
    partition = cluster._nodes[leader].broker.replicas.partition(ORDERS)
    return partition is not None and partition.leader is not None


def offset(cluster: AsyncCluster, broker: int) -> int:
    """Return how far a broker has applied the metadata log."""
    return cluster._nodes[broker].broker.image.offset


@both
@pytest.mark.parametrize("leads", [2, 3])
async def test_broker_that_ended_comes_back_into_the_isr(
    transport: Transport, leads: int
) -> None:
    """Leader or follower: the others go on without it, and it catches up byte for byte."""
    async with AsyncCluster(config=CONFIG, transport=transport, seed=LED_BY[leads]) as cluster:
        await cluster.create_topic("orders")
        client = cluster.client()
        await client.produce("orders", 0, [b"before"])
        await crash(cluster, 2)
        await cluster.wait_until(lambda: cluster.isr("orders", 0) == {1, 3})
        await cluster.wait_until(lambda: led(cluster))
        await client.produce("orders", 0, [b"meanwhile"])
        await cluster.boot(2)
        await cluster.wait_until(lambda: whole(cluster))
        await client.produce("orders", 0, [b"after"])
        assert whole(cluster)
        values = [record.value for record in cluster.records("orders")]
        assert values == [b"before", b"meanwhile", b"after"]


@both
@pytest.mark.parametrize("leads", [1, 3])
async def test_metadata_stands_still_without_the_controller(
    transport: Transport, leads: int
) -> None:
    """With one voter nothing is decided while it is down; when it is back, all of it is."""
    config = {**CONFIG, "request.timeout.ms": 500}
    cluster = AsyncCluster(config=config, transport=transport, seed=LED_BY[leads], voters=1)
    async with cluster:
        await cluster.create_topic("orders")
        client = cluster.client()
        await client.produce("orders", 0, [b"before"])
        await crash(cluster, 1)
        stood = offset(cluster, 2)
        with pytest.raises(KafkaError):
            await asyncio.wait_for(cluster.create_topic("late"), 5)
        assert offset(cluster, 2) == offset(cluster, 3) == stood
        await cluster.boot(1)
        await cluster.wait_until(lambda: whole(cluster))
        await cluster.create_topic("late")
        await client.produce("orders", 0, [b"after"])
        await client.produce("late", 0, [b"late"])
        assert [record.value for record in cluster.records("orders")] == [b"before", b"after"]
        assert offset(cluster, 2) > stood


@both
async def test_another_voter_takes_over_from_a_controller_that_ended(
    transport: Transport,
) -> None:
    """The rest of the quorum goes on without it, fences it, and takes it in again."""
    config = {
        **CONFIG,
        "controller.quorum.election.timeout.ms": 50,
        "controller.quorum.fetch.timeout.ms": 200,
    }
    async with AsyncCluster(config=config, transport=transport, seed=LED_BY[1]) as cluster:
        await cluster.create_topic("orders")
        client = cluster.client()
        await client.produce("orders", 0, [b"before"])
        await crash(cluster, 1)
        await cluster.create_topic("late", replication_factor=2)
        await cluster.wait_until(lambda: led(cluster))
        await client.produce("orders", 0, [b"without it"])
        controllers = [cluster._nodes[broker].broker.controller_id for broker in (2, 3)]
        assert controllers[0] == controllers[1] != 1
        await cluster.boot(1)
        await cluster.wait_until(lambda: whole(cluster))
        await cluster.wait_until(
            lambda: offset(cluster, 1) == offset(cluster, 2) == offset(cluster, 3)
        )
        found = [record.value for record in cluster.records("orders")]
        assert found == [b"before", b"without it"]


@pytest.mark.parametrize("close", [False, True])
async def test_waiting_call_ends_with_its_broker(close: bool) -> None:
    """A client in this process learns from it what others learn from their connection."""
    async with AsyncCluster(config=CONFIG, seed=LED_BY[2]) as cluster:
        await cluster.create_topic("orders")
        cluster.network.partition([2], [1, 3])
        waiting = asyncio.create_task(cluster.client().produce("orders", 0, [b"a"]))
        await cluster.wait_until(
            lambda: cluster.describe("orders", 0).replica_states[2].log_end_offset == 1
        )
        if close:
            node = cluster._nodes[2]
            await node.stop(leave=False)
        else:
            await crash(cluster, 2)
        with pytest.raises(KafkaError) as ended:
            await asyncio.wait_for(waiting, 5)
        assert ended.value.code == ErrorCode.NETWORK_EXCEPTION
        cluster.network.heal()
        cluster.crashed(2)


async def test_broker_that_comes_back_leads_in_no_epoch_that_is_over() -> None:
    """Metadata still says that it leads; by its own registration that is history."""
    hosting = Watched()
    async with AsyncCluster(config=CONFIG, hosting=hosting, seed=LED_BY[2]) as cluster:
        await cluster.create_topic("orders")
        await crash(cluster, 2)
        listener = hosting.listeners[2]
        assert [told[1].topic_partition for told in listener.of("led")] == [ORDERS]
        listener.heard.clear()
        await cluster.boot(2)
        assert cluster.leader("orders", 0) == 2, "nobody has missed it yet"
        await cluster.wait_until(lambda: whole(cluster))
        assert listener.of("led") == []
