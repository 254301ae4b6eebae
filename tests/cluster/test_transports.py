"""The same scenario end to end, whichever way the brokers reach each other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from minikafka import AsyncCluster, ErrorCode, KafkaError
from minikafka.net.network import Transport
from minikafka.wire.shapes import build_request
from minikafka.wire.versions import ApiKey

both = pytest.mark.parametrize("transport", ["memory", "tcp"])

# Waits that are long against a test's time, so that a test which needs one of them is slow.
PATIENT: dict[str, Any] = {"replica.fetch.wait.max.ms": 5_000, "request.timeout.ms": 30_000}
SOON_S = 2.5
# The seed with which the one partition is led by the controller, broker 1.
CONTROLLER_LEADS = 11


def replicas_agree(cluster: AsyncCluster, partitions: int) -> bool:
    """Say whether all replicas hold the same bytes and know the same offsets."""
    for partition in range(partitions):
        states = cluster.describe("orders", partition).replica_states.values()
        offsets = {
            (each.log_start_offset, each.log_end_offset, each.high_watermark) for each in states
        }
        logs = {cluster.log_bytes(each, "orders", partition) for each in cluster.brokers}
        if len(offsets) != 1 or len(logs) != 1:
            return False
    return True


async def delete_records(cluster: AsyncCluster, offset: int) -> int:
    """Delete the records of orders-0 below `offset`; return the low watermark."""
    partitions = [{"partition_index": 0, "offset": offset}]
    request = build_request(
        ApiKey.DELETE_RECORDS,
        2,
        {"topics": [{"name": "orders", "partitions": partitions}], "timeout": 30_000},
    )
    answer = await cluster._nodes[1].broker.forward(ApiKey.DELETE_RECORDS, 2, request)
    (told,) = answer.topics[0].partitions
    assert told.error_code.value == ErrorCode.NONE
    return int(told.low_watermark)


@both
async def test_a_topics_whole_life(transport: Transport) -> None:
    """Created, written with each kind of acks, cut, healed, cleaned, deleted, made anew."""
    config = {"replica.fetch.wait.max.ms": 20}
    async with AsyncCluster(brokers=3, transport=transport, config=config) as cluster:
        await cluster.create_topic("orders", partitions=6)
        client = cluster.client()
        for partition in range(6):
            for number, acks in enumerate((-1, 1, 0)):
                await client.produce("orders", partition, [b"%d" % number] * 3, acks=acks)
        await cluster.wait_until(lambda: len(cluster.records("orders")) == 54)
        await cluster.wait_until(lambda: replicas_agree(cluster, 6))
        leader = cluster.leader("orders", 5)
        assert leader is not None
        cluster.network.partition([leader], set(cluster.brokers) - {leader})
        with pytest.raises(KafkaError, match="REQUEST_TIMED_OUT"):
            await client.produce("orders", 5, [b"late"], timeout_ms=30)
        assert (await client.list_offsets("orders", 5)).offset == 9
        cluster.network.heal()
        await cluster.wait_until(lambda: len(cluster.records("orders", 5)) == 10)
        fetched = await client.fetch("orders", 5, 8)
        assert [record.value for record in fetched.records] == [b"2", b"late"]
        await cluster.wait_until(lambda: replicas_agree(cluster, 6))
        await cluster.delete_topic("orders")
        await cluster.create_topic("orders")
        assert (await client.produce("orders", 0, [b"new"])).base_offset == 0
        assert [record.value for record in cluster.records("orders")] == [b"new"]


@both
async def test_deleted_records_are_gone_everywhere_at_once(transport: Transport) -> None:
    """The followers' fetches wait for records, and hear of a new log start all the same."""
    async with AsyncCluster(
        brokers=3, transport=transport, config=PATIENT, seed=CONTROLLER_LEADS
    ) as cluster:
        await cluster.create_topic("orders")
        assert cluster.leader("orders", 0) == 1, "the seed lets the controller lead"
        for value in (b"a", b"b", b"c"):
            await cluster.client().produce("orders", 0, [value])
        assert await asyncio.wait_for(delete_records(cluster, 2), SOON_S) == 2
        states = cluster.describe("orders", 0).replica_states.values()
        assert [each.log_start_offset for each in states] == [2, 2, 2]


@both
async def test_topic_deleted_under_a_waiting_produce_is_told(transport: Transport) -> None:
    """UNKNOWN_TOPIC_OR_PARTITION at once, and not the producer's deadline."""
    async with AsyncCluster(
        brokers=3, transport=transport, config=PATIENT, seed=CONTROLLER_LEADS
    ) as cluster:
        await cluster.create_topic("orders")
        cluster.network.partition([1], [2])
        waiting = asyncio.create_task(cluster.client().produce("orders", 0, [b"a"]))
        await cluster.wait_until(
            lambda: cluster.describe("orders", 0).replica_states[1].log_end_offset == 1
        )
        deleting = asyncio.create_task(cluster.delete_topic("orders"))
        with pytest.raises(KafkaError) as refused:
            await asyncio.wait_for(waiting, SOON_S)
        assert refused.value.code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        cluster.network.heal()
        await deleting


@both
@pytest.mark.parametrize("alone", [1, 2])
async def test_cluster_with_cut_links_closes_at_once(transport: Transport, alone: int) -> None:
    """Brokers that want to leave in good order do not wait for one they cannot reach."""
    cluster = AsyncCluster(brokers=3, transport=transport, config=PATIENT)
    await cluster.start()
    await cluster.create_topic("orders", partitions=3)
    cluster.network.partition([alone], set(cluster.brokers) - {alone})
    leads = [cluster.leader("orders", each) for each in range(3)]
    with pytest.raises(KafkaError, match="REQUEST_TIMED_OUT"):
        await cluster.client().produce("orders", leads.index(alone), [b"a"], timeout_ms=20)
    await asyncio.wait_for(cluster.close(), SOON_S)
    assert len(asyncio.all_tasks()) == 1
