"""aiokafka runs unmodified; what is replaced for it is there, and is put back."""

from __future__ import annotations

import asyncio
from typing import Any

import aiokafka
import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import BrokerMetadata, TopicPartition

from minikafka.sim.loop import EPOCH_NS
from minikafka.sim.world import simulate
from minikafka.trials.run import run
from minikafka.trials.simulation import Simulation


async def round_trip(simulation: Simulation) -> list[Any]:
    """Send with an idempotent producer, read with an assigned consumer, on a host of its own."""

    async def client() -> list[Any]:
        bootstrap = simulation.bootstrap
        producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=bootstrap, enable_idempotence=True, linger_ms=5
        )
        await producer.start()
        for number in range(100):
            await producer.send("t", f"{number}".encode(), partition=number % 3)
        await producer.flush()
        await producer.stop()
        consumer = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=bootstrap, enable_auto_commit=False
        )
        await consumer.start()
        partitions = [TopicPartition("t", number) for number in range(3)]
        consumer.assign(partitions)
        for partition in partitions:
            consumer.seek(partition, 0)
        found: list[Any] = []
        while len(found) < 100:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                found += [(record.value, record.timestamp) for record in records]
        await consumer.stop()
        return found

    result: list[Any] = await simulation.host("client").spawn(client())
    return result


def test_idempotent_producer_and_assigned_consumer_run() -> None:
    """A hundred records there and back; linger does not spin; timestamps are virtual."""
    result = run(round_trip, seed=1, topics={"t": 3})
    assert result.error is None, result.error
    assert sorted(int(value) for value, _ in result.value) == list(range(100))
    epoch_ms = EPOCH_NS // 1_000_000
    assert all(0 <= timestamp - epoch_ms < 60_000 for _, timestamp in result.value)


def test_same_seed_is_the_same_run() -> None:
    """Twice in one process, with several partitions in sets."""
    hashes = [run(round_trip, seed=5, topics={"t": 3}).hash for _ in range(2)]
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (BatchBuilder, "append"),
        (TopicPartition, "__hash__"),
        (BrokerMetadata, "__hash__"),
        (aiokafka.AIOKafkaProducer, "_PRODUCER_CLIENT_ID_SEQUENCE"),
    ],
)
def test_names_that_are_replaced_are_there_and_put_back(owner: Any, name: str) -> None:
    """A release of aiokafka that moves one of them must not go unnoticed."""
    before = getattr(owner, name)
    during: list[Any] = []

    async def main() -> None:
        await asyncio.sleep(0)
        during.append(getattr(owner, name))

    assert simulate(main, seed=1).error is None
    assert getattr(owner, name) == before
    assert len(during) == 1
