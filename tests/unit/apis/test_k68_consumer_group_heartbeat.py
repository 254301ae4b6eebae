"""ConsumerGroupHeartbeat: a member of the consumer protocol, in every version."""

from __future__ import annotations

import asyncio

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import code, registered
from tests.support.consumer_stub import beat, join, owned
from tests.support.group_stub import coordinating

VERSIONS = registered(68)


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_version_joins_and_leaves(version: int) -> None:
    """The answer names the member, its epoch, when to come again, and what it has."""
    stub = await coordinating()
    joined = await join(stub, version, "m")
    gone = await beat(stub, version, "m", -1)
    topic_id = stub.image.topics["t"].topic_id
    stub.close()
    assert (joined.member_id, joined.member_epoch) == ("m", 1)
    assert joined.heartbeat_interval.total_seconds() == 5
    [topic] = joined.assignment.topic_partitions
    assert (topic.topic_id, topic.partitions) == (topic_id, (0, 1))
    assert (code(gone), gone.member_epoch, gone.assignment) == (0, -1, None)


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_version_says_why_it_refuses(version: int) -> None:
    """With a text beside the code."""
    stub = await coordinating()
    answers = [
        await beat(stub, version, "m", 1),
        await join(stub, version, "m", server_assignor="mine"),
        await join(stub, version, "m", rebalance_timeout=-1),
        await beat(stub, version, "m", 1, group_id=""),
    ]
    stub.close()
    assert [code(answer) for answer in answers] == [
        ErrorCode.GROUP_ID_NOT_FOUND,
        ErrorCode.UNSUPPORTED_ASSIGNOR,
        ErrorCode.INVALID_REQUEST,
        ErrorCode.INVALID_REQUEST,
    ]
    assert all(answer.error_message for answer in answers)


@pytest.mark.parametrize("version", VERSIONS)
async def test_only_version_0_lets_the_coordinator_make_the_id(version: int) -> None:
    """KIP-1082: from 1 on the member has to bring one."""
    stub = await coordinating()
    answer = await join(stub, version, "")
    stub.close()
    if version == 0:
        assert len(answer.member_id) == 22
    else:
        assert code(answer) == ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_version_waits_for_what_is_given_up(version: int) -> None:
    """The second member gets its share once the first has acknowledged."""
    stub = await coordinating()
    await join(stub, version, "a")
    second = await join(stub, version, "b")
    told = await beat(stub, version, "a", 1, topic_partitions=owned(stub, 0, 1))
    waiting = await beat(stub, version, "b", 2, topic_partitions=())
    done = await beat(stub, version, "a", 1, topic_partitions=owned(stub, 0))
    got = await beat(stub, version, "b", 2, topic_partitions=())
    stub.close()
    assert second.assignment.topic_partitions == ()
    assert told.assignment.topic_partitions[0].partitions == (0,)
    assert (waiting.assignment, done.member_epoch) == (None, 2)
    assert got.assignment.topic_partitions[0].partitions == (1,)


async def test_expression_is_resolved_after_the_answer() -> None:
    """The member hears of its topics with its next heartbeat."""
    stub = await coordinating()
    first = await join(stub, 1, "m", subscribed_topic_names=None, subscribed_topic_regex="t|u")
    assert first.assignment.topic_partitions == ()
    for _ in range(3):  # what is due at once is due in the next turn of the loop
        await asyncio.sleep(0)
    second = await beat(stub, 1, "m", 1)
    refused = await join(stub, 1, "n", subscribed_topic_regex="[t")
    stub.close()
    assert (second.member_epoch, second.assignment.topic_partitions[0].partitions) == (
        2,
        (0, 1),
    )
    assert code(refused) == ErrorCode.INVALID_REGULAR_EXPRESSION


async def test_new_topics_reach_the_group() -> None:
    """Metadata is followed: the next heartbeat brings them."""
    stub = await coordinating()
    await join(stub, 1, "m", subscribed_topic_names=("t", "later"))
    await stub.create("other", [[1]])
    assert (await beat(stub, 1, "m", 1)).assignment is None
    await stub.create("later", [[1]])
    answer = await beat(stub, 1, "m", 1)
    stub.close()
    assert len(answer.assignment.topic_partitions) == 2


async def test_members_are_refused_where_nobody_coordinates() -> None:
    """As everywhere: NOT_COORDINATOR, or that the group is being loaded."""
    stub = await coordinating()
    stub.groups.of("g").loading = True
    loading = await join(stub, 1, "m")
    stub.close()
    assert code(loading) == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
