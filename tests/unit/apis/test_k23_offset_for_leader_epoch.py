"""OffsetForLeaderEpoch: where an epoch ends in the leader's log."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code


@pytest.mark.parametrize(
    ("leader_epoch", "want"), [(0, (0, 2)), (1, (1, 2)), (2, (-1, -1)), (-1, (-1, -1))]
)
async def test_known_epoch_has_an_end_and_unknown_one_has_none(
    leader_epoch: int, want: tuple[int, int]
) -> None:
    """An epoch ends where the next begins, the last one at the log end (KIP-279)."""
    stub = BrokerStub()
    await stub.create("t", [[1, 2]])
    stub.append("t", 1, 2)
    stub.hosted("t").log.epochs.assign(1, 2)
    asked = {"partition": 0, "leader_epoch": leader_epoch}
    answer = await stub.ask(23, 4, topics=[{"topic": "t", "partitions": [asked]}])
    stub.close()
    (found,) = answer.topics[0].partitions
    assert code(found) == ErrorCode.NONE
    assert (found.leader_epoch, found.end_offset) == want


@pytest.mark.parametrize(
    ("topic", "current_leader_epoch", "want"),
    [
        ("t", 3, ErrorCode.UNKNOWN_LEADER_EPOCH),
        ("t", -5, ErrorCode.FENCED_LEADER_EPOCH),
        ("nope", -1, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ("elsewhere", -1, ErrorCode.NOT_LEADER_OR_FOLLOWER),
    ],
)
async def test_who_does_not_lead_does_not_answer(
    topic: str, current_leader_epoch: int, want: ErrorCode
) -> None:
    """Wrong broker and wrong epoch are the partition's error."""
    stub = BrokerStub()
    await stub.create("t", [[1]])
    await stub.create("elsewhere", [[2]])
    asked = {"partition": 0, "leader_epoch": 0, "current_leader_epoch": current_leader_epoch}
    answer = await stub.ask(23, 2, topics=[{"topic": topic, "partitions": [asked]}])
    stub.close()
    (found,) = answer.topics[0].partitions
    assert (code(found), found.leader_epoch, found.end_offset) == (want, -1, -1)
