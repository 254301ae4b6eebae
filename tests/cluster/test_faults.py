"""Faults of brokers on real sockets: what clients, other brokers and disks see of each."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import minikafka
from minikafka import AsyncCluster, ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.cluster.faults import CrashMode
from minikafka.net.network import Transport

CONFIG: dict[str, Any] = {
    "broker.heartbeat.interval.ms": 40,
    "broker.session.timeout.ms": 300,
    "replica.lag.time.max.ms": 300,
    "replica.fetch.wait.max.ms": 100,
    "replica.fetch.backoff.ms": 20,
    "replica.socket.timeout.ms": 400,
    "controller.quorum.request.timeout.ms": 300,
    "request.timeout.ms": 400,
    "min.insync.replicas": 2,
}
FULL = {1, 2, 3}
LED_BY_2 = 1
"""The seed with which the one partition is led by broker 2."""
API_VERSIONS = b"\0\0\0\x0a\0\x12\0\0\0\0\0\x07\xff\xff"

both = pytest.mark.parametrize("transport", ["memory", "tcp"])


def cluster_of(transport: Transport, **config: Any) -> AsyncCluster:
    """Return a cluster of three, whose partition orders-0 will be led by broker 2."""
    return AsyncCluster(config={**CONFIG, **config}, transport=transport, seed=LED_BY_2)


def whole(cluster: AsyncCluster) -> bool:
    """Say whether all replicas of orders-0 are in sync and equal."""
    state = cluster.describe("orders", 0)
    ends = {replica.log_end_offset for replica in state.replica_states.values()}
    return state.isr == FULL and len(state.replica_states) == 3 and len(ends) == 1


def leads(cluster: AsyncCluster) -> bool:
    """Say whether the leader of orders-0 knows that it is."""
    leader = cluster.leader("orders", 0)
    assert leader is not None
    partition = cluster._nodes[leader].broker.replicas.partition(TopicPartition("orders", 0))
    return partition is not None and partition.leader is not None


def values(cluster: AsyncCluster) -> list[bytes | None]:
    """Return what a consumer would read."""
    return [record.value for record in cluster.records("orders")]


async def connected(cluster: AsyncCluster, broker: int) -> tuple[Any, asyncio.StreamWriter]:
    """Return a client's connection over which one request was answered."""
    host, _, port = cluster.bootstrap_servers.split(",")[broker - 1].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(API_VERSIONS)
    size = await reader.readexactly(4)
    await reader.readexactly(int.from_bytes(size))
    return reader, writer


@both
@pytest.mark.parametrize("mode", ["kill", "power"])
async def test_crashed_leader_is_replaced_and_comes_back(
    transport: Transport, mode: CrashMode
) -> None:
    """Nothing acknowledged by all in-sync replicas is lost, whichever way it went."""
    async with cluster_of(transport) as cluster:
        await cluster.create_topic("orders")
        client = cluster.client()
        await client.produce("orders", 0, [b"before"])
        await cluster.crash(2, mode)
        await cluster.wait_until(lambda: cluster.leader("orders", 0) in (1, 3))
        await cluster.wait_until(lambda: cluster.isr("orders", 0) == {1, 3})
        await cluster.restart(2)
        await cluster.wait_until(lambda: whole(cluster))
        assert values(cluster) == [b"before"]
        assert cluster.bootstrap_servers.count(",") == 2


@both
async def test_power_takes_what_a_kill_leaves(transport: Transport) -> None:
    """A leader alone with a record comes back with it, or without, as its page cache did."""
    for mode in ("kill", "power"):
        async with cluster_of(transport, **{"broker.session.timeout.ms": 60_000}) as cluster:
            await cluster.create_topic("orders")
            cluster.network.partition([2], [1, 3])
            client = cluster.client()
            for value in (b"first", b"second"):
                await client.produce("orders", 0, [value], acks=1)
            await cluster.crash(2, mode)  # type: ignore[arg-type]
            await cluster.restart(2)
            storage = cluster._nodes[2]._place.storage
            kept = storage.size("orders-0/00000000000000000000.log")
            assert (kept > 0) == (mode == "kill")


async def test_kill_resets_connections_and_power_is_silence() -> None:
    """A dead process's kernel says so at once; a dark machine says nothing until it is back."""
    async with cluster_of("tcp") as cluster:
        killed, first = await connected(cluster, 3)
        await cluster.crash(3)
        with pytest.raises(ConnectionResetError):
            await killed.read(1)
        first.close()
        await cluster.restart(3)
        await cluster._nodes[3].ready(asyncio.get_running_loop().time() + 10)
        dark, second = await connected(cluster, 3)
        await cluster.crash(3, "power")
        second.write(API_VERSIONS)
        read = asyncio.create_task(dark.read(1))
        await cluster.wait_until(lambda: not cluster._view.image().is_active(3))
        assert not read.done()
        await cluster.restart(3)
        with pytest.raises(ConnectionResetError):
            await read
        second.close()


@both
async def test_paused_broker_hears_and_says_nothing_and_goes_on(transport: Transport) -> None:
    """Clients wait, the controller fences it; resumed, it answers what came meanwhile."""
    async with cluster_of(transport) as cluster:
        await cluster.create_topic("orders")
        reader, writer = await connected(cluster, 2)
        cluster.pause(2)
        cluster.pause(2)
        writer.write(API_VERSIONS)
        answer = asyncio.create_task(reader.readexactly(8))
        waiting = asyncio.create_task(cluster.client().produce("orders", 0, [b"late"]))
        await cluster.wait_until(lambda: cluster.leader("orders", 0) in (1, 3))
        assert not answer.done()
        assert not waiting.done()
        cluster.resume(2)
        assert (await answer)[4:] == b"\0\0\0\x07"
        with pytest.raises(KafkaError) as refused:
            await waiting
        assert refused.value.code in (
            ErrorCode.NOT_LEADER_OR_FOLLOWER,
            ErrorCode.REQUEST_TIMED_OUT,
            ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        )
        await cluster.wait_until(lambda: whole(cluster))
        writer.close()


@both
async def test_isolated_leader_is_replaced_and_acknowledges_nothing(
    transport: Transport,
) -> None:
    """Its clients reach it, and are promised nothing; healed, it follows."""
    async with cluster_of(transport) as cluster:
        await cluster.create_topic("orders")
        cluster.isolate(2)
        with pytest.raises(KafkaError):
            await cluster.client().produce("orders", 0, [b"zombie"], timeout_ms=200)
        await cluster.wait_until(lambda: cluster.leader("orders", 0) in (1, 3))
        await cluster.wait_until(lambda: leads(cluster))
        await cluster.client().produce("orders", 0, [b"counts"])
        cluster.network.heal()
        await cluster.wait_until(lambda: whole(cluster))
        assert values(cluster) == [b"counts"]


async def test_controller_that_is_cut_off_is_named_no_longer() -> None:
    """Both may think that they lead for a moment: the later epoch counts, also after the heal."""
    quick = {
        "controller.quorum.fetch.timeout.ms": 300,
        "controller.quorum.election.timeout.ms": 200,
    }
    async with cluster_of("memory", **quick) as cluster:
        first = cluster.controller()
        assert first is not None
        cluster.isolate(first)
        await cluster.wait_until(lambda: cluster.controller() not in (None, first))
        second = cluster.controller()
        cluster.network.heal()
        quorum = cluster._nodes[first].broker.quorum
        await cluster.wait_until(lambda: quorum.leader_id == second)
        assert cluster.controller() == second


async def test_what_cannot_be_is_refused() -> None:
    """A broker that is down does not crash, one that is up is not started, nobody is paused."""
    async with cluster_of("memory") as cluster:
        await cluster.crash(3, "power")
        with pytest.raises(RuntimeError, match="broker 3 is not up"):
            await cluster.crash(3)
        with pytest.raises(RuntimeError, match="broker 9 is no broker"):
            cluster.pause(9)
        with pytest.raises(RuntimeError, match="broker 2"):
            await cluster.restart(2)
        with pytest.raises(ValueError, match="not 'flood'"):
            await cluster.crash(2, "flood")  # type: ignore[arg-type]
        cluster.pause(2)


def test_synchronous_cluster_has_the_same_faults() -> None:
    """By the cluster and by the broker: stopped, crashed, without power, paused, isolated."""
    with minikafka.Cluster(config=CONFIG, transport="tcp", seed=LED_BY_2) as cluster:
        cluster.create_topic("orders")
        leader = cluster.leader("orders", 0)
        assert leader == 2
        broker = cluster.broker(leader)
        for end in (broker.crash, broker.power_off, broker.stop):
            end()
            cluster.wait_until(lambda: 2 not in cluster.isr("orders", 0))
            broker.start()
            cluster.wait_until(lambda: cluster.isr("orders", 0) == FULL)
        broker.pause()
        cluster.wait_until(lambda: 2 not in cluster.isr("orders", 0))
        broker.resume()
        cluster.wait_until(lambda: cluster.isr("orders", 0) == FULL)
        cluster.isolate(3)
        cluster.wait_until(lambda: 3 not in cluster.isr("orders", 0))
        cluster.network.heal()
        cluster.wait_until(lambda: cluster.isr("orders", 0) == FULL)
