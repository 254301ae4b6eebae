"""OffsetDelete: offsets that nobody needs."""

from __future__ import annotations

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import code
from tests.support.group_stub import coordinating


async def test_offsets_are_deleted_one_by_one() -> None:
    """KIP-496: a partition that is not there has its own error."""
    stub = await coordinating()
    partitions = [{"partition_index": index, "committed_offset": 5} for index in (0, 1)]
    await stub.ask(8, 9, group_id="g", topics=[{"name": "t", "partitions": partitions}])
    answer = await stub.ask(
        47,
        0,
        group_id="g",
        topics=[{"name": "t", "partitions": [{"partition_index": 9}, {"partition_index": 1}]}],
    )
    left = stub.groups.of("g").read(lambda groups: groups.committed("g"))
    stub.close()
    assert code(answer) == ErrorCode.NONE
    assert [code(each) for each in answer.topics[0].partitions] == [
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.NONE,
    ]
    assert list(left) == [("t", 0)]


async def test_group_that_is_not_there_is_refused_as_a_whole() -> None:
    """GROUP_ID_NOT_FOUND at the top, INVALID_GROUP_ID for no name."""
    stub = await coordinating()
    topics = [{"name": "t", "partitions": [{"partition_index": 0}]}]
    got = [code(await stub.ask(47, 0, group_id=each, topics=topics)) for each in ("g", "")]
    stub.close()
    assert got == [ErrorCode.GROUP_ID_NOT_FOUND, ErrorCode.INVALID_GROUP_ID]
