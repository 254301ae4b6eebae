"""aiokafka produces and consumes, unmodified."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.support.workload import (
    CODECS,
    PARTITIONS,
    RECORDS,
    expected_by_partition,
    value_of,
)

aiokafka = pytest.importorskip("aiokafka", reason="aiokafka is not installed")
codecs = pytest.importorskip("aiokafka.codec")

pytestmark = pytest.mark.client


async def produce(bootstrap_servers: str, topic: str, codec: str | None) -> None:
    """Produce all records with acks=all; a record that fails raises."""
    producer = aiokafka.AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers, acks="all", compression_type=codec
    )
    await producer.start()
    try:
        sent = [
            await producer.send(topic, value_of(number), partition=number % PARTITIONS)
            for number in range(RECORDS)
        ]
        await producer.flush()
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def read(bootstrap_servers: str, topic: str) -> dict[int, list[bytes]]:
    """Return the values of each partition in the order they came, up to the known end."""
    consumer = aiokafka.AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers, enable_auto_commit=False
    )
    partitions = [aiokafka.TopicPartition(topic, number) for number in range(PARTITIONS)]
    values: dict[int, list[bytes]] = {number: [] for number in range(PARTITIONS)}
    await consumer.start()
    try:
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        while {each: await consumer.position(each) for each in partitions} != ends:
            for partition, records in (await consumer.getmany(timeout_ms=100)).items():
                values[partition.partition] += [record.value for record in records]
    finally:
        await consumer.stop()
    return values


async def test_aiokafka_lists_three_brokers(bootstrap_servers: str) -> None:
    """The client sees every broker at the address that the cluster gives out."""
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=bootstrap_servers)
    await producer.start()
    try:
        brokers = sorted(producer.client.cluster.brokers(), key=lambda broker: broker.nodeId)
    finally:
        await producer.stop()
    assert [f"{each.host}:{each.port}" for each in brokers] == bootstrap_servers.split(",")


@pytest.mark.parametrize("codec", CODECS)
async def test_aiokafka_reads_back_exactly_what_it_produced(
    bootstrap_servers: str, topic: str, codec: str, replicas_agree: Callable[[str], None]
) -> None:
    """All records come back once, in order per partition, and lie alike on all replicas."""
    if codec != "none" and not getattr(codecs, f"has_{codec}")():
        pytest.skip(f"aiokafka finds no library for {codec}")
    await produce(bootstrap_servers, topic, None if codec == "none" else codec)
    assert await read(bootstrap_servers, topic) == expected_by_partition()
    replicas_agree(codec)
