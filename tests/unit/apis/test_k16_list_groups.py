"""ListGroups: the groups that are coordinated here."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import code, registered
from tests.support.group_stub import coordinating, stable


@pytest.mark.parametrize("version", registered(16))
async def test_every_version_lists(version: int) -> None:
    """From 4 on with states (KIP-518), from 5 on with types."""
    stub = await coordinating()
    await stable(stub)
    answer = await stub.ask(16, version)
    stub.close()
    [group] = answer.groups
    assert (code(answer), group.group_id, group.protocol_type) == (0, "g", "consumer")
    if version >= 4:
        assert group.group_state == "Stable"
    if version >= 5:
        assert group.group_type == "classic"


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"states_filter": ["STABLE", "Dead"]}, 1),
        ({"states_filter": ["Empty"]}, 0),
        ({"types_filter": ["Classic"]}, 1),
        ({"types_filter": ["consumer"]}, 0),
    ],
)
async def test_filters_leave_out_others(filters: Any, found: int) -> None:
    """Without regard to case."""
    stub = await coordinating()
    await stable(stub)
    answer = await stub.ask(16, 5, **filters)
    stub.close()
    assert len(answer.groups) == found


async def test_list_is_not_whole_while_a_partition_is_loaded() -> None:
    """COORDINATOR_LOAD_IN_PROGRESS: a list that lacks groups would be a lie."""
    stub = await coordinating()
    stub.groups.of("g").loading = True
    answer = await stub.ask(16, 5)
    stub.close()
    assert (code(answer), answer.groups) == (ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ())
