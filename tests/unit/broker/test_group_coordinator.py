"""Which broker coordinates which group."""

from __future__ import annotations

import pytest

from minikafka.broker.group_coordinator import OFFSETS_TOPIC, java_hash
from minikafka.metadata.commands import DeleteTopics, TopicRef
from tests.support.broker_stub import BrokerStub
from tests.support.group_stub import coordinating


@pytest.mark.parametrize(
    ("text", "want"),
    [("", 0), ("g", 103), ("my-consumer-group", 1_513_705_513), ("grüße-😀", 347_391_577)],
)
def test_hash_is_javas(text: str, want: int) -> None:
    """Over UTF-16, in 32 bits with a sign: the partition of a group is Kafka's."""
    assert java_hash(text) == want


async def test_smallest_hash_of_all_is_partition_0() -> None:
    """Its absolute value does not fit into Java's int."""
    stub = BrokerStub()
    assert java_hash("polygenelubricants") == -(2**31)
    assert stub.groups.partition_for("polygenelubricants") == 0
    stub.close()


async def test_partition_count_is_the_topics_own_where_there_is_one() -> None:
    """offsets.topic.num.partitions is for making it only."""
    stub = BrokerStub()
    assert stub.groups.partition_for("g") == 103 % 50
    await stub.create(OFFSETS_TOPIC, [[1], [2], [3]])
    assert stub.groups.partition_for("g") == 103 % 3
    assert stub.groups.coordinator_of("g") == 2
    stub.close()


async def test_offsets_of_a_deleted_topic_are_deleted() -> None:
    """A topic of the same name begins anew."""
    stub = await coordinating()
    partition = {"partition_index": 0, "committed_offset": 5}
    await stub.ask(8, 9, group_id="g", topics=[{"name": "t", "partitions": [partition]}])
    stub.commit(stub.controller.delete_topics(DeleteTopics((TopicRef("t"),))))
    assert not stub.groups.of("g").read(lambda groups: groups.committed("g"))
    stub.close()


async def test_deleted_offsets_topic_has_no_coordinators() -> None:
    """Groups are gone with it."""
    stub = await coordinating()
    assert len(stub.groups.all()) == 1
    stub.commit(stub.controller.delete_topics(DeleteTopics((TopicRef(OFFSETS_TOPIC),))))
    assert stub.groups.all() == []
    stub.close()
