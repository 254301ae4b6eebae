"""FindCoordinator: who coordinates a group, and what is said where nobody does."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from minikafka.broker.group_coordinator import OFFSETS_TOPIC
from tests.support.broker_stub import BrokerStub, code, registered

GROUP, TRANSACTION, SHARE, UNKNOWN = 0, 1, 2, 3
SHARE_KEY = "g:AAAAAAAAAAAAAAAAAAAATQ:0"


@pytest.mark.parametrize("version", registered(10))
async def test_group_has_the_leader_of_its_partition(version: int) -> None:
    """Every version names the same broker."""
    stub = BrokerStub()
    await stub.create(OFFSETS_TOPIC, [[1], [2], [3]])
    key = {"coordinator_keys": ["g"]} if version >= 4 else {"key": "g"}
    answer = await stub.ask(10, version, **key)
    stub.close()
    found = answer.coordinators[0] if version >= 4 else answer
    # The hash of "g" is 103, and 103 % 3 is 1.
    assert (code(found), found.node_id, found.host, found.port) == (0, 2, "host2", 9002)
    if version >= 4:
        assert found.key == "g"


async def test_first_question_makes_the_topic() -> None:
    """With its partitions and replicas by config, compacted; then it is answered."""
    stub = BrokerStub(config={"offsets.topic.num.partitions": 4})
    answer = await stub.ask(10, 6, coordinator_keys=["g"])
    stub.close()
    partitions = stub.image.topics[OFFSETS_TOPIC].partitions
    assert [len(each.replicas) for each in partitions] == [3] * 4
    assert code(answer.coordinators[0]) == ErrorCode.NONE


@pytest.mark.parametrize(
    ("config", "want"),
    [
        ({}, ErrorCode.NONE),
        ({"offsets.topic.replication.factor": 3}, ErrorCode.COORDINATOR_NOT_AVAILABLE),
    ],
)
async def test_small_cluster_has_fewer_replicas_unless_told(
    config: dict[str, int], want: ErrorCode
) -> None:
    """One broker is enough for groups, but a config that asks for more is held to."""
    stub = BrokerStub(brokers=(1,), config=dict(config))
    answer = await stub.ask(10, 6, coordinator_keys=["g"])
    stub.close()
    assert code(answer.coordinators[0]) == want


async def test_partition_without_a_leader_has_no_coordinator() -> None:
    """COORDINATOR_NOT_AVAILABLE: the client asks again."""
    stub = BrokerStub()
    await stub.create(OFFSETS_TOPIC, [[2]])
    stub.fence(2)
    answer = await stub.ask(10, 3, key="g")
    stub.close()
    assert (code(answer), answer.node_id) == (ErrorCode.COORDINATOR_NOT_AVAILABLE, -1)
    assert answer.error_message == "The coordinator is not available."


@pytest.mark.parametrize(
    ("version", "key_type", "want"),
    [
        (3, SHARE, ErrorCode.INVALID_REQUEST),
        (1, UNKNOWN, ErrorCode.INVALID_REQUEST),
    ],
)
async def test_one_key_is_refused_at_the_top(
    version: int, key_type: int, want: ErrorCode
) -> None:
    """Before version 4 the answer holds one error and no broker."""
    stub = BrokerStub()
    answer = await stub.ask(10, version, key="k", key_type=key_type)
    stub.close()
    assert (code(answer), answer.node_id, answer.host, answer.port) == (want, -1, "", -1)
    assert answer.error_message


@pytest.mark.parametrize(
    ("version", "key_type", "keys", "want"),
    [
        (6, SHARE, ["g", ":AAAAAAAAAAAAAAAAAAAATQ:0"], ErrorCode.INVALID_REQUEST),
        (5, SHARE, [SHARE_KEY], ErrorCode.INVALID_REQUEST),
        (6, UNKNOWN, ["g"], ErrorCode.INVALID_REQUEST),
    ],
)
async def test_each_of_several_keys_is_refused(
    version: int, key_type: int, keys: list[str], want: ErrorCode
) -> None:
    """From version 4 on every key has its own error, in the order of the request."""
    stub = BrokerStub()
    answer = await stub.ask(10, version, coordinator_keys=keys, key_type=key_type)
    stub.close()
    assert [(each.key, code(each), each.node_id) for each in answer.coordinators] == [
        (key, want, -1) for key in keys
    ]


async def test_the_first_transactional_id_makes_the_topic() -> None:
    """With as many partitions as Kafka's; the leader of its own coordinates the id."""
    stub = BrokerStub()
    answer = await stub.ask(10, 3, key="x", key_type=TRANSACTION)
    stub.close()
    partitions = stub.image.topics["__transaction_state"].partitions
    leader = partitions[stub.transactions.partition_for("x")].leader
    assert (code(answer), answer.node_id, len(partitions)) == (ErrorCode.NONE, leader, 50)
