"""Consumer groups of the consumer protocol (KIP-848): unmodified librdkafka, on real sockets."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from minikafka import Cluster
from minikafka.broker.group_coordinator import OFFSETS_TOPIC
from tests.clients.test_groups import (
    ENDS,
    PARTITIONS,
    RECORDS,
    everything,
    produce,
    read,
    shared,
    until,
)
from tests.support.external import BOOTSTRAP_VARIABLE, external_bootstrap
from tests.support.group_members import (
    ConsumerProtocolMember,
    Member,
    commit_everything,
    member,
)

QUICK = {
    "group.consumer.min.heartbeat.interval.ms": 100,
    "group.consumer.heartbeat.interval.ms": 200,
    "group.consumer.min.session.timeout.ms": 1_000,
    "group.consumer.session.timeout.ms": 6_000,
}
ALL = frozenset(range(PARTITIONS))

pytestmark = [
    pytest.mark.client,
    pytest.mark.time_limit(60),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.kafka(brokers=3, topics={"orders": PARTITIONS}, config=QUICK),
    pytest.mark.skipif(
        external_bootstrap() is not None,
        reason=f"{BOOTSTRAP_VARIABLE}: no brokers to kill there",
    ),
]


@pytest.fixture
def join(kafka: Cluster) -> Iterator[Callable[..., Member]]:
    """Start members of group `g`; those that still run are stopped at the end."""
    pytest.importorskip("confluent_kafka")
    with ExitStack() as stack:

        def start(topic: str = "orders", **options: Any) -> Member:
            made = ConsumerProtocolMember(kafka.bootstrap_servers, topic, "g", **options)
            stack.callback(made.stop)
            return made

        yield start
    gc.collect()


def group(kafka: Cluster) -> Any:
    """Return group g as its coordinator holds it."""
    coordinator = kafka.leader(OFFSETS_TOPIC, ord("g") % 50)
    assert coordinator is not None
    node = kafka._cluster._nodes[coordinator]
    return node.broker.groups.of("g").read(lambda groups: groups.consumer_group("g"))


def test_members_share_the_partitions_and_each_record_is_read_once(
    kafka: Cluster, join: Callable[..., Member]
) -> None:
    """Two members, four partitions, no partition with two owners."""
    produce(kafka)
    first, second = join(), join()
    until(lambda: shared(first, second), "they do not share")
    until(lambda: set(everything()) <= set(read(first, second)), "they do not read all")
    assert group(kafka).state.value in {"Stable", "Reconciling"}


def test_one_goes_on_with_what_the_other_leaves(
    kafka: Cluster, join: Callable[..., Member]
) -> None:
    """A member commits and leaves; the rest has all partitions and repeats nothing."""
    produce(kafka)
    first, second = join(), join()
    until(lambda: shared(first, second), "they do not share")
    until(lambda: set(everything()) <= set(read(first, second)), "they do not read all")
    until(lambda: commit_everything(ENDS, first, second), "they do not commit all")
    before = len(read(first, second))
    first.stop()
    until(lambda: second.owned == ALL, "the other does not take over")
    produce(kafka, PARTITIONS)
    until(lambda: len(read(first, second)) >= before + PARTITIONS, "nothing new is read")
    assert len(read(first, second)) == before + PARTITIONS


def test_restart_goes_on_at_the_committed_offset(
    kafka: Cluster, join: Callable[..., Member]
) -> None:
    """What is committed does not come again, what is not does."""
    produce(kafka)
    first = join()
    until(lambda: read(first) == everything(), "it does not read all")
    first.commit()
    produce(kafka, PARTITIONS)
    until(lambda: len(first.seen) == RECORDS + PARTITIONS, "it does not read what is new")
    first.stop()
    again = join()
    until(lambda: len(again.seen) == PARTITIONS, "it does not read what was not committed")
    assert read(again) == [(p, RECORDS // PARTITIONS) for p in range(PARTITIONS)]


@pytest.mark.kafka(
    config={
        **QUICK,
        "broker.heartbeat.interval.ms": 100,
        "broker.session.timeout.ms": 1_000,
        "replica.lag.time.max.ms": 1_000,
    }
)
def test_group_outlives_its_coordinator(kafka: Cluster, join: Callable[..., Member]) -> None:
    """The broker that coordinates dies: no committed offset goes back, and the group goes on."""
    produce(kafka)
    first, second = join(), join()
    until(lambda: shared(first, second), "they do not share")
    until(lambda: set(everything()) <= set(read(first, second)), "they do not read all")
    until(lambda: commit_everything(ENDS, first, second), "they do not commit all")
    epoch = group(kafka).epoch
    coordinator = kafka.leader(OFFSETS_TOPIC, ord("g") % 50)
    assert coordinator is not None
    kafka.broker(coordinator).crash()
    kafka.wait_until(
        lambda: all(kafka.leader("orders", each) != coordinator for each in range(PARTITIONS))
    )
    produce(kafka, PARTITIONS)
    last = {(partition, RECORDS // PARTITIONS) for partition in range(PARTITIONS)}
    until(lambda: last <= set(read(first, second)), "they do not go on")
    assert shared(first, second)
    first.commit()
    second.commit()
    assert group(kafka).epoch == epoch


def test_static_member_comes_back_without_a_rebalance(
    kafka: Cluster, join: Callable[..., Member]
) -> None:
    """It leaves with epoch -2; the other keeps what it has, in the same epoch."""
    first, second = join(group_instance_id="one"), join(group_instance_id="two")
    until(lambda: shared(first, second), "they do not share")
    until(lambda: group(kafka).state.value == "Stable", "the group does not come to rest")
    mine, epoch = second.owned, group(kafka).epoch
    second.stop(leave=False)
    again = join(group_instance_id="two")
    until(lambda: again.owned == mine, "it does not get back what it had")
    assert group(kafka).epoch == epoch
    assert first.owned == ALL - mine


def test_members_that_name_an_assignor_get_ranges(
    kafka: Cluster, join: Callable[..., Member]
) -> None:
    """group.remote.assignor."""
    first = join(group_remote_assignor="range")
    second = join(group_remote_assignor="range")
    until(lambda: shared(first, second), "they do not share")
    assert {first.owned, second.owned} == {frozenset({0, 1}), frozenset({2, 3})}


def test_new_partitions_are_read(kafka: Cluster, join: Callable[..., Member]) -> None:
    """The coordinator sees them, not the client."""
    reader = join()
    until(lambda: reader.owned == ALL, "it does not get all")
    admin = pytest.importorskip("confluent_kafka.admin")
    client = admin.AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    wanted = admin.NewPartitions("orders", PARTITIONS + 1)
    client.create_partitions([wanted])["orders"].result(10)
    until(lambda: PARTITIONS in reader.owned, "it does not get the new one")


def test_topics_are_found_by_expression(kafka: Cluster, join: Callable[..., Member]) -> None:
    """Those that are there, and those that come."""
    produce(kafka)
    reader = join("^ord.*")
    until(lambda: set(everything()) <= set(read(reader)), "it does not read what is there")


def test_group_changes_its_protocol_member_by_member(
    kafka: Cluster, join: Callable[..., Member]
) -> None:
    """Classic members, then one of each, then none but the new: all partitions are read throughout."""
    produce(kafka)
    with ExitStack() as stack:
        old = member("confluent_kafka", kafka.bootstrap_servers, "orders", "g")
        stack.callback(old.stop)
        until(lambda: old.owned == ALL, "it does not get all")
        new = join()
        until(lambda: shared(old, new), "they do not share")
        until(lambda: set(everything()) <= set(read(old, new)), "they do not read all")
        assert group(kafka).classic_count == 1
    until(lambda: new.owned == ALL, "the new one does not take over")
    assert group(kafka).classic_count == 0


def test_group_goes_back_to_the_classic_protocol(
    kafka: Cluster, join: Callable[..., Member]
) -> None:
    """The last member of the new protocol leaves; the classic one goes on."""
    produce(kafka)
    new = join()
    until(lambda: new.owned == ALL, "it does not get all")
    with ExitStack() as stack:
        old = member("confluent_kafka", kafka.bootstrap_servers, "orders", "g")
        stack.callback(old.stop)
        until(lambda: shared(old, new), "they do not share")
        new.stop()
        until(lambda: old.owned == ALL, "the old one does not take over")
        assert group(kafka) is None


@pytest.mark.kafka(config={**QUICK, "group.consumer.session.timeout.ms": 2_000})
def test_silent_member_is_replaced(kafka: Cluster, join: Callable[..., Member]) -> None:
    """One that does not poll for too long gives up what it has; its late commit is refused."""
    library = pytest.importorskip("confluent_kafka")
    produce(kafka)
    options = {"max_poll_interval_ms": 1_500}
    busy = join(**options)
    until(lambda: len(busy.seen) == RECORDS, "it does not read all")
    other = join(**options)
    until(lambda: shared(busy, other), "they do not share")

    def work_too_long() -> None:
        until(lambda: other.owned == ALL, "the other does not take over", 12)
        with pytest.raises(library.KafkaException):
            busy.commit_now()

    busy.do(work_too_long)
