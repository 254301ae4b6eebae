"""Vote: what a candidate may ask, and what it is told."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code

LOG = "__cluster_metadata"
FAR = 9_999_999


def candidate(epoch: int, **more: Any) -> dict[str, Any]:
    """Return what a stranger asks of the log's one partition."""
    log = {"last_offset_epoch": 0, "last_offset": 0}
    return {"partition_index": 0, "replica_id": 9, "replica_epoch": epoch, **log, **more}


async def vote(
    stub: BrokerStub,
    *partitions: dict[str, Any],
    topic: str = LOG,
    version: int = 2,
    **more: Any,
) -> Any:
    """Return the answer."""
    topics = [{"topic_name": topic, "partitions": list(partitions)}]
    return await stub.ask(52, version, topics=topics, **{"cluster_id": None, **more})


def told(answer: Any) -> tuple[ErrorCode, bool]:
    """Return what the one partition was told."""
    (partition,) = answer.topics[0].partitions
    return code(partition), partition.vote_granted


@pytest.mark.parametrize("version", [0, 1, 2])
async def test_later_epoch_with_a_log_that_lacks_nothing_gets_the_vote(version: int) -> None:
    """Once: another candidate of that epoch gets none."""
    stub = BrokerStub()
    later = stub.quorum.machine.epoch + 1
    asked = candidate(later, last_offset_epoch=later - 1, last_offset=FAR)
    assert told(await vote(stub, asked, version=version)) == (ErrorCode.NONE, True)
    other = asked | {"replica_id": 8}
    assert told(await vote(stub, other, version=version)) == (ErrorCode.NONE, False)
    stub.close()


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"last_offset": -1}, ErrorCode.INVALID_REQUEST),
        ({"last_offset_epoch": -1}, ErrorCode.INVALID_REQUEST),
        ({"last_offset_epoch": 7, "last_offset": FAR}, ErrorCode.INVALID_REQUEST),
        (
            {"last_offset_epoch": 8, "last_offset": FAR, "pre_vote": True},
            ErrorCode.INVALID_REQUEST,
        ),
        ({"replica_epoch": -1}, ErrorCode.INVALID_REQUEST),
        ({"replica_epoch": 0, "pre_vote": True}, ErrorCode.FENCED_LEADER_EPOCH),
    ],
)
async def test_candidate_that_cannot_be_changes_nothing(
    more: dict[str, Any], error: ErrorCode
) -> None:
    """Its log is of no epoch before its own, or its epoch is over."""
    stub = BrokerStub()
    before = stub.quorum.machine.state
    assert told(await vote(stub, candidate(7, **more))) == (error, False)
    assert stub.quorum.machine.state == before
    stub.close()


async def test_vote_meant_for_another_voter_is_not_given() -> None:
    """KIP-853 names whom a request is meant for; without a name it is whoever is asked."""
    stub = BrokerStub()
    assert told(await vote(stub, candidate(7), voter_id=3)) == (
        ErrorCode.INVALID_VOTER_KEY,
        False,
    )
    mine = candidate(7, last_offset_epoch=6, last_offset=FAR)
    assert told(await vote(stub, mine, voter_id=stub.node_id)) == (ErrorCode.NONE, True)
    stub.close()


@pytest.mark.parametrize("kind", [52, 53, 54])
async def test_other_logs_and_clusters_are_refused_as_a_whole(kind: int) -> None:
    """No topic is in the answer, as nothing was asked that there is."""
    stub = BrokerStub()
    asked = (
        candidate(7)
        if kind == 52
        else {"partition_index": 0, "leader_id": 9, "leader_epoch": 7}
    )

    async def refused(
        *partitions: dict[str, Any], topic: str = LOG, cluster: Any = None
    ) -> Any:
        topics = [{"topic_name": topic, "partitions": list(partitions)}]
        answer = await stub.ask(kind, 1, topics=topics, cluster_id=cluster)
        assert answer.topics == ()
        return code(answer)

    assert await refused(asked, cluster="elsewhere") is ErrorCode.INCONSISTENT_CLUSTER_ID
    assert await refused(asked, topic="orders") is ErrorCode.INVALID_REQUEST
    assert await refused(asked | {"partition_index": 7}) is ErrorCode.INVALID_REQUEST
    assert await refused(asked, asked) is ErrorCode.INVALID_REQUEST
    assert await refused() is ErrorCode.INVALID_REQUEST
    stub.close()
