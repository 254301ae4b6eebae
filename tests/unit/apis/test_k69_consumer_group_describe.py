"""ConsumerGroupDescribe: groups of the consumer protocol for people, in every version."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, registered
from tests.support.consumer_stub import beat, join, owned
from tests.support.group_stub import coordinating, stable

VERSIONS = registered(69)


async def describe(stub: BrokerStub, version: int, *group_ids: str, asks: bool = False) -> Any:
    """Return what is said of groups."""
    answer = await stub.ask(
        69, version, group_ids=group_ids, include_authorized_operations=asks
    )
    return answer.groups


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_version_shows_what_members_have_and_are_to_have(version: int) -> None:
    """While one gives up what the other is to get."""
    stub = await coordinating()
    await join(stub, version, "a", instance_id="i", rack_id="r")
    await join(stub, version, "b")
    await beat(stub, version, "a", 1, instance_id="i", topic_partitions=owned(stub, 0, 1))
    [group] = await describe(stub, version, "g")
    stub.close()
    assert (group.error_code, group.group_state) == (0, "Reconciling")
    assert (group.group_epoch, group.assignment_epoch, group.assignor_name) == (2, 2, "uniform")
    first, second = group.members
    assert (first.member_id, first.instance_id, first.rack_id) == ("a", "i", "r")
    assert (first.member_epoch, second.member_epoch) == (1, 2)
    assert first.subscribed_topic_names == ("t",)
    assert [
        [(topic.topic_name, topic.partitions) for topic in assignment.topic_partitions]
        for member in (first, second)
        for assignment in (member.assignment, member.target_assignment)
    ] == [[("t", (0,))], [("t", (0,))], [], [("t", (1,))]]
    if version >= 1:
        assert first.member_type == 1


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_version_refuses_each_group_by_itself(version: int) -> None:
    """Classic groups, none at all, and no name."""
    stub = await coordinating()
    await stable(stub)
    groups = await describe(stub, version, "g", "none", "")
    stub.close()
    assert [group.error_code for group in groups] == [
        ErrorCode.GROUP_ID_NOT_FOUND,
        ErrorCode.GROUP_ID_NOT_FOUND,
        ErrorCode.INVALID_GROUP_ID,
    ]


@pytest.mark.parametrize(("asks", "want"), [(False, -(1 << 31)), (True, 3400)])
async def test_operations_are_shown_where_asked_for(asks: bool, want: int) -> None:
    """KIP-430, for groups of this protocol as well."""
    stub = await coordinating()
    await join(stub, 1, "m")
    [group] = await describe(stub, 1, "g", asks=asks)
    stub.close()
    assert group.authorized_operations == want
