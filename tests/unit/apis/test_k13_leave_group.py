"""LeaveGroup: one member, or many."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import code, registered
from tests.support.group_stub import coordinating, stable


@pytest.mark.parametrize("version", registered(13))
async def test_every_version_leaves(version: int) -> None:
    """Before 3 one member, its error at the top; then each has its own (KIP-345)."""
    stub = await coordinating()
    joined = await stable(stub)
    ids = [joined.member_id, "nobody"]
    if version < 3:
        got = [
            code(await stub.ask(13, version, group_id="g", member_id=member_id))
            for member_id in ids
        ]
    else:
        members = [{"member_id": each, "group_instance_id": None} for each in ids]
        answer = await stub.ask(13, version, group_id="g", members=members)
        assert code(answer) == ErrorCode.NONE
        assert [each.member_id for each in answer.members] == ids
        got = [code(each) for each in answer.members]
    stub.close()
    assert got == [ErrorCode.NONE, ErrorCode.UNKNOWN_MEMBER_ID]


async def test_group_without_a_name_is_refused() -> None:
    """INVALID_GROUP_ID at the top, and no members."""
    stub = await coordinating()
    answer = await stub.ask(13, 5, group_id="", members=[{"member_id": "m"}])
    stub.close()
    assert (code(answer), answer.members) == (ErrorCode.INVALID_GROUP_ID, ())
