"""AlterPartition: a leader's proposal, and what the controller makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code


async def propose(stub: BrokerStub, version: int, isr: tuple[int, ...], **more: Any) -> Any:
    """Let broker 1 propose the ISR of t-0; return the answer."""
    brokers = stub.image.brokers
    proposal = {
        "partition_index": 0,
        "leader_epoch": 0,
        "partition_epoch": 0,
        "new_isr": isr,
        "new_isr_with_epochs": [
            {"broker_id": each, "broker_epoch": brokers[each].broker_epoch} for each in isr
        ],
        **more,
    }
    proposal.pop("new_isr" if version >= 3 else "new_isr_with_epochs")
    topic = {"topic_id": stub.image.topics["t"].topic_id, "partitions": [proposal]}
    answer = await stub.ask(
        56, version, broker_id=1, broker_epoch=brokers[1].broker_epoch, topics=[topic]
    )
    stub.close()
    return answer


@pytest.mark.parametrize("version", [2, 3])
async def test_accepted_isr_comes_back_with_the_next_partition_epoch(version: int) -> None:
    """The controller records the ISR and answers with the partition's new state."""
    stub = BrokerStub()
    await stub.create("t", [[1, 2, 3]])
    answer = await propose(stub, version, (1, 2))
    assert code(answer) == ErrorCode.NONE
    (topic,) = answer.topics
    (partition,) = topic.partitions
    assert topic.topic_id == stub.image.topics["t"].topic_id
    assert (code(partition), partition.isr) == (ErrorCode.NONE, (1, 2))
    assert (partition.leader_id, partition.leader_epoch, partition.partition_epoch) == (1, 0, 1)
    leader = stub.hosted("t").leader
    assert leader is not None
    assert leader.isr == (1, 2)


@pytest.mark.parametrize(
    ("more", "want"),
    [
        ({"partition_epoch": 7}, ErrorCode.NOT_CONTROLLER),
        ({"leader_epoch": 7}, ErrorCode.NOT_CONTROLLER),
        ({"partition_index": 7}, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    ],
)
async def test_refused_isr_is_the_partitions_error(
    more: dict[str, int], want: ErrorCode
) -> None:
    """What does not fit the controller's state changes nothing, and the request stands."""
    stub = BrokerStub()
    await stub.create("t", [[1, 2, 3]])
    answer = await propose(stub, 3, (1, 2), **more)
    assert code(answer) == ErrorCode.NONE
    assert code(answer.topics[0].partitions[0]) == want
    assert stub.image.topics["t"].partitions[0].isr == (1, 2, 3)


async def test_stale_broker_epoch_refuses_the_request() -> None:
    """Who is not the broker that registered last decides nothing."""
    stub = BrokerStub()
    answer = await stub.ask(56, 3, broker_id=1, broker_epoch=999, topics=[])
    stub.close()
    assert (code(answer), answer.topics) == (ErrorCode.STALE_BROKER_EPOCH, ())
