"""Consumer groups of unmodified clients, alone and mixed, on real sockets."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from minikafka import Cluster
from minikafka.broker.group_coordinator import OFFSETS_TOPIC
from tests.support.external import BOOTSTRAP_VARIABLE, external_bootstrap
from tests.support.group_members import (
    CLIENTS,
    Member,
    commit_everything,
    each_client,
    member,
)

PARTITIONS = 4
RECORDS = 40

pytestmark = [
    pytest.mark.client,
    pytest.mark.time_limit(60),
    # Clients leave sockets behind when a broker dies; `join` collects them.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.kafka(brokers=3, topics={"orders": PARTITIONS}),
    pytest.mark.skipif(
        external_bootstrap() is not None,
        reason=f"{BOOTSTRAP_VARIABLE}: no brokers to kill there",
    ),
]
ENDS = [RECORDS // PARTITIONS] * PARTITIONS


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


def until(predicate: Callable[[], bool], what: str, timeout: float = 30) -> None:
    """Wait for something that happens in members' threads."""
    deadline = time.monotonic() + timeout
    while not predicate():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def shared(*members: Member) -> bool:
    """Say whether the members own all partitions, each partition once and each member some."""
    owned = [partition for each in members for partition in each.owned]
    return sorted(owned) == list(range(PARTITIONS)) and all(each.owned for each in members)


def produce(kafka: Cluster, count: int = RECORDS) -> None:
    """Produce records, a quarter to each partition."""
    client = kafka.client()
    for number in range(count):
        client.produce("orders", number % PARTITIONS, [b"%d" % number])


def read(*members: Member) -> list[tuple[int, int]]:
    """Return all that was read, in order."""
    return sorted(pair for each in members for pair in each.seen)


def everything(per_partition: int = RECORDS // PARTITIONS) -> list[tuple[int, int]]:
    """Return what there is to read."""
    return [(p, offset) for p in range(PARTITIONS) for offset in range(per_partition)]


@each_client()
def test_members_share_the_partitions_and_each_record_is_read_once(
    client: str, kafka: Cluster, join: Callable[..., Member]
) -> None:
    """Claim 18: two members, four partitions, no partition with two owners."""
    produce(kafka)
    first, second = join(client), join(client)
    until(lambda: shared(first, second), "they do not share")
    until(lambda: set(everything()) <= set(read(first, second)), "they do not read all")


@each_client()
def test_one_goes_on_with_what_the_other_leaves(
    client: str, kafka: Cluster, join: Callable[..., Member]
) -> None:
    """Claim 22: a member commits and leaves; the rest has all partitions and repeats nothing."""
    produce(kafka)
    first, second = join(client), join(client)
    until(lambda: shared(first, second), "they do not share")
    until(lambda: set(everything()) <= set(read(first, second)), "they do not read all")
    until(lambda: commit_everything(ENDS, first, second), "they do not commit all")
    before = len(read(first, second))
    first.stop()
    until(lambda: second.owned == frozenset(range(PARTITIONS)), "the other does not take over")
    produce(kafka, PARTITIONS)
    until(lambda: len(read(first, second)) >= before + PARTITIONS, "nothing new is read")
    assert len(read(first, second)) == before + PARTITIONS


@each_client()
def test_restart_goes_on_at_the_committed_offset(
    client: str, kafka: Cluster, join: Callable[..., Member]
) -> None:
    """Claims 17 and 20: what is committed does not come again, what is not does."""
    produce(kafka)
    first = join(client)
    until(lambda: read(first) == everything(), "it does not read all")
    first.commit()
    produce(kafka, PARTITIONS)
    until(lambda: len(first.seen) == RECORDS + PARTITIONS, "it does not read what is new")
    first.stop()
    again = join(client)
    until(lambda: len(again.seen) == PARTITIONS, "it does not read what was not committed")
    assert read(again) == [(p, RECORDS // PARTITIONS) for p in range(PARTITIONS)]


@each_client(by_day="aiokafka")
@pytest.mark.kafka(
    config={
        "broker.heartbeat.interval.ms": 100,
        "broker.session.timeout.ms": 1_000,
        "replica.lag.time.max.ms": 1_000,
    }
)
def test_group_outlives_its_coordinator(
    client: str, kafka: Cluster, join: Callable[..., Member]
) -> None:
    """The broker that coordinates dies: no committed offset goes back, and the group goes on."""
    produce(kafka)
    first, second = join(client), join(client)
    until(lambda: shared(first, second), "they do not share")
    until(lambda: set(everything()) <= set(read(first, second)), "they do not read all")
    until(lambda: commit_everything(ENDS, first, second), "they do not commit all")
    coordinator = kafka.leader(OFFSETS_TOPIC, ord("g") % 50)
    assert coordinator is not None
    kafka.broker(coordinator).crash()
    offsets = [first.committed(partition) for partition in range(PARTITIONS)]
    assert offsets == ENDS
    kafka.wait_until(
        lambda: all(kafka.leader("orders", each) != coordinator for each in range(PARTITIONS))
    )
    produce(kafka, PARTITIONS)
    last = {(partition, RECORDS // PARTITIONS) for partition in range(PARTITIONS)}
    until(lambda: last <= set(read(first, second)), "they do not go on")
    until(lambda: shared(first, second), "they do not share any more")
    first.commit()
    second.commit()


def test_unlike_clients_share_one_group(kafka: Cluster, join: Callable[..., Member]) -> None:
    """Whoever leads the group assigns for all three."""
    produce(kafka)
    members = [join(client) for client in sorted(CLIENTS)]
    until(lambda: shared(*members), "they do not share")
    until(lambda: set(everything()) <= set(read(*members)), "they do not read all")


@pytest.mark.parametrize("client", ["confluent_kafka"])
def test_static_member_comes_back_without_a_rebalance(
    client: str, kafka: Cluster, join: Callable[..., Member]
) -> None:
    """KIP-345: the other keeps reading what it has, in the same generation."""
    first = join(client, group_instance_id="one")
    second = join(client, group_instance_id="two")
    until(lambda: shared(first, second), "they do not share")
    mine = second.owned
    generation = _generation(kafka)
    second.stop(leave=False)
    again = join(client, group_instance_id="two")
    until(lambda: again.owned == mine, "it does not get back what it had")
    assert _generation(kafka) == generation
    assert first.owned == frozenset(range(PARTITIONS)) - mine


@pytest.mark.parametrize("client", ["confluent_kafka"])
def test_cooperative_members_share(
    client: str, kafka: Cluster, join: Callable[..., Member]
) -> None:
    """KIP-429: a newcomer gets what the other has given up, nothing is owned twice."""
    produce(kafka)
    first = join(client, partition_assignment_strategy="cooperative-sticky")
    until(lambda: len(first.owned) == PARTITIONS, "it does not get all")
    second = join(client, partition_assignment_strategy="cooperative-sticky")
    until(lambda: shared(first, second), "they do not share")
    until(lambda: set(everything()) <= set(read(first, second)), "they do not read all")


@each_client(by_day="confluent_kafka")
@pytest.mark.parametrize(("reset", "want"), [("earliest", RECORDS), ("latest", 0)])
def test_group_without_offsets_begins_where_it_is_told(
    client: str, reset: str, want: int, kafka: Cluster, join: Callable[..., Member]
) -> None:
    """Claim 19: earliest may repeat, latest may skip."""
    produce(kafka)
    option = "auto_offset_reset"
    reader = join(client, **{option: reset})
    until(lambda: len(reader.owned) == PARTITIONS, "it does not get all")
    reader.do(reader.poll)
    until(lambda: len(reader.seen) >= want, "it does not read what there was")
    deadline = time.monotonic() + 20
    while len(reader.seen) == want:
        assert time.monotonic() < deadline, "it does not read what is new"
        produce(kafka, PARTITIONS)
    assert (min(read(reader))[1] == 0) is (reset == "earliest")


@pytest.mark.kafka(config={"group.min.session.timeout.ms": 1_000})
def test_member_that_does_not_poll_is_out_and_cannot_commit(
    kafka: Cluster, join: Callable[..., Member]
) -> None:
    """Claim 25: heartbeats keep it in until max.poll.interval.ms; its late commit is refused."""
    library = pytest.importorskip("confluent_kafka")
    produce(kafka)
    options = {"session_timeout_ms": 1_000, "max_poll_interval_ms": 1_500}
    busy = join("confluent_kafka", **options)
    until(lambda: len(busy.seen) == RECORDS, "it does not read all")
    other = join("confluent_kafka", **options)
    until(lambda: shared(busy, other), "they do not share")

    def work_too_long() -> None:
        time.sleep(3)
        with pytest.raises(library.KafkaException):
            busy.commit_now()

    busy.do(work_too_long)
    assert other.owned == frozenset(range(PARTITIONS))
    assert other.committed(0) is None


def test_metadata_of_a_commit_is_kept(kafka: Cluster, join: Callable[..., Member]) -> None:
    """What an application says with its offset comes back with it."""
    library = pytest.importorskip("confluent_kafka")
    reader = join("confluent_kafka")
    until(lambda: len(reader.owned) == PARTITIONS, "it does not get all")
    offset = library.TopicPartition("orders", 0, 7, metadata="up to here")
    consumer = reader._consumer
    reader.do(lambda: consumer.commit(offsets=[offset], asynchronous=False))
    asked = [library.TopicPartition("orders", 0)]
    [found] = reader.do(lambda: consumer.committed(asked, timeout=10))
    assert (found.offset, found.metadata) == (7, "up to here")


def _generation(kafka: Cluster) -> int:
    """Return the generation of group g, asked of who coordinates it."""
    coordinator = kafka.leader(OFFSETS_TOPIC, ord("g") % 50)
    assert coordinator is not None
    node = kafka._cluster._nodes[coordinator]
    group = node.broker.groups.of("g").read(lambda groups: groups.group("g"))
    assert group is not None
    return group.generation_id
