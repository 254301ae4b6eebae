"""DescribeQuorum: who leads the metadata log, and how far voters and observers are."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka import AsyncCluster
from minikafka.base.errors import ErrorCode
from minikafka.wire.shapes import build_request
from minikafka.wire.versions import ApiKey
from tests.support.broker_stub import BrokerStub, code

LOG = "__cluster_metadata"


def topics(*names: tuple[str, list[int]]) -> list[dict[str, Any]]:
    """Return what is asked for."""
    return [
        {"topic_name": name, "partitions": [{"partition_index": each} for each in indexes]}
        for name, indexes in names
    ]


@pytest.mark.parametrize("version", [0, 1, 2])
async def test_leader_describes_itself(version: int) -> None:
    """A sole voter has all that is committed; its messages are empty, not null."""
    stub = BrokerStub()
    await stub.create("a", [[1]])
    answer = await stub.ask(55, version, topics=topics((LOG, [0])))
    machine = stub.quorum.machine
    told = answer.topics[0].partitions[0]
    assert (told.leader_id, told.leader_epoch) == (machine.node_id, machine.epoch)
    assert told.high_watermark == machine.high_watermark > 0
    assert [each.replica_id for each in told.current_voters] == [machine.node_id]
    assert told.observers == ()
    if version == 2:
        assert (answer.error_message, told.error_message) == ("", "")
    stub.close()


@pytest.mark.parametrize(
    "asked",
    [
        [(LOG, [7])],
        [(LOG, [0, 7])],
        [(LOG, [0, 0])],
        [("a", [0])],
        [(LOG, [0]), ("a", [0])],
        [(LOG, [0]), (LOG, [0])],
    ],
)
async def test_metadata_log_is_asked_for_alone_or_all_is_refused(
    asked: list[tuple[str, list[int]]],
) -> None:
    """Also the partition that is known; every refusal says why, and no node is named."""
    stub = BrokerStub()
    await stub.create("a", [[1]])
    answer = await stub.ask(55, 2, topics=topics(*asked))
    told = [each for topic in answer.topics for each in topic.partitions]
    assert len(told) == sum(len(indexes) for _, indexes in asked)
    assert {code(each) for each in told} == {ErrorCode.UNKNOWN_TOPIC_OR_PARTITION}
    assert all(each.error_message for each in told)
    assert (code(answer), answer.nodes) == (ErrorCode.NONE, ())
    stub.close()


async def test_any_broker_tells_voters_from_observers() -> None:
    """With their listeners for clients; who has caught up is at the leader's end."""
    async with AsyncCluster(4, seed=1) as cluster:
        request = build_request(ApiKey.DESCRIBE_QUORUM, 2, {"topics": topics((LOG, [0]))})
        client = cluster.client()

        async def described(broker: int) -> Any:
            return await client.call(broker, ApiKey.DESCRIBE_QUORUM, 2, request)

        answers = [await described(broker) for broker in cluster.brokers]
        for answer in answers:
            told = answer.topics[0].partitions[0]
            assert told.leader_id == cluster.controller()
            assert [each.replica_id for each in told.current_voters] == [1, 2, 3]
            assert [each.replica_id for each in told.observers] == [4]
            assert [each.node_id for each in answer.nodes] == [1, 2, 3]
