"""ShareGroupDescribe: share groups for people to look at, in every version."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import registered
from tests.support.share_stub import MEMBER, join, sharing

VERSIONS = registered(77)


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_version_shows_members_and_what_they_read(version: int) -> None:
    """And the list of groups has it as a share group."""
    stub = await sharing()
    await join(stub)
    answer = await stub.ask(77, version, group_ids=["g"], include_authorized_operations=True)
    [group] = answer.groups
    assert (group.error_code, group.group_state, group.assignor_name) == (0, "Stable", "simple")
    assert (group.group_epoch, group.assignment_epoch) == (2, 2)
    assert group.authorized_operations == 3400
    [member] = group.members
    assert (member.member_id, member.member_epoch) == (MEMBER, 2)
    assert member.subscribed_topic_names == ("t",)
    [topic] = member.assignment.topic_partitions
    assert (topic.topic_name, topic.partitions) == ("t", (0,))
    [listed] = (await stub.ask(16, 5, states_filter=[], types_filter=["share"])).groups
    stub.close()
    assert (listed.group_id, listed.protocol_type, listed.group_type) == ("g", "share", "share")


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_version_refuses_each_group_by_itself(version: int) -> None:
    """None at all, and no name."""
    stub = await sharing()
    answer = await stub.ask(
        77, version, group_ids=["none", ""], include_authorized_operations=False
    )
    stub.close()
    assert [group.error_code for group in answer.groups] == [
        ErrorCode.GROUP_ID_NOT_FOUND,
        ErrorCode.INVALID_GROUP_ID,
    ]
