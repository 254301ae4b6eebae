"""OffsetCommit: each partition has its own error, the group one for all."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code, registered
from tests.support.group_stub import coordinating, stable


async def commit(stub: BrokerStub, version: int, topics: Any, **fields: Any) -> list[ErrorCode]:
    """Return the error of each partition."""
    wanted = {"generation_id_or_member_epoch": -1, "member_id": "", "group_id": "g", **fields}
    answer = await stub.ask(8, version, topics=topics, **wanted)
    return [code(each) for topic in answer.topics for each in topic.partitions]


def offset(index: int, value: int, **fields: Any) -> dict[str, Any]:
    """Return a partition of a request."""
    return {"partition_index": index, "committed_offset": value, **fields}


@pytest.mark.parametrize("version", registered(8))
async def test_every_version_commits(version: int) -> None:
    """Offset and metadata, and from version 6 on the leader epoch."""
    stub = await coordinating()
    epoch = {"committed_leader_epoch": 7} if version >= 6 else {}
    wanted = [{"name": "t", "partitions": [offset(0, 5, committed_metadata="note", **epoch)]}]
    assert await commit(stub, version, wanted) == [ErrorCode.NONE]
    found = stub.groups.of("g").read(lambda groups: groups.committed("g"))["t", 0]
    stub.close()
    assert (found.offset, found.metadata) == (5, "note")
    assert found.leader_epoch == (7 if version >= 6 else -1)
    assert (found.expire_timestamp_ms >= 0) is False


async def test_partitions_that_are_not_there_do_not_spoil_the_rest() -> None:
    """UNKNOWN_TOPIC_OR_PARTITION for them, in the order of the request."""
    stub = await coordinating()
    wanted = [
        {"name": "nope", "partitions": [offset(0, 1)]},
        {"name": "t", "partitions": [offset(0, 2), offset(9, 3), offset(1, 4)]},
    ]
    assert await commit(stub, 9, wanted) == [
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.NONE,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.NONE,
    ]
    stub.close()


async def test_refusal_of_the_group_leaves_missing_partitions_missing() -> None:
    """As Kafka, which looks for the partitions first."""
    stub = await coordinating()
    await stable(stub)
    wanted = [{"name": "t", "partitions": [offset(0, 2), offset(9, 3)]}]
    assert await commit(stub, 9, wanted) == [
        ErrorCode.UNKNOWN_MEMBER_ID,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ]
    stub.close()


@pytest.mark.parametrize(
    ("version", "want"), [(8, ErrorCode.ILLEGAL_GENERATION), (9, ErrorCode.GROUP_ID_NOT_FOUND)]
)
async def test_group_that_is_not_there_is_said_by_version(
    version: int, want: ErrorCode
) -> None:
    """Version 9 is the first whose clients know that word (KIP-848)."""
    stub = await coordinating()
    wanted = [{"name": "t", "partitions": [offset(0, 2)]}]
    got = await commit(stub, version, wanted, generation_id_or_member_epoch=3, member_id="m")
    stub.close()
    assert got == [want]


async def test_retention_of_its_own_is_kept() -> None:
    """OffsetCommit 2 to 4; -1 leaves it to offsets.retention.minutes."""
    stub = await coordinating()
    wanted = [{"name": "t", "partitions": [offset(0, 2)]}]
    await commit(stub, 2, wanted, retention_time=1_000)
    found = stub.groups.of("g").read(lambda groups: groups.committed("g"))["t", 0]
    stub.close()
    assert found.expire_timestamp_ms == stub.clock.wall_ms() + 1_000


async def test_broker_that_does_not_coordinate_says_so() -> None:
    """NOT_COORDINATOR sends a client back to FindCoordinator."""
    stub = await coordinating(replicas=(2,))
    wanted = [{"name": "t", "partitions": [offset(0, 2)]}]
    assert await commit(stub, 9, wanted) == [ErrorCode.NOT_COORDINATOR]
    stub.close()
