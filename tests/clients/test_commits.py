"""What a committed offset says, and what it does not: claims on consumers, by unmodified clients."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from minikafka import Cluster
from minikafka.base.ids import TopicPartition
from minikafka.broker.group_coordinator import OFFSETS_TOPIC
from tests.clients.test_groups import until
from tests.support.group_members import Member, each_client, member

PARTITIONS = 2
RECORDS = 20
APP = Path(__file__).parents[1] / "support" / "consumer_app.py"

pytestmark = [
    pytest.mark.client,
    pytest.mark.time_limit(60),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.kafka(
        brokers=3,
        topics={"orders": PARTITIONS},
        config={"group.min.session.timeout.ms": 500},
    ),
]
ALL = [(p, offset) for p in range(PARTITIONS) for offset in range(RECORDS // PARTITIONS)]


@pytest.fixture
def join(kafka: Cluster) -> Iterator[Callable[..., Member]]:
    """Start members of group `g`; those that still run are stopped at the end."""
    with ExitStack() as stack:

        def start(client: str, **options: Any) -> Member:
            pytest.importorskip(client)
            made = member(client, kafka.bootstrap_servers, "orders", "g", **options)
            stack.callback(made.stop)
            return made

        yield start
    gc.collect()


def produce(kafka: Cluster, count: int = RECORDS) -> None:
    """Produce records, as many to each partition."""
    for number in range(count):
        kafka.client().produce("orders", number % PARTITIONS, [b"%d" % number])


@each_client(by_day="kafka")
@pytest.mark.parametrize("commit", ["before", "after"])
def test_commit_before_processing_loses_and_after_it_repeats(
    client: str, commit: str, kafka: Cluster, join: Callable[..., Member]
) -> None:
    """Claim 17: an application dies half-way through what it was given; another one goes on."""
    produce(kafka)
    first = join(client)
    until(lambda: sorted(first.seen) == ALL, "it does not read all")
    if commit == "before":
        first.commit()
    processed = first.seen[: RECORDS // 2]  # here it dies
    if commit == "after":
        pass  # it never came to that
    first.stop()
    produce(kafka, PARTITIONS)
    second = join(client)
    last = [(p, RECORDS // PARTITIONS) for p in range(PARTITIONS)]
    until(lambda: set(last) <= set(second.seen), "the other does not go on")
    processed += second.seen
    lost = set(ALL) - set(processed)
    repeated = len(processed) - len(set(processed))
    expected = (RECORDS // 2, 0) if commit == "before" else (0, RECORDS // 2)
    assert (len(lost), repeated) == expected


@each_client(by_day="confluent_kafka")
@pytest.mark.parametrize(("interval_ms", "repeated"), [(60_000, RECORDS), (100, 0)])
def test_automatic_commit_repeats_what_was_read_since_the_last_one(
    client: str, interval_ms: int, repeated: int, kafka: Cluster, join: Callable[..., Member]
) -> None:
    """Claim 20: a process that is killed has committed what its interval gave it time for."""
    pytest.importorskip(client)
    produce(kafka)
    command = [sys.executable, str(APP), client, kafka.bootstrap_servers, str(interval_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as app:
        assert app.stdout is not None
        read = [app.stdout.readline() for _ in range(RECORDS)]
        assert all(read), "the application ended early"
        if not repeated:
            until(lambda: committed(kafka) == RECORDS, "nothing is committed")
        app.send_signal(signal.SIGKILL)
        app.wait()
    produce(kafka, PARTITIONS)
    second = join(client)
    until(lambda: len(second.seen) >= repeated + PARTITIONS, "the other does not go on")
    assert len(second.seen) == repeated + PARTITIONS


def committed(kafka: Cluster) -> int:
    """Return how much group g has committed of all partitions."""
    coordinator = kafka.leader(OFFSETS_TOPIC, ord("g") % 50)
    if coordinator is None:
        return 0
    groups = kafka._cluster._nodes[coordinator].broker.groups
    known = groups.of("g").read(lambda found: found.committed("g"))
    offsets = [known.get(TopicPartition("orders", p)) for p in range(PARTITIONS)]
    return sum(each.offset for each in offsets if each is not None)


@each_client(by_day="aiokafka")
def test_paused_member_that_polls_stays_while_its_worker_is_busy(
    client: str, kafka: Cluster, join: Callable[..., Member]
) -> None:
    """Claim 25: longer than session and poll timeouts, and nothing comes while it is paused."""
    first = join(client, session_timeout_ms=1_000, max_poll_interval_ms=1_500)
    until(lambda: len(first.owned) == PARTITIONS, "it does not get all")
    generation = _generation(kafka)
    first.do(first.pause)
    produce(kafka)
    busy_until = time.monotonic() + 2.5
    until(lambda: time.monotonic() > busy_until, "")
    assert first.seen == []
    first.do(first.resume)
    until(lambda: sorted(first.seen) == ALL, "it does not go on")
    first.commit()
    assert _generation(kafka) == generation


@pytest.mark.kafka(
    config={
        "replica.lag.time.max.ms": 1_000,
        "broker.heartbeat.interval.ms": 100,
        "broker.session.timeout.ms": 1_000,
    }
)
def test_committed_offsets_outlive_compaction_and_a_new_coordinator(
    kafka: Cluster, join: Callable[..., Member]
) -> None:
    """The log keeps the last commit of each partition and little else; who loads it goes on."""
    library = pytest.importorskip("confluent_kafka")
    produce(kafka)
    first = join("confluent_kafka")
    until(lambda: len(first.owned) == PARTITIONS, "it does not get all")
    consumer = first._consumer

    def commit_often() -> None:
        for number in range(400):
            offset = library.TopicPartition("orders", 0, number)
            consumer.commit(offsets=[offset], asynchronous=False)

    first.do(commit_often)
    kafka.compact(OFFSETS_TOPIC)
    place = ord("g") % 50
    assert len(kafka.records(OFFSETS_TOPIC, place)) == 2  # the group, and its last commit
    coordinator = kafka.leader(OFFSETS_TOPIC, place)
    assert coordinator is not None
    kafka.broker(coordinator).crash()
    until(lambda: kafka.leader(OFFSETS_TOPIC, place) not in (None, coordinator), "no other")
    assert first.committed(0) == 399


def _generation(kafka: Cluster) -> int:
    """Return the generation of group g, asked of who coordinates it."""
    coordinator = kafka.leader(OFFSETS_TOPIC, ord("g") % 50)
    assert coordinator is not None
    node = kafka._cluster._nodes[coordinator]
    group = node.broker.groups.of("g").read(lambda groups: groups.group("g"))
    assert group is not None
    generation: int = group.generation_id
    return generation
