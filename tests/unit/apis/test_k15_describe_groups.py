"""DescribeGroups: groups for people to look at."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import code, registered
from tests.support.group_stub import coordinating, stable


@pytest.mark.parametrize("version", registered(15))
async def test_every_version_describes(version: int) -> None:
    """State, protocol and members of a stable group."""
    stub = await coordinating()
    joined = await stable(stub)
    [group] = (await stub.ask(15, version, groups=["g"])).groups
    stub.close()
    assert (code(group), group.group_state, group.protocol_data) == (0, "Stable", "range")
    [member] = group.members
    assert (member.member_id, member.client_id) == (joined.member_id, "stub")
    assert member.client_host == "/127.0.0.1"
    assert member.member_assignment == joined.member_id.encode()


@pytest.mark.parametrize(("version", "want"), [(5, 0), (6, ErrorCode.GROUP_ID_NOT_FOUND)])
async def test_group_that_is_not_there_is_dead(version: int, want: int) -> None:
    """And from 6 on an error, too (KIP-1043)."""
    stub = await coordinating()
    [group] = (await stub.ask(15, version, groups=["nobody"])).groups
    stub.close()
    assert (code(group), group.group_state, group.members) == (want, "Dead", ())


@pytest.mark.parametrize(("asked", "want"), [(True, 3400), (False, -(2**31))])
async def test_operations_are_said_if_asked_for(asked: bool, want: int) -> None:
    """KIP-430: without ACLs everything is allowed."""
    stub = await coordinating()
    await stable(stub)
    answer = await stub.ask(15, 5, groups=["g"], include_authorized_operations=asked)
    stub.close()
    assert answer.groups[0].authorized_operations == want


async def test_broker_that_does_not_coordinate_says_so() -> None:
    """Of each group."""
    stub = await coordinating(replicas=(2,))
    [group] = (await stub.ask(15, 6, groups=["g"])).groups
    stub.close()
    assert (code(group), group.group_state) == (ErrorCode.NOT_COORDINATOR, "")
