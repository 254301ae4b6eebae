"""DescribeTopicPartitions: pages over sorted topics."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code


async def stub_with_topics(**config: int) -> BrokerStub:
    """Return a broker that knows `a` with one partition and `b` with three."""
    stub = BrokerStub(config={key.replace("_", "."): value for key, value in config.items()})
    await stub.create("b", [[1], [2], [3]])
    await stub.create("a", [[1, 2]])
    return stub


async def describe(stub: BrokerStub, *names: str, limit: int = 2000, **more: Any) -> Any:
    """Return the answer for these topics."""
    topics = [{"name": name} for name in names]
    answer = await stub.ask(75, 0, topics=topics, response_partition_limit=limit, **more)
    stub.close()
    return answer


def page(answer: Any) -> tuple[list[tuple[str, list[int]]], tuple[str, int] | None]:
    """Return what partitions are in an answer, and where the next one starts."""
    topics = [(t.name, [p.partition_index for p in t.partitions]) for t in answer.topics]
    cursor = answer.next_cursor
    return topics, None if cursor is None else (cursor.topic_name, cursor.partition_index)


@pytest.mark.parametrize(
    ("limit", "want"),
    [
        (2000, ([("a", [0]), ("b", [0, 1, 2])], None)),
        (4, ([("a", [0]), ("b", [0, 1, 2])], None)),
        (3, ([("a", [0]), ("b", [0, 1])], ("b", 2))),
        (1, ([("a", [0])], ("b", 0))),
        (0, ([("a", [0])], ("b", 0))),
        (-5, ([("a", [0])], ("b", 0))),
    ],
)
@pytest.mark.parametrize("names", [("b", "a", "b"), ()])
async def test_limit_ends_the_page_and_the_cursor_names_the_next_partition(
    names: tuple[str, ...], limit: int, want: Any
) -> None:
    """At least one partition comes, never more than the limit; no names means all topics."""
    assert page(await describe(await stub_with_topics(), *names, limit=limit)) == want


async def test_brokers_own_limit_counts_too() -> None:
    """max.request.partition.size.limit bounds what a client may ask for."""
    stub = await stub_with_topics(max_request_partition_size_limit=2)
    assert page(await describe(stub)) == ([("a", [0]), ("b", [0])], ("b", 1))


@pytest.mark.parametrize(
    ("names", "cursor", "want"),
    [
        (("a", "b"), ("b", 1), [("b", [1, 2])]),
        ((), ("a", 0), [("a", [0]), ("b", [0, 1, 2])]),
        ((), ("aa", 5), [("b", [0, 1, 2])]),
        (("b",), ("b", 9), [("b", [])]),
    ],
)
async def test_cursor_starts_where_the_page_before_ended(
    names: tuple[str, ...], cursor: tuple[str, int], want: Any
) -> None:
    """Topics before the cursor are left out, and partitions before it in its own topic."""
    asked = {"topic_name": cursor[0], "partition_index": cursor[1]}
    answer = await describe(await stub_with_topics(), *names, cursor=asked)
    assert page(answer) == (want, None)


@pytest.mark.parametrize("cursor", [("a", 0), ("b", -1)])
async def test_impossible_cursor_refuses_the_request(cursor: tuple[str, int]) -> None:
    """A cursor outside the asked topics, or before partition 0, is INVALID_REQUEST."""
    asked = {"topic_name": cursor[0], "partition_index": cursor[1]}
    answer = await describe(await stub_with_topics(), "b", cursor=asked)
    assert [(t.name, code(t)) for t in answer.topics] == [("b", ErrorCode.INVALID_REQUEST)]


async def test_absent_topics_are_reported_in_their_place() -> None:
    """Unknown and impossible names are errors of their own, sorted among the others."""
    answer = await describe(await stub_with_topics(), "z", "a b", "b")
    assert [(t.name, code(t)) for t in answer.topics] == [
        ("a b", ErrorCode.INVALID_TOPIC_EXCEPTION),
        ("b", ErrorCode.NONE),
        ("z", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    ]
    assert {t.topic_authorized_operations for t in answer.topics} == {3576}


async def test_eligible_leaders_are_empty_and_never_null() -> None:
    """The Java client reads both lists without looking (trap 12)."""
    answer = await describe(await stub_with_topics(), "a")
    (partition,) = answer.topics[0].partitions
    assert (partition.eligible_leader_replicas, partition.last_known_elr) == ((), ())
    assert (partition.leader_id, partition.replica_nodes, partition.isr_nodes) == (
        1,
        (1, 2),
        (1, 2),
    )


async def test_eligible_leaders_and_the_last_known_one_are_shown() -> None:
    """KIP-966: who may lead when the ISR is empty, and who led last."""
    stub = await stub_with_topics()
    stub.fence(3)
    last = (await describe(stub, "b")).topics[0].partitions[2]
    assert (last.isr_nodes, last.eligible_leader_replicas, last.last_known_elr) == (
        (),
        (3,),
        (3,),
    )


async def test_partition_without_a_leader_is_no_error_here() -> None:
    """`leader_id` -1 says it all."""
    stub = await stub_with_topics()
    stub.fence(3)
    answer = await describe(stub, "b")
    last = answer.topics[0].partitions[2]
    assert (code(last), last.leader_id, last.offline_replicas) == (ErrorCode.NONE, -1, (3,))
