"""Transactions of unmodified producers, read by unmodified consumers of what is committed."""

from __future__ import annotations

import asyncio
import gc
import uuid
from typing import Any

import pytest

from minikafka import Cluster

pytestmark = [
    pytest.mark.client,
    pytest.mark.time_limit(60),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.kafka(brokers=3, topics={"orders": 2}),
]
WANT = [(0, 0, b"a"), (0, 4, b"c"), (1, 0, b"b")]


def committed(kafka: Cluster, count: int) -> list[tuple[int, int, bytes]]:
    """Return what a consumer of committed records sees: partition, offset and value."""
    confluent = pytest.importorskip("confluent_kafka")
    consumer = confluent.Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": str(uuid.uuid4()),
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe(["orders"])
    found: list[tuple[int, int, bytes]] = []
    while len(found) < count:
        message: Any = consumer.poll(10)
        assert message is not None, f"no more than {found}"
        assert message.error() is None
        found.append((message.partition(), message.offset(), message.value()))
    consumer.close()
    gc.collect()
    return sorted(found)


def test_aiokafka_commits_and_aborts(kafka: Cluster) -> None:
    """Markers take an offset each; what was aborted is not read."""
    aiokafka = pytest.importorskip("aiokafka")

    async def produce() -> None:
        producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap_servers, transactional_id="shop"
        )
        await producer.start()
        async with producer.transaction():
            await producer.send_and_wait("orders", b"a", partition=0)
            await producer.send_and_wait("orders", b"b", partition=1)
        await producer.begin_transaction()
        await producer.send_and_wait("orders", b"no", partition=0)
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait("orders", b"c", partition=0)
        await producer.stop()

    asyncio.run(produce())
    assert committed(kafka, len(WANT)) == WANT


def test_confluent_commits_and_aborts(kafka: Cluster) -> None:
    """The same with librdkafka."""
    confluent = pytest.importorskip("confluent_kafka")
    producer = confluent.Producer(
        {"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": "shop"}
    )
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce("orders", b"a", partition=0)
    producer.produce("orders", b"b", partition=1)
    producer.commit_transaction(20)
    producer.begin_transaction()
    producer.produce("orders", b"no", partition=0)
    producer.flush(20)
    producer.abort_transaction(20)
    producer.begin_transaction()
    producer.produce("orders", b"c", partition=0)
    producer.commit_transaction(20)
    del producer
    gc.collect()
    assert committed(kafka, len(WANT)) == WANT


def test_a_second_producer_fences_the_first(kafka: Cluster) -> None:
    """What the first one had begun is aborted, and it cannot go on."""
    confluent = pytest.importorskip("confluent_kafka")
    settings = {"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": "shop"}
    first = confluent.Producer(settings)
    first.init_transactions(20)
    first.begin_transaction()
    first.produce("orders", b"no", partition=0)
    first.flush(20)
    second = confluent.Producer(settings)
    second.init_transactions(20)
    second.begin_transaction()
    second.produce("orders", b"yes", partition=0)
    second.commit_transaction(20)
    with pytest.raises(confluent.KafkaException) as caught:
        first.commit_transaction(20)
    assert caught.value.args[0].code() == confluent.KafkaError._FENCED
    assert committed(kafka, 1) == [(0, 2, b"yes")]
    del first, second
    gc.collect()
