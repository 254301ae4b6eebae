"""Consume, transform, produce, in transactions, while brokers and applications are killed.

What comes out is what went in, once and in order, in each partition (KIP-98, KIP-447).
"""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from minikafka import Cluster
from tests.support.external import BOOTSTRAP_VARIABLE, external_bootstrap

confluent = pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")

PARTITIONS = 4
APPLICATIONS = 2
APP = Path(__file__).parents[1] / "support" / "transform_app.py"
DOWN_S = 0.7
STUCK_S = 15.0
"""librdkafka waits for ever for a group coordinator that went away at the wrong moment, whatever
timeout it is given (its issues 5456, 5511). Whoever runs applications kills those that stand still."""
MODULES = {"aiokafka": "aiokafka", "confluent-kafka": "confluent_kafka"}
Values = dict[int, list[bytes]]

pytestmark = [
    pytest.mark.client,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.skipif(
        external_bootstrap() is not None, reason=f"{BOOTSTRAP_VARIABLE}: no brokers to kill"
    ),
    pytest.mark.kafka(
        brokers=3,
        topics={"in": PARTITIONS, "out": PARTITIONS},
        config={
            "min.insync.replicas": 2,
            "broker.heartbeat.interval.ms": 100,
            "broker.session.timeout.ms": 1_000,
            "group.min.session.timeout.ms": 500,
        },
    ),
    pytest.mark.parametrize("client", MODULES),
]


class Applications:
    """Processes of one application, each started again however it ended.

    Attributes:
        gave_up: what those said that ended by themselves.
    """

    def __init__(self, client: str, bootstrap: str) -> None:
        self._client, self._bootstrap = client, bootstrap
        self.gave_up: list[str] = []
        self._count, self._since = 0, time.monotonic()
        self._processes = [self._start(number) for number in range(APPLICATIONS)]

    def _start(self, number: int) -> subprocess.Popen[str]:
        partitions = [str(p) for p in range(PARTITIONS) if p % APPLICATIONS == number]
        return subprocess.Popen(
            [sys.executable, str(APP), self._client, self._bootstrap, str(number), *partitions],
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill(self, number: int) -> None:
        """SIGKILL, and the next start at once."""
        process = self._processes[number]
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self._processes[number] = self._start(number)

    def revive(self) -> None:
        """Start those again that gave up."""
        for number, process in enumerate(self._processes):
            if process.poll() is not None:
                self.gave_up.append(process.communicate()[1])
                self._processes[number] = self._start(number)

    def kill_stuck(self, count: int) -> None:
        """Kill all when there is nothing new for long.

        Args:
            count: of records that they have written.
        """
        if count != self._count:
            self._count, self._since = count, time.monotonic()
        elif time.monotonic() - self._since > STUCK_S:
            for number in range(APPLICATIONS):
                self.kill(number)
            self._since = time.monotonic()

    def end(self) -> None:
        """Kill all, for good."""
        for process in self._processes:
            process.kill()
            process.communicate()


class Reader:
    """Reads what is committed of a topic.

    Attributes:
        seen: values by partition, in order.
        count: of them all.
    """

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.seen: Values = defaultdict(list)
        self.count = 0
        self._consumer = confluent.Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"reader of {topic}",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "reconnect.backoff.max.ms": 500,
            }
        )
        places = [confluent.TopicPartition(topic, p, 0) for p in range(PARTITIONS)]
        self._consumer.assign(places)

    def poll(self, timeout_s: float) -> int:
        """Read what is there; how many that was."""
        found = [each for each in self._consumer.consume(500, timeout_s) if not each.error()]
        for message in found:
            self.seen[message.partition()].append(message.value())
        self.count += len(found)
        return len(found)

    def close(self) -> None:
        """Read no more."""
        self._consumer.close()


def written(kafka: Cluster, records: int) -> Values:
    """Write the input with an idempotent producer; return it."""
    producer = confluent.Producer({"bootstrap.servers": kafka.bootstrap_servers})
    sent: Values = defaultdict(list)
    for number in range(records):
        value, partition = b"%d" % number, number % PARTITIONS
        producer.produce("in", value, partition=partition)
        sent[partition].append(value)
    assert producer.flush(15) == 0
    return sent


def begin(kafka: Cluster) -> None:
    """Have the group begin at offset 0, and by no policy of a client."""
    consumer = confluent.Consumer(
        {"bootstrap.servers": kafka.bootstrap_servers, "group.id": "copy"}
    )
    offsets = [confluent.TopicPartition("in", p, 0) for p in range(PARTITIONS)]
    consumer.commit(offsets=offsets, asynchronous=False)
    consumer.close()


class Brokers:
    """Brokers that are killed one after the other, each once all are whole again."""

    def __init__(self, kafka: Cluster) -> None:
        self._kafka = kafka
        self._next, self._down, self._since = 0, 0, 0.0

    def kill(self) -> bool:
        """Kill the next one, if every partition has all replicas in sync."""
        everybody = set(self._kafka.brokers)
        places = [(topic, p) for topic in ("in", "out") for p in range(PARTITIONS)]
        if self._down or any(set(self._kafka.isr(*place)) != everybody for place in places):
            return False
        self._down = self._kafka.brokers[self._next % len(self._kafka.brokers)]
        self._next += 1
        self._kafka.broker(self._down).crash()
        self._since = time.monotonic()
        return True

    def revive(self) -> None:
        """Start the one again that has been down for a while."""
        if self._down and time.monotonic() - self._since > DOWN_S:
            self._kafka.broker(self._down).start()
            self._down = 0


@contextmanager
def running(kafka: Cluster, client: str) -> Iterator[tuple[Applications, Reader]]:
    """Applications that copy, and who reads what they write; both end with the test."""
    applications = Applications(client, kafka.bootstrap_servers)
    reader = Reader(kafka.bootstrap_servers, "out")
    try:
        yield applications, reader
    finally:
        applications.end()
        reader.close()
        gc.collect()


def copied_while_killing(kafka: Cluster, client: str, records: int, kills: int) -> None:
    """Have so many records copied; an application or a broker is killed so often on the way.

    By progress, not by time: who is killed more often than it can come back copies nothing.
    """
    pytest.importorskip(MODULES[client])
    begin(kafka)
    sent, brokers, killed = written(kafka, records), Brokers(kafka), 0
    with running(kafka, client) as (applications, reader):
        while reader.count < records:
            reader.poll(0.05)
            applications.revive()
            applications.kill_stuck(reader.count)
            brokers.revive()
            if killed == kills or reader.count <= records * (1 + killed) // (2 + kills):
                continue
            if killed % 2:
                killed += brokers.kill()
            else:
                applications.kill(killed // 2 % APPLICATIONS)
                killed += 1
        assert reader.poll(1.0) == 0
        assert reader.seen == sent, applications.gave_up
    assert killed == kills


@pytest.mark.time_limit(60)
def test_output_is_the_input_once_though_a_broker_and_an_application_are_killed(
    client: str, kafka: Cluster
) -> None:
    """One of each, in the middle of it."""
    copied_while_killing(kafka, client, records=500, kills=2)


@pytest.mark.nightly
@pytest.mark.time_limit(400)
def test_output_is_the_input_once_though_everything_is_killed_again_and_again(
    client: str, kafka: Cluster
) -> None:
    """20,000 records, ten applications and ten brokers."""
    copied_while_killing(kafka, client, records=20_000, kills=20)
