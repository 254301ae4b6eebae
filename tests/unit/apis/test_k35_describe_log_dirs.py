"""DescribeLogDirs: the replicas of one broker and their sizes."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code


async def described(version: int, topics: list[dict[str, Any]] | None) -> list[Any]:
    """Ask broker 1, which has t-0 with a record and t-1 of three partitions."""
    stub = BrokerStub()
    await stub.create("t", [[1, 2], [3, 1], [2, 3]])
    stub.append("t", 1)
    answer = await stub.ask(35, version, topics=topics)
    stub.close()
    (result,) = answer.results
    assert code(result) is ErrorCode.NONE
    assert result.log_dir == "/tmp/kafka-logs"
    if version >= 4:
        assert (result.total_bytes, result.usable_bytes) == (-1, -1)
    return [each for topic in result.topics for each in topic.partitions]


@pytest.mark.parametrize("version", [1, 2, 3, 4])
async def test_all_replicas_here_are_described(version: int) -> None:
    """With their sizes in bytes; none is on its way to another directory."""
    found = await described(version, None)
    assert [(each.partition_index, each.partition_size > 0) for each in found] == [
        (0, True),
        (1, False),
    ]
    assert not any(each.is_future_key or each.offset_lag for each in found)


async def test_only_what_was_asked_for_is_described() -> None:
    """What is not here is passed over, and nothing is nothing."""
    found = await described(4, [{"topic": "t", "partitions": [1, 2, 9]}, {"topic": "no"}])
    assert [each.partition_index for each in found] == [1]
    assert await described(4, []) == []
