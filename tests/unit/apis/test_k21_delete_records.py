"""DeleteRecords: how far, and when the answer comes."""

from __future__ import annotations

import asyncio

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code

HIGH_WATERMARK = -1


async def stub_with_records(**configs: str) -> BrokerStub:
    """Return a leader of `t-0`, high watermark 3, log end 5, one live follower."""
    stub = BrokerStub(brokers=(1, 2))
    await stub.create("t", [[1, 2]], **configs)
    stub.append("t", 1, 2, 3)
    stub.followed("t")
    stub.append("t", 4, 5)
    return stub


async def delete(
    stub: BrokerStub, *offsets: int, topic: str = "t", timeout_ms: int = 0
) -> list[tuple[ErrorCode, int]]:
    """Ask for offsets of partition 0, the last of which counts; return codes and watermarks."""
    partitions = [{"partition_index": 0, "offset": offset} for offset in offsets]
    answer = await stub.ask(
        21, 2, topics=[{"name": topic, "partitions": partitions}], timeout=timeout_ms
    )
    (results,) = [each.partitions for each in answer.topics]
    return [(code(each), each.low_watermark) for each in results]


async def test_answer_waits_until_the_followers_log_start_has_moved() -> None:
    """The leader moves at once, the answer comes when the last live replica has moved."""
    stub = await stub_with_records()
    waiting = asyncio.ensure_future(delete(stub, 3, timeout_ms=60_000))
    await asyncio.sleep(0)
    assert (stub.hosted("t").log.log_start_offset, waiting.done()) == (3, False)
    stub.followed("t")
    assert await waiting == [(ErrorCode.NONE, 3)]
    stub.close()


async def test_minus_one_means_the_high_watermark_and_the_dead_are_not_waited_for() -> None:
    """Everything readable goes; all is, once the only follower is fenced and out of the ISR."""
    stub = await stub_with_records()
    stub.fence(2)
    assert await delete(stub, HIGH_WATERMARK) == [(ErrorCode.NONE, 5)]
    stub.close()


async def test_deadline_comes_with_the_watermark_as_it_is() -> None:
    """When the time is up the records are gone here, and a follower still has them."""
    stub = await stub_with_records()
    assert await delete(stub, 3) == [(ErrorCode.REQUEST_TIMED_OUT, 0)]
    assert stub.hosted("t").log.log_start_offset == 3
    stub.close()


@pytest.mark.parametrize("offset", [4, 6, -2])
async def test_offset_out_of_range_moves_nothing(offset: int) -> None:
    """Above the high watermark or below 0 the request is refused."""
    stub = await stub_with_records()
    assert await delete(stub, offset) == [(ErrorCode.OFFSET_OUT_OF_RANGE, -1)]
    assert stub.hosted("t").log.log_start_offset == 0
    stub.close()


async def test_last_offset_of_a_doubled_partition_counts() -> None:
    """A partition named twice is answered once, for its last offset."""
    stub = await stub_with_records()
    assert await delete(stub, 3, 9) == [(ErrorCode.OFFSET_OUT_OF_RANGE, -1)]
    stub.close()


async def test_compacted_topic_keeps_its_records() -> None:
    """Without `delete` in cleanup.policy: POLICY_VIOLATION."""
    stub = await stub_with_records(cleanup_policy="compact")
    assert await delete(stub, 0) == [(ErrorCode.POLICY_VIOLATION, -1)]
    stub.close()


@pytest.mark.parametrize(
    ("topic", "want"),
    [
        ("nope", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ("__consumer_offsets", ErrorCode.INVALID_TOPIC_EXCEPTION),
        ("elsewhere", ErrorCode.NOT_LEADER_OR_FOLLOWER),
    ],
)
async def test_partition_that_is_not_led_here_is_refused(topic: str, want: ErrorCode) -> None:
    """Internal topics are never emptied; others only by their leader."""
    stub = await stub_with_records()
    await stub.create("elsewhere", [[2]])
    assert await delete(stub, 0, topic=topic) == [(want, -1)]
    stub.close()
