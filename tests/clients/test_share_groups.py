"""Share groups (KIP-932): unmodified librdkafka, on real sockets."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from minikafka import Cluster
from tests.clients.test_groups import until
from tests.support.external import BOOTSTRAP_VARIABLE, external_bootstrap

LIMIT = 2
QUICK = {
    "group.share.enable": True,
    "group.share.min.heartbeat.interval.ms": 100,
    "group.share.heartbeat.interval.ms": 200,
    "group.share.min.session.timeout.ms": 1_000,
    "group.share.session.timeout.ms": 6_000,
    "group.share.record.lock.duration.ms": 1_500,
    "group.share.min.record.lock.duration.ms": 1_000,
    "group.share.delivery.count.limit": LIMIT,
    "share.coordinator.state.topic.num.partitions": 3,
}
FAILOVER = {
    "broker.heartbeat.interval.ms": 200,
    "broker.session.timeout.ms": 1_000,
    "replica.lag.time.max.ms": 1_000,
    "group.share.record.lock.duration.ms": 10_000,
}

pytestmark = [
    pytest.mark.client,
    pytest.mark.time_limit(60),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.skipif(
        external_bootstrap() is not None,
        reason=f"{BOOTSTRAP_VARIABLE}: share groups are off there, and no broker to kill",
    ),
]
one_partition = pytest.mark.kafka(brokers=3, topics={"orders": 1}, config=QUICK)


class Sharer:
    """One member of group `g`; `got` holds offset and delivery of what it has polled."""

    def __init__(self, bootstrap_servers: str) -> None:
        from confluent_kafka import ShareConsumer

        self.consumer = ShareConsumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "g",
                "share.acknowledgement.mode": "explicit",
                "log_level": 0,
            }
        )
        self.consumer.subscribe(["orders"])
        self.got: list[int] = []

    def poll(self, *kinds: str) -> list[int]:
        """Poll once, acknowledge by value and commit; return the values.

        Args:
            kinds: `release`, `reject` or `hold` for the values that begin so; all else is accepted.
        """
        from confluent_kafka import AcknowledgeType

        named = {"release": AcknowledgeType.RELEASE, "reject": AcknowledgeType.REJECT}
        values = []
        for message in self.consumer.poll(timeout=0.1):
            assert message.error() is None
            kind = message.value().decode()
            if kind in kinds or kind not in ("release", "reject", "hold"):
                self.consumer.acknowledge(message, named.get(kind, AcknowledgeType.ACCEPT))
            values.append(message.offset())
        self.got += values
        if values:
            for error in self.consumer.commit_sync(timeout=5).values():
                assert error is None
        return values


@pytest.fixture
def join(kafka: Cluster) -> Iterator[Callable[[], Sharer]]:
    """Start members of group `g`; they read from the next record on. All are closed at the end."""
    pytest.importorskip("confluent_kafka", minversion="2.16")
    with ExitStack() as stack:

        def start() -> Sharer:
            sharer = Sharer(kafka.bootstrap_servers)
            stack.callback(sharer.consumer.close)
            known = len(shares(kafka).sessions)

            def reads() -> bool:
                sharer.poll()
                found = shares(kafka)
                loaded = all(live.share is not None for live in found._live.values())
                return len(found.sessions) > known and loaded

            until(reads, "it does not begin to read")
            return sharer

        yield start
    gc.collect()


def shares(kafka: Cluster) -> Any:
    """Return the share-partitions at the leader of the one partition."""
    leader = kafka.leader("orders", 0)
    assert leader is not None
    return kafka._cluster._nodes[leader].broker.shares


def produce(kafka: Cluster, *values: str) -> None:
    """Produce records one by one, each a batch of its own."""
    client = kafka.client()
    for value in values:
        client.produce("orders", 0, [value.encode()])


def all_polled(sharers: Sequence[Sharer], want: set[int]) -> Callable[[], bool]:
    """Return what polls everybody, and says whether they have got these offsets."""

    def polled() -> bool:
        for sharer in sharers:
            sharer.poll("release", "reject")
        return want <= {offset for sharer in sharers for offset in sharer.got}

    return polled


@one_partition
def test_two_members_share_one_partition(kafka: Cluster, join: Callable[[], Sharer]) -> None:
    """Every record goes to one of them, and both get some."""
    sharers = [join(), join()]
    for each in range(10):
        produce(kafka, f"{each}")
        until(all_polled(sharers, {each}), "a record is missing")
    got = [offset for sharer in sharers for offset in sharer.got]
    assert sorted(got) == list(range(10))


@one_partition
def test_what_is_released_comes_again_until_the_limit(
    kafka: Cluster, join: Callable[[], Sharer]
) -> None:
    """Accepted and rejected records are done; the released one has as many deliveries as may be."""
    sharer = join()
    produce(kafka, "accept", "release", "reject")
    until(all_polled([sharer], {0, 1, 2}), "a record is missing")
    until(lambda: bool(sharer.poll("release")) or len(sharer.got) > 3, "none comes again")
    produce(kafka, "last")
    until(all_polled([sharer], {3}), "the last one is missing")
    assert sorted(sharer.got) == [0, *[1] * LIMIT, 2, 3]


@one_partition
def test_a_lock_that_ends_gives_the_record_to_another(
    kafka: Cluster, join: Callable[[], Sharer]
) -> None:
    """The first one holds it for too long, and cannot acknowledge it any more."""
    first = join()
    produce(kafka, "hold")
    until(lambda: bool(first.consumer.poll(timeout=0.1)), "it is not delivered")
    second = join()
    until(lambda: bool(second.poll("hold")), "it does not come to the other")
    assert second.got == [0]


@pytest.mark.kafka(brokers=3, topics={"orders": 1}, config={**QUICK, **FAILOVER})
def test_nothing_acknowledged_comes_again_from_the_next_leader(
    kafka: Cluster, join: Callable[[], Sharer]
) -> None:
    """The leader dies: what was accepted is done, what was not comes from the new one."""
    sharers = [join(), join()]
    produce(kafka, *[f"{each}" for each in range(6)])
    until(all_polled(sharers, set(range(6))), "a record is missing")
    leader = kafka.leader("orders", 0)
    assert leader is not None
    kafka.broker(leader).crash()
    kafka.wait_until(lambda: kafka.leader("orders", 0) not in (leader, None))
    produce(kafka, "after")
    until(all_polled(sharers, {6}), "they do not go on")
    got = sorted(offset for sharer in sharers for offset in sharer.got)
    assert got == list(range(7))
