"""JoinGroup: what the versions say, and what is refused by its form."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code, registered
from tests.support.group_stub import coordinating, joining


async def joined(stub: BrokerStub, version: int) -> object:
    """Join an empty group, in two rounds where the version wants that."""
    answer = await joining(stub, version)
    if version >= 4:
        assert code(answer) == ErrorCode.MEMBER_ID_REQUIRED
        answer = await joining(stub, version, member_id=answer.member_id)
    return answer


@pytest.mark.parametrize("version", registered(11))
async def test_every_version_joins(version: int) -> None:
    """The first member leads and hears of itself; from 4 on it needs its id first (KIP-394)."""
    stub = await coordinating()
    answer = await joined(stub, version)
    stub.close()
    assert code(answer) == ErrorCode.NONE
    assert answer.leader == answer.member_id
    assert answer.member_id.startswith("stub-")
    assert (answer.generation_id, answer.protocol_name) == (1, "range")
    assert [each.metadata for each in answer.members] == [b"\0\0\0\0\0\0"]
    if version >= 7:
        assert answer.protocol_type == "consumer"


async def test_static_member_joins_at_once() -> None:
    """KIP-345."""
    stub = await coordinating()
    answer = await joining(stub, 9, group_instance_id="i")
    stub.close()
    assert (code(answer), answer.members[0].group_instance_id) == (ErrorCode.NONE, "i")


async def test_old_members_have_one_timeout_for_both() -> None:
    """Version 0 knows no rebalance timeout (KIP-62)."""
    stub = await coordinating()
    await joined(stub, 0)
    group = stub.groups.of("g").read(lambda groups: groups.group("g"))
    stub.close()
    assert group is not None
    [member] = group.members.values()
    assert member.rebalance_timeout_ms == member.session_timeout_ms == 10_000
    assert member.client_host == "/127.0.0.1"


@pytest.mark.parametrize(
    ("fields", "want", "member_id"),
    [
        ({"group_id": ""}, ErrorCode.INVALID_GROUP_ID, "m"),
        ({"session_timeout": 5_999}, ErrorCode.INVALID_SESSION_TIMEOUT, "m"),
        ({"session_timeout": 1_800_001}, ErrorCode.INVALID_SESSION_TIMEOUT, "m"),
        ({}, ErrorCode.UNKNOWN_MEMBER_ID, "m"),
    ],
)
async def test_refusals_name_the_member(
    fields: dict[str, object], want: ErrorCode, member_id: str
) -> None:
    """group.min.session.timeout.ms and group.max.session.timeout.ms are Kafka's."""
    stub = await coordinating()
    answer = await joining(stub, 5, member_id="m", **fields)
    stub.close()
    assert (code(answer), answer.member_id, answer.protocol_name) == (want, member_id, "")


async def test_broker_that_does_not_coordinate_says_so() -> None:
    """Without a member id."""
    stub = await coordinating(replicas=(2,))
    answer = await joining(stub, 9, member_id="m")
    stub.close()
    assert (code(answer), answer.member_id) == (ErrorCode.NOT_COORDINATOR, "")


async def test_group_that_the_log_does_not_take_is_not_available() -> None:
    """Too few replicas for acks=all: the client tries again."""
    stub = await coordinating(replicas=(1, 2), **{"min.insync.replicas": 2})
    stub.fence(2)
    answer = await joining(stub, 3)
    stub.close()
    assert code(answer) == ErrorCode.COORDINATOR_NOT_AVAILABLE
