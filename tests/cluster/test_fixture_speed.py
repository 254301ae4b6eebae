"""Twenty tests, each with the fixture: a fresh cluster, a real client, and nothing left after.

How long the whole file takes is what `pytest tests/cluster/test_fixture_speed.py` prints; it
is held to 6 seconds on two cores.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.process import live_tasks, needs_proc, socket_count, thread_names

if TYPE_CHECKING:
    from minikafka import Cluster

confluent_kafka = pytest.importorskip(
    "confluent_kafka", reason="confluent-kafka is not installed"
)

pytestmark = [pytest.mark.client, needs_proc]

RECORDS = 10


@pytest.fixture(autouse=True)
def addresses() -> Iterator[list[str]]:
    """Where the test's brokers listened; after the test nothing of them may be left.

    Set up before the fixture `kafka`, thus asked after its end.
    """
    threads, sockets, tasks = thread_names(), socket_count(), live_tasks()
    used: list[str] = []
    yield used
    assert thread_names() == threads
    assert live_tasks() == tasks
    assert socket_count() == sockets
    assert used, "the test said nothing of its brokers"
    for address in used:
        host, _, port = address.rpartition(":")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)))


@pytest.mark.parametrize("number", range(20))
def test_fresh_cluster_takes_and_returns_records(
    kafka: Cluster, addresses: list[str], number: int
) -> None:
    """A topic of this name exists nowhere yet; what is produced to it is what it holds."""
    addresses += kafka.bootstrap_servers.split(",")
    kafka.create_topic("orders")
    config = {"bootstrap.servers": kafka.bootstrap_servers}
    producer = confluent_kafka.Producer({**config, "acks": "all", "linger.ms": 0})
    values = [b"order %d of test %d" % (each, number) for each in range(RECORDS)]
    for value in values:
        producer.produce("orders", value)
    assert producer.flush(10) == 0

    consumer = confluent_kafka.Consumer(
        {**config, "group.id": "reader", "enable.auto.commit": False}
    )
    consumer.assign([confluent_kafka.TopicPartition("orders", 0, 0)])
    read: list[bytes | None] = []
    try:
        while len(read) < RECORDS:
            messages = consumer.consume(RECORDS - len(read), 5)
            assert messages, "nothing came in five seconds"
            assert [message.error() for message in messages if message.error()] == []
            read += [message.value() for message in messages]
    finally:
        consumer.close()
    assert read == values
