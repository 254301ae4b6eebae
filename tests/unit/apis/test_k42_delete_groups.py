"""DeleteGroups: groups without members go."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import code, registered
from tests.support.group_stub import coordinating, stable


@pytest.mark.parametrize("version", registered(42))
async def test_each_group_has_its_own_error(version: int) -> None:
    """KIP-229: in the order of the request, each once."""
    stub = await coordinating()
    await stable(stub)
    partition = {"partition_index": 0, "committed_offset": 5}
    await stub.ask(8, 9, group_id="h", topics=[{"name": "t", "partitions": [partition]}])
    answer = await stub.ask(42, version, groups_names=["g", "h", "nobody", "h"])
    left = stub.groups.of("h").read(lambda groups: groups.committed("h"))
    stub.close()
    assert [(each.group_id, code(each)) for each in answer.results] == [
        ("g", ErrorCode.NON_EMPTY_GROUP),
        ("h", ErrorCode.NONE),
        ("nobody", ErrorCode.GROUP_ID_NOT_FOUND),
    ]
    assert not left


async def test_broker_that_does_not_coordinate_says_so() -> None:
    """Of each group."""
    stub = await coordinating(replicas=(2,))
    answer = await stub.ask(42, 2, groups_names=["g"])
    stub.close()
    assert code(answer.results[0]) == ErrorCode.NOT_COORDINATOR
