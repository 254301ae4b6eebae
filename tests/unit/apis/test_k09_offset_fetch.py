"""OffsetFetch: what is committed, and no error where nothing is."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code, registered
from tests.support.group_stub import coordinating


async def committed(stub: BrokerStub, group_id: str = "g") -> None:
    """Commit offset 5 of t-0."""
    partition = {
        "partition_index": 0,
        "committed_offset": 5,
        "committed_leader_epoch": 7,
        "committed_metadata": "note",
    }
    await stub.ask(
        8,
        9,
        group_id=group_id,
        generation_id_or_member_epoch=-1,
        member_id="",
        topics=[{"name": "t", "partitions": [partition]}],
    )


async def fetch(
    stub: BrokerStub, version: int, topics: Any, group_id: str = "g", **fields: Any
) -> tuple[ErrorCode, dict[tuple[str, int], Any]]:
    """Return the error and the partitions of one group, in any version."""
    if version >= 8:
        groups = [{"group_id": group_id, "topics": topics}]
        [whole] = (await stub.ask(9, version, groups=groups, **fields)).groups
    else:
        whole = await stub.ask(9, version, group_id=group_id, topics=topics, **fields)
    error = code(whole) if version >= 2 else ErrorCode.NONE
    return error, {
        (topic.name, each.partition_index): each
        for topic in whole.topics
        for each in topic.partitions
    }


@pytest.mark.parametrize("version", registered(9))
async def test_every_version_has_the_offset(version: int) -> None:
    """With its metadata, and from version 5 on the leader epoch."""
    stub = await coordinating()
    await committed(stub)
    error, found = await fetch(stub, version, [{"name": "t", "partition_indexes": [0, 1]}])
    stub.close()
    first, second = found["t", 0], found["t", 1]
    assert (error, code(first), first.committed_offset, first.metadata) == (0, 0, 5, "note")
    assert (code(second), second.committed_offset, second.metadata) == (0, -1, "")
    if version >= 5:
        assert (first.committed_leader_epoch, second.committed_leader_epoch) == (7, -1)


@pytest.mark.parametrize("version", registered(9))
async def test_unknown_group_is_no_error(version: int) -> None:
    """Clients of every language rely on it: -1 for each partition."""
    stub = await coordinating()
    error, found = await fetch(
        stub, version, [{"name": "nope", "partition_indexes": [3]}], "nobody"
    )
    stub.close()
    assert (error, code(found["nope", 3]), found["nope", 3].committed_offset) == (0, 0, -1)


@pytest.mark.parametrize("version", [2, 7, 8, 9])
async def test_null_asks_for_all(version: int) -> None:
    """Every partition that the group has an offset of."""
    stub = await coordinating()
    await committed(stub)
    _, found = await fetch(stub, version, None)
    stub.close()
    assert {label: each.committed_offset for label, each in found.items()} == {("t", 0): 5}


@pytest.mark.parametrize("version", [1, 2, 8])
async def test_broker_that_does_not_coordinate_says_so(version: int) -> None:
    """For the whole group; version 1 has room for it in the partitions only."""
    stub = await coordinating(replicas=(2,))
    error, found = await fetch(stub, version, [{"name": "t", "partition_indexes": [0]}])
    stub.close()
    if version == 1:
        assert code(found["t", 0]) == ErrorCode.NOT_COORDINATOR
    else:
        assert (error, found) == (ErrorCode.NOT_COORDINATOR, {})


async def test_several_groups_are_answered_each() -> None:
    """KIP-709."""
    stub = await coordinating()
    await committed(stub, "h")
    topics = [{"name": "t", "partition_indexes": [0]}]
    groups = [{"group_id": each, "topics": topics} for each in ("g", "h")]
    answer = await stub.ask(9, 8, groups=groups, require_stable=True)
    stub.close()
    assert [
        (group.group_id, group.topics[0].partitions[0].committed_offset)
        for group in answer.groups
    ] == [("g", -1), ("h", 5)]
