"""DescribeShareGroupOffsets, AlterShareGroupOffsets and DeleteShareGroupOffsets, in every version."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code, registered
from tests.support.share_stub import beat, fetch, join, sharing

DESCRIBE, ALTER, DELETE = 90, 91, 92


async def described(stub: BrokerStub, version: int = 0, topics: Any = None) -> Any:
    """Return what is said of group `g`."""
    asked = [{"group_id": "g", "topics": topics}]
    [group] = (await stub.ask(DESCRIBE, version, groups=asked)).groups
    return group


async def offsets(stub: BrokerStub) -> dict[tuple[str, int], int]:
    """Return the start offsets of group `g`."""
    return {
        (topic.topic_name, each.partition_index): each.start_offset
        for topic in (await described(stub)).topics
        for each in topic.partitions
    }


async def alter(stub: BrokerStub, offset: int, version: int = 0, name: str = "t") -> Any:
    """Let group `g` begin anew in partition 0."""
    partition = {"partition_index": 0, "start_offset": offset}
    topics = [{"topic_name": name, "partitions": [partition]}]
    return await stub.ask(ALTER, version, group_id="g", topics=topics)


async def delete(stub: BrokerStub, *names: str, version: int = 0) -> Any:
    """Let group `g` forget topics."""
    topics = [{"topic_name": name} for name in names]
    return await stub.ask(DELETE, version, group_id="g", topics=topics)


@pytest.mark.parametrize("version", registered(ALTER))
async def test_an_empty_group_begins_anew(version: int) -> None:
    """The next member gets what lies behind the new start offset."""
    stub = await sharing()
    await join(stub)
    stub.append("t", 1, 2, 3)
    await beat(stub, 1, -1)
    answer = await alter(stub, 1, version)
    assert code(answer) is ErrorCode.NONE
    [topic] = answer.responses
    assert [each.error_code for each in topic.partitions] == [0]
    assert await offsets(stub) == {("t", 0): 1}
    await join(stub)
    await fetch(stub, 0)
    [got] = (await fetch(stub, 1)).responses[0].partitions[0].acquired_records
    stub.close()
    assert (got.first_offset, got.last_offset) == (1, 2)


@pytest.mark.parametrize("version", registered(DELETE))
async def test_an_empty_group_forgets_topics(version: int) -> None:
    """What it never read there is nothing to delete of."""
    stub = await sharing()
    await stub.create("u", [[1]])
    await join(stub)
    await beat(stub, 1, -1)
    answer = await delete(stub, "t", "u", "none", version=version)
    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert [code(each) for each in answer.responses] == [ErrorCode.NONE, unknown, unknown]
    assert await offsets(stub) == {}
    stub.close()


@pytest.mark.parametrize("version", registered(DESCRIBE))
async def test_what_has_not_begun_is_minus_one(version: int) -> None:
    """Of partitions that are named, also of topics that are none."""
    stub = await sharing()
    topics = [
        {"topic_name": "t", "partitions": [0]},
        {"topic_name": "none", "partitions": [0]},
    ]
    group = await described(stub, version, topics)
    stub.close()
    assert group.error_code == 0
    assert [each.partitions[0].start_offset for each in group.topics] == [-1, -1]


async def test_a_group_with_members_is_left_alone() -> None:
    """As is one that is not there."""
    stub = await sharing()
    assert code(await alter(stub, 1)) is ErrorCode.GROUP_ID_NOT_FOUND
    assert code(await delete(stub, "t")) is ErrorCode.GROUP_ID_NOT_FOUND
    await join(stub)
    assert code(await alter(stub, 1)) is ErrorCode.NON_EMPTY_GROUP
    assert code(await delete(stub, "t")) is ErrorCode.NON_EMPTY_GROUP
    stub.close()


async def test_each_partition_has_its_own_error() -> None:
    """Here one of a topic that is not there."""
    stub = await sharing()
    await join(stub)
    await beat(stub, 1, -1)
    [topic] = (await alter(stub, 1, name="none")).responses
    stub.close()
    [found] = topic.partitions
    assert code(found) is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


async def test_share_groups_are_off_by_default() -> None:
    """They are a preview in Kafka 4.1."""
    stub = BrokerStub()
    assert code(await described(stub)) is ErrorCode.UNSUPPORTED_VERSION
    assert code(await alter(stub, 1)) is ErrorCode.UNSUPPORTED_VERSION
    assert code(await delete(stub, "t")) is ErrorCode.UNSUPPORTED_VERSION
    stub.close()
