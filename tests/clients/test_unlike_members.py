"""A group of five unlike members on twelve partitions: they come and go, and nothing is missed."""

from __future__ import annotations

import gc
import struct
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from minikafka import Cluster
from minikafka.broker.group_coordinator import OFFSETS_TOPIC
from minikafka.groups.records import GroupMetadata, StoredGroup, decode_record
from tests.clients.test_groups import until
from tests.support.group_members import Member, member

PARTITIONS = 12
RECORDS = 100_000
BATCH = 500
FIVE = ("confluent_kafka", "aiokafka", "kafka", "confluent_kafka", "aiokafka")
ALL = {(number % PARTITIONS, number // PARTITIONS) for number in range(RECORDS)}

pytestmark = [
    pytest.mark.client,
    pytest.mark.slow,
    pytest.mark.time_limit(120),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.kafka(brokers=3, topics={"orders": PARTITIONS}),
]


def produce(kafka: Cluster, part: int) -> None:
    """Produce a fifth of the records, evenly to all partitions."""
    client = kafka.client()
    for partition in range(PARTITIONS):
        count = len(range(partition, RECORDS, PARTITIONS))
        values = [b"v"] * len(range(count * part // 5, count * (part + 1) // 5))
        for first in range(0, len(values), BATCH):
            client.produce("orders", partition, values[first : first + BATCH])


def generations(kafka: Cluster) -> Iterator[StoredGroup]:
    """Yield each generation of group g that came to be stable, as the coordinator has it stored."""
    for record in kafka.records(OFFSETS_TOPIC, ord("g") % 50):
        found = decode_record(record.key, record.value)
        if isinstance(found, GroupMetadata) and found.value is not None:
            yield found.value


def partitions_of(assignment: bytes) -> list[int]:
    """Return the partitions in a member's assignment (ConsumerProtocolAssignment)."""
    if not assignment:
        return []
    _, topics = struct.unpack_from(">hi", assignment)
    found: list[int] = []
    position = 6
    for _ in range(topics):
        [length] = struct.unpack_from(">h", assignment, position)
        position += 2 + length
        [count] = struct.unpack_from(">i", assignment, position)
        found += struct.unpack_from(f">{count}i", assignment, position + 4)
        position += 4 + 4 * count
    return found


def test_five_unlike_members_miss_nothing_and_own_nothing_twice(kafka: Cluster) -> None:
    """100,000 records, each read at least once; one member after the other joins, two leave."""
    for client in FIVE:
        pytest.importorskip(client)
    members: list[Member] = []
    with ExitStack() as stack:
        for part, client in enumerate(FIVE):
            made = member(client, kafka.bootstrap_servers, "orders", "g")
            stack.callback(made.stop)
            members.append(made)
            until(lambda: shared(members), f"{len(members)} members do not share")
            produce(kafka, part)
        members[0].commit()
        members[0].stop()
        until(lambda: shared(members[1:]), "the others do not take over")
        members[2].stop()
        until(
            lambda: {pair for each in members for pair in each.seen} >= ALL, "some are missed"
        )
    gc.collect()
    stable = list(generations(kafka))
    assert len(stable) >= len(FIVE)
    for group in stable:
        owned = [p for each in group.members for p in partitions_of(each.assignment)]
        assert len(owned) == len(set(owned)), (group.generation_id, owned)
        assert not owned or sorted(owned) == list(range(PARTITIONS))


def shared(members: list[Member]) -> bool:
    """Say whether the members own all partitions, each partition once and each member some."""
    owned = [partition for each in members for partition in each.owned]
    return sorted(owned) == list(range(PARTITIONS)) and all(each.owned for each in members)
