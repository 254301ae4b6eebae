"""confluent-kafka (librdkafka) produces and consumes, unmodified."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.workload import (
    CODECS,
    PARTITIONS,
    RECORDS,
    expected_by_partition,
    value_of,
)

confluent_kafka = pytest.importorskip(
    "confluent_kafka", reason="confluent-kafka is not installed"
)

pytestmark = pytest.mark.client


def produce(bootstrap_servers: str, topic: str, **config: Any) -> list[object]:
    """Produce all records with acks=all; return the errors that came back."""
    failed: list[object] = []
    producer = confluent_kafka.Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "acks": "all",
            "delivery.report.only.error": True,
            "on_delivery": lambda error, _message: failed.append(error),
            **{name.replace("_", "."): value for name, value in config.items()},
        }
    )
    for number in range(RECORDS):
        producer.produce(topic, value_of(number), partition=number % PARTITIONS)
    assert producer.flush(15) == 0
    return failed


def read(bootstrap_servers: str, topic: str) -> dict[int, list[bytes]]:
    """Return the values of each partition in the order they came, up to the known end."""
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "reader",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    values: dict[int, list[bytes]] = {partition: [] for partition in range(PARTITIONS)}
    ended: set[int] = set()
    try:
        consumer.assign(
            [confluent_kafka.TopicPartition(topic, partition, 0) for partition in values]
        )
        while len(ended) < PARTITIONS:
            for message in consumer.consume(RECORDS, 0.05):
                error = message.error()
                if error is None:
                    values[message.partition()].append(message.value())
                else:
                    assert error.code() == confluent_kafka.KafkaError._PARTITION_EOF, error
                    ended.add(message.partition())
    finally:
        consumer.close()
    return values


def test_confluent_lists_three_brokers(bootstrap_servers: str) -> None:
    """The client sees every broker at the address that the cluster gives out."""
    producer = confluent_kafka.Producer({"bootstrap.servers": bootstrap_servers})
    brokers = producer.list_topics(timeout=10).brokers
    addresses = [f"{brokers[each].host}:{brokers[each].port}" for each in sorted(brokers)]
    assert addresses == bootstrap_servers.split(",")


@pytest.mark.parametrize("codec", CODECS)
def test_confluent_reads_back_exactly_what_it_produced(
    bootstrap_servers: str, topic: str, codec: str, replicas_agree: Callable[[str], None]
) -> None:
    """All records come back once, in order per partition, and lie alike on all replicas."""
    assert produce(bootstrap_servers, topic, compression_type=codec) == []
    assert read(bootstrap_servers, topic) == expected_by_partition()
    replicas_agree(codec)


def test_confluent_idempotent_producer_is_read_back_exactly(
    bootstrap_servers: str, topic: str, replicas_agree: Callable[[str], None]
) -> None:
    """A producer that asked for a producer id writes every record once and in order."""
    assert produce(bootstrap_servers, topic, enable_idempotence=True) == []
    assert read(bootstrap_servers, topic) == expected_by_partition()
    replicas_agree("none")
