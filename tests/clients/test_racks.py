"""Consumers that know their rack read there, and read all of it (KIP-392)."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka import Cluster
from tests.support.external import BOOTSTRAP_VARIABLE, external_bootstrap

confluent_kafka = pytest.importorskip(
    "confluent_kafka", reason="confluent-kafka is not installed"
)

pytestmark = [
    pytest.mark.client,
    pytest.mark.kafka(
        brokers=3,
        topics={"t": 1},
        racks=("a", "b", "c"),
        config={
            "replica.selector.class": (
                "org.apache.kafka.common.replica.RackAwareReplicaSelector"
            ),
            "replica.fetch.wait.max.ms": 50,
        },
    ),
    pytest.mark.skipif(
        external_bootstrap() is not None, reason=f"{BOOTSTRAP_VARIABLE}: no racks there"
    ),
]
COUNT = 20


def fill(kafka: Cluster) -> None:
    """Produce records that everybody confirms."""
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": kafka.bootstrap_servers, "acks": "all"}
    )
    for number in range(COUNT):
        producer.produce("t", str(number).encode(), partition=0)
    assert producer.flush(10) == 0


def read(kafka: Cluster, rack: str, log: list[str]) -> list[bytes]:
    """Read all records as a consumer in that rack; `log` gets what it says of its fetches."""
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": "racks",
            "enable.auto.commit": False,
            "client.rack": rack,
            "debug": "fetch",
        },
        logger=_Lines(log),
    )
    consumer.assign([confluent_kafka.TopicPartition("t", 0, 0)])
    values: list[bytes] = []
    try:
        for _ in range(200):
            message = consumer.poll(0.1)
            if message is not None and message.error() is None:
                values.append(message.value())
            if len(values) == COUNT:
                break
    finally:
        consumer.close()
    return values


class _Lines:
    """A logger that keeps the texts."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def log(self, level: int, text: str, *arguments: Any) -> None:
        """Keep one text."""
        self._lines.append(text % arguments if arguments else text)


@pytest.mark.parametrize("rack", ["a", "b", "c"])
def test_consumer_reads_all_from_the_replica_in_its_rack(kafka: Cluster, rack: str) -> None:
    """librdkafka says which broker it fetches from: the one of its rack, wherever the leader is."""
    fill(kafka)
    lines: list[str] = []
    assert read(kafka, rack, lines) == [str(number).encode() for number in range(COUNT)]
    nearby = {"a": 1, "b": 2, "c": 3}[rack]
    moved = [line for line in lines if "migrating from broker" in line and "preferred" in line]
    if kafka.leader("t", 0) == nearby:
        assert moved == []
    else:
        assert any(f" to {nearby} " in line for line in moved), moved
