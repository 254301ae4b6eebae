"""Three voters in three processes: one is killed under load, and nothing acknowledged is lost."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.support.processes import HOST, BrokerProcess, free_ports

PARTITIONS = 3
CONFIG = {
    "min.insync.replicas": 2,
    "broker.heartbeat.interval.ms": 100,
    "broker.session.timeout.ms": 900,
    "replica.lag.time.max.ms": 900,
    "replica.fetch.wait.max.ms": 100,
    "replica.fetch.backoff.ms": 50,
    "controller.quorum.fetch.timeout.ms": 600,
    "controller.quorum.election.timeout.ms": 300,
}


def until(condition: Callable[[], bool], timeout: float = 8.0) -> None:
    """Return once the condition holds; it does something itself, so that nothing sleeps."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "not true in time"


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[dict[int, BrokerProcess]]:
    """Three brokers with files, the metadata quorum all of them."""
    ports = free_ports(6)
    voters = ",".join([f"{broker}@{HOST}:{ports[2 + broker]}" for broker in (1, 2, 3)])
    settings = [word for item in CONFIG.items() for word in ("--set", "{}={}".format(*item))]
    with ExitStack() as stack:
        yield {
            broker: stack.enter_context(
                BrokerProcess(
                    broker,
                    voters,
                    *settings,
                    port=ports[broker - 1],
                    data=tmp_path / str(broker),
                )
            )
            for broker in (1, 2, 3)
        }


class Load:
    """A producer with acks=all that never rests, and what it was promised."""

    def __init__(self, bootstrap: str) -> None:
        self.acknowledged: list[tuple[int, bytes]] = []
        self.failed: list[str] = []
        self.heard = [0] * PARTITIONS
        self._sent = 0
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "acks": "all",
                "linger.ms": 1,
                "retry.backoff.ms": 20,
            }
        )

    def go_on(self) -> None:
        """Send a record to each partition, and hear of earlier ones."""
        for partition in range(PARTITIONS):
            self._sent += 1
            value = b"%d" % self._sent
            self._producer.produce(
                "orders", value, partition=partition, on_delivery=self._delivered
            )
        self._producer.poll(0.01)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        value, partition = message.value(), message.partition()
        assert value is not None
        assert partition is not None
        if error is None:
            self.acknowledged.append((partition, value))
            self.heard[partition] += 1
        else:
            self.failed.append(str(error))

    def through(self, condition: Callable[[], bool]) -> None:
        """Send until the condition holds."""

        def step() -> bool:
            self.go_on()
            return condition()

        until(step)

    def more(self, count: int = 40) -> None:
        """Send until so many more were acknowledged, in each partition."""

        wanted = [heard + count for heard in self.heard]
        self.through(
            lambda: all(now >= want for now, want in zip(self.heard, wanted, strict=True))
        )

    def end(self) -> None:
        """Return when every record has its answer."""
        assert self._producer.flush(10) == 0


def read_all(bootstrap: str) -> set[tuple[int, bytes]]:
    """Return what a consumer finds from the beginning to the end."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "reader",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition("orders", each, 0) for each in range(PARTITIONS)])
    found: set[tuple[int, bytes]] = set()
    at_end = 0
    while at_end < PARTITIONS:
        message = consumer.poll(5)
        assert message is not None, "nothing to read"
        if message.error() is None:
            partition, value = message.partition(), message.value()
            assert partition is not None
            assert value is not None
            found.add((partition, value))
        else:
            assert message.error().code() == KafkaError._PARTITION_EOF
            at_end += 1
    consumer.close()
    return found


def in_sync(admin: AdminClient) -> list[set[int]]:
    """Return the ISR of each partition."""
    topic: Any = admin.list_topics("orders", timeout=5).topics["orders"]
    return [set(topic.partitions[each].isrs) for each in range(PARTITIONS)]


@pytest.mark.client
@pytest.mark.slow
@pytest.mark.time_limit(40)
def test_killed_controller_loses_nothing_and_comes_back(
    brokers: dict[int, BrokerProcess],
) -> None:
    """Leader of metadata, of a partition, and follower; back over its files, it catches up."""
    bootstrap = ",".join([broker.bootstrap() for broker in brokers.values()])
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for created in admin.create_topics([NewTopic("orders", PARTITIONS, 3)]).values():
        created.result(10)
    load = Load(bootstrap)
    load.more()
    victim: int = admin.list_topics(timeout=5).controller_id
    code, _ = brokers[victim].end(signal.SIGKILL)
    assert code == -signal.SIGKILL
    load.through(lambda: all(victim not in isr for isr in in_sync(admin)))
    load.more()
    brokers[victim].start()
    brokers[victim].bootstrap()
    load.through(lambda: all(isr == {1, 2, 3} for isr in in_sync(admin)))
    load.more()
    load.end()
    assert load.failed == []
    assert set(load.acknowledged) - read_all(bootstrap) == set()
    for broker in brokers.values():
        assert broker.end(signal.SIGTERM) == (0, "")
