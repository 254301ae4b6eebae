"""Metadata: which topics are meant in which version, and what a missing one leads to."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import CLUSTER_ID, BrokerStub, code

ABSENT_ID = uuid.UUID(int=77)


async def stub_with_topics() -> BrokerStub:
    """Return a broker that knows the topics `b` (2 partitions) and `a`."""
    stub = BrokerStub()
    await stub.create("b", [[1, 2, 3], [2, 3, 1]])
    await stub.create("a", [[3, 1, 2]])
    return stub


async def names_and_codes(stub: BrokerStub, version: int, topics: Any) -> list[Any]:
    """Return (name, error code) of each topic in the answer."""
    answer = await stub.ask(3, version, topics=topics)
    stub.close()
    return [(topic.name, code(topic)) for topic in answer.topics]


@pytest.mark.parametrize(
    ("version", "topics", "want"),
    [
        (0, [], ["a", "b"]),
        (1, None, ["a", "b"]),
        (1, [], []),
        (13, None, ["a", "b"]),
        (13, [], []),
        (13, [{"name": "b"}, {"name": "a"}, {"name": "b"}], ["a", "b"]),
    ],
)
async def test_null_asks_for_all_and_empty_for_none_but_in_version_0(
    version: int, topics: Any, want: list[str]
) -> None:
    """All topics are meant by null, in version 0 by an empty list; each comes once, sorted."""
    answer = await names_and_codes(await stub_with_topics(), version, topics)
    assert answer == [(name, ErrorCode.NONE) for name in want]


async def test_brokers_partitions_and_controller_are_described() -> None:
    """Live brokers by id, partitions by index, the cluster id and a live controller."""
    stub = await stub_with_topics()
    answer = await stub.ask(3, 12, topics=[{"name": "b"}])
    stub.close()
    assert [(b.node_id, b.host, b.port) for b in answer.brokers] == [
        (1, "host1", 9001),
        (2, "host2", 9002),
        (3, "host3", 9003),
    ]
    assert (answer.cluster_id, answer.controller_id) == (CLUSTER_ID, 1)
    (topic,) = answer.topics
    assert topic.topic_id == stub.image.topics["b"].topic_id
    assert not topic.is_internal
    assert topic.topic_authorized_operations == -(2**31)
    assert [(p.partition_index, p.leader_id, p.leader_epoch) for p in topic.partitions] == [
        (0, 1, 0),
        (1, 2, 0),
    ]
    assert [p.replica_nodes for p in topic.partitions] == [(1, 2, 3), (2, 3, 1)]


async def test_fenced_broker_is_offline_and_never_the_controller() -> None:
    """A fenced broker leaves the list, stays a replica, and is not named as controller."""
    stub = await stub_with_topics()
    stub.controller_id = 3
    stub.fence(3)
    answer = await stub.ask(3, 12, topics=[{"name": "a"}])
    stub.close()
    assert [broker.node_id for broker in answer.brokers] == [1, 2]
    assert answer.controller_id == 1
    ((partition,),) = [topic.partitions for topic in answer.topics]
    assert (partition.leader_id, partition.leader_epoch) == (1, 1)
    assert (partition.replica_nodes, partition.offline_replicas) == ((3, 1, 2), (3,))


async def test_partition_without_a_leader_says_so() -> None:
    """With its last in-sync replica gone a partition has no leader, and is an error."""
    stub = BrokerStub()
    await stub.create("t", [[3]])
    stub.fence(3)
    answer = await stub.ask(3, 12, topics=[{"name": "t"}])
    stub.close()
    (partition,) = answer.topics[0].partitions
    assert code(partition) == ErrorCode.LEADER_NOT_AVAILABLE
    assert partition.leader_id == -1


async def test_version_0_leaves_fenced_replicas_out() -> None:
    """The first version shows only live replicas, and says that some are missing."""
    stub = await stub_with_topics()
    stub.fence(3)
    answer = await stub.ask(3, 0, topics=[{"name": "a"}])
    stub.close()
    (partition,) = answer.topics[0].partitions
    assert code(partition) == ErrorCode.REPLICA_NOT_AVAILABLE
    assert partition.replica_nodes == (1, 2)


@pytest.mark.parametrize("version", [0, 3, 4, 13])
async def test_missing_topic_is_unknown_first_and_there_later(version: int) -> None:
    """The asker hears UNKNOWN_TOPIC_OR_PARTITION while its topic is made, then finds it."""
    stub = await stub_with_topics()
    first = await stub.ask(3, version, topics=[{"name": "new"}])
    assert code(first.topics[0]) == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    await stub.run_spawned()
    assert await names_and_codes(stub, version, [{"name": "new"}]) == [("new", ErrorCode.NONE)]


@pytest.mark.parametrize(
    ("config", "allowed"), [({"auto.create.topics.enable": "false"}, True), ({}, False)]
)
async def test_topic_is_not_created_where_broker_or_client_forbids(
    config: dict[str, str | int | float | bool], allowed: bool
) -> None:
    """Both the broker's config and the request's flag must allow it."""
    stub = BrokerStub(config=config)
    await stub.ask(3, 4, topics=[{"name": "new"}], allow_auto_topic_creation=allowed)
    assert stub.spawned == []
    stub.close()


async def test_impossible_name_is_refused_and_not_created() -> None:
    """A name no topic can have is INVALID_TOPIC_EXCEPTION beside good ones (trap 11)."""
    stub = await stub_with_topics()
    answer = await stub.ask(3, 9, topics=[{"name": "a b"}, {"name": ""}, {"name": "a"}])
    assert [(topic.name, code(topic)) for topic in answer.topics] == [
        ("a", ErrorCode.NONE),
        ("", ErrorCode.INVALID_TOPIC_EXCEPTION),
        ("a b", ErrorCode.INVALID_TOPIC_EXCEPTION),
    ]
    assert stub.spawned == []
    stub.close()


async def test_topic_ids_count_alone_where_there_are_any() -> None:
    """Ids lead to topics; an unknown one has no name; names beside ids mean nothing."""
    stub = await stub_with_topics()
    known = stub.image.topics["a"].topic_id
    asked = [
        {"name": None, "topic_id": known},
        {"name": None, "topic_id": ABSENT_ID},
        {"name": "b"},
    ]
    answer = await names_and_codes(stub, 12, asked)
    assert answer == [(None, ErrorCode.UNKNOWN_TOPIC_ID), ("a", ErrorCode.NONE)]


@pytest.mark.parametrize(
    ("version", "topic", "want"),
    [
        (10, {"name": None}, ErrorCode.INVALID_REQUEST),
        (11, {"name": "a", "topic_id": ABSENT_ID}, ErrorCode.INVALID_REQUEST),
        (12, {"name": None}, ErrorCode.UNKNOWN_SERVER_ERROR),
        (13, {"name": None}, ErrorCode.UNKNOWN_SERVER_ERROR),
    ],
)
async def test_topic_that_names_nothing_refuses_the_request(
    version: int, topic: dict[str, Any], want: ErrorCode
) -> None:
    """Ids before version 12 and null names refuse all: no brokers, no cluster in the answer."""
    stub = await stub_with_topics()
    answer = await stub.ask(3, version, topics=[topic])
    stub.close()
    assert (answer.brokers, answer.cluster_id, answer.controller_id) == ((), None, -1)
    assert [code(each) for each in answer.topics] == [want]
    assert version < 13 or code(answer) == want


async def test_authorized_operations_are_all_when_asked_for() -> None:
    """Without an authorizer everything is allowed, on topics and on the cluster."""
    stub = await stub_with_topics()
    answer = await stub.ask(
        3,
        8,
        topics=[{"name": "a"}],
        include_topic_authorized_operations=True,
        include_cluster_authorized_operations=True,
    )
    stub.close()
    assert answer.topics[0].topic_authorized_operations == 3576
    assert answer.cluster_authorized_operations == 8096
