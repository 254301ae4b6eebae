"""SyncGroup: the assignment, in every version."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import code, registered
from tests.support.group_stub import coordinating, joining, synced


@pytest.mark.parametrize("version", registered(14))
async def test_every_version_hands_out_the_assignment(version: int) -> None:
    """What the leader has sent; from 5 on with the protocol's type and name (KIP-559)."""
    stub = await coordinating()
    joined = await joining(stub, 3)
    answer = await synced(stub, version, joined)
    stub.close()
    assert (code(answer), answer.assignment) == (ErrorCode.NONE, joined.member_id.encode())
    if version >= 5:
        assert (answer.protocol_type, answer.protocol_name) == ("consumer", "range")


@pytest.mark.parametrize("missing", ["protocol_type", "protocol_name"])
async def test_version_5_has_to_name_the_protocol(missing: str) -> None:
    """KIP-559: INCONSISTENT_GROUP_PROTOCOL where it does not."""
    stub = await coordinating()
    joined = await joining(stub, 3)
    answer = await synced(stub, 5, joined, **{missing: None})
    stub.close()
    assert code(answer) == ErrorCode.INCONSISTENT_GROUP_PROTOCOL


async def test_group_without_a_name_is_refused() -> None:
    """INVALID_GROUP_ID."""
    stub = await coordinating()
    answer = await stub.ask(14, 3, group_id="", generation_id=1, member_id="m")
    stub.close()
    assert code(answer) == ErrorCode.INVALID_GROUP_ID
