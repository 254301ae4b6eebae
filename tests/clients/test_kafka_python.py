"""kafka-python produces and consumes, unmodified."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.workload import (
    CODECS,
    PARTITIONS,
    RECORDS,
    expected_by_partition,
    value_of,
)

kafka = pytest.importorskip("kafka", reason="kafka-python is not installed")
codecs = pytest.importorskip("kafka.codec")

pytestmark = pytest.mark.client


def produce(bootstrap_servers: str, topic: str, codec: str | None) -> None:
    """Produce all records with acks=all; a record that fails raises."""
    producer = kafka.KafkaProducer(
        bootstrap_servers=bootstrap_servers, acks="all", compression_type=codec
    )
    try:
        sent = [
            producer.send(topic, value_of(number), partition=number % PARTITIONS)
            for number in range(RECORDS)
        ]
        producer.flush(timeout=15)
        for future in sent:
            future.get(timeout=0)
    finally:
        producer.close()


def read(bootstrap_servers: str, topic: str) -> dict[int, list[bytes]]:
    """Return the values of each partition in the order they came, up to the known end."""
    consumer = kafka.KafkaConsumer(
        bootstrap_servers=bootstrap_servers, enable_auto_commit=False
    )
    partitions = [kafka.TopicPartition(topic, number) for number in range(PARTITIONS)]
    values: dict[int, list[bytes]] = {number: [] for number in range(PARTITIONS)}
    try:
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        while {each: consumer.position(each) for each in partitions} != ends:
            found = consumer.poll(timeout_ms=100, max_records=RECORDS)
            for partition, records in found.items():
                values[partition.partition] += [record.value for record in records]
    finally:
        consumer.close()
    return values


def test_kafka_python_lists_three_brokers(bootstrap_servers: str) -> None:
    """The client sees every broker at the address that the cluster gives out."""
    admin = kafka.KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        brokers = admin.describe_cluster()["brokers"]
    finally:
        admin.close()
    by_id = sorted(brokers, key=lambda broker: broker["broker_id"])
    assert [f"{each['host']}:{each['port']}" for each in by_id] == bootstrap_servers.split(",")


@pytest.mark.parametrize("codec", CODECS)
def test_kafka_python_reads_back_exactly_what_it_produced(
    bootstrap_servers: str, topic: str, codec: str, replicas_agree: Callable[[str], None]
) -> None:
    """All records come back once, in order per partition, and lie alike on all replicas."""
    if codec != "none" and not getattr(codecs, f"has_{codec}")():
        pytest.skip(f"kafka-python finds no library for {codec}")
    produce(bootstrap_servers, topic, None if codec == "none" else codec)
    assert read(bootstrap_servers, topic) == expected_by_partition()
    replicas_agree(codec)
