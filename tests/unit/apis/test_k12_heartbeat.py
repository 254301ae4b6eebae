"""Heartbeat: a member's session, in every version."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import code, registered
from tests.support.group_stub import coordinating, stable


@pytest.mark.parametrize("version", registered(12))
async def test_every_version_beats(version: int) -> None:
    """Member and generation are looked at."""
    stub = await coordinating()
    joined = await stable(stub)
    got = [
        code(
            await stub.ask(
                12, version, group_id=group_id, generation_id=generation, member_id=member_id
            )
        )
        for group_id, generation, member_id in (
            ("g", 1, joined.member_id),
            ("g", 2, joined.member_id),
            ("g", 1, "nobody"),
            ("nogroup", 1, joined.member_id),
            ("", 1, joined.member_id),
        )
    ]
    stub.close()
    assert got == [
        ErrorCode.NONE,
        ErrorCode.ILLEGAL_GENERATION,
        ErrorCode.UNKNOWN_MEMBER_ID,
        ErrorCode.UNKNOWN_MEMBER_ID,
        ErrorCode.INVALID_GROUP_ID,
    ]


async def test_everybody_is_alive_while_the_group_is_loaded() -> None:
    """Nobody shall be thrown out because a coordinator failed over."""
    stub = await coordinating(replicas=(1,))
    stub.groups.of("g").loading = True
    answer = await stub.ask(12, 4, group_id="g", generation_id=1, member_id="m")
    stub.close()
    assert code(answer) == ErrorCode.NONE
