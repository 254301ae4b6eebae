"""BeginQuorumEpoch: who leads is heard, whomever it was meant for."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code


async def begin(stub: BrokerStub, epoch: int, **more: Any) -> ErrorCode:
    """Return what the one partition was told by who says that broker 2 leads."""
    asked = {"partition_index": 0, "leader_id": 2, "leader_epoch": epoch}
    topics = [{"topic_name": "__cluster_metadata", "partitions": [asked]}]
    answer = await stub.ask(53, 1, topics=topics, cluster_id=None, **more)
    return code(answer.topics[0].partitions[0])


@pytest.mark.parametrize(
    ("voter", "error"),
    [(-1, ErrorCode.NONE), (1, ErrorCode.NONE), (3, ErrorCode.INVALID_VOTER_KEY)],
)
async def test_leader_is_heard_and_told_where_it_erred(voter: int, error: ErrorCode) -> None:
    """As in Kafka: the epoch has begun, though another voter was to learn of it."""
    stub = BrokerStub()
    later = stub.quorum.machine.epoch + 1
    assert await begin(stub, later, voter_id=voter) == error
    assert (stub.quorum.machine.epoch, stub.quorum.machine.leader_id) == (later, 2)
    stub.close()


async def test_epoch_that_is_over_is_fenced_for_whomever_it_was_meant() -> None:
    """What is known here already is later."""
    stub = BrokerStub()
    await begin(stub, stub.quorum.machine.epoch + 2)
    epoch = stub.quorum.machine.epoch
    assert await begin(stub, epoch - 1, voter_id=3) == ErrorCode.FENCED_LEADER_EPOCH
    assert stub.quorum.machine.epoch == epoch
    stub.close()
