"""BrokerHeartbeat: how a broker stands, and what it asks for."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code


async def beat(stub: BrokerStub, version: int = 1, **fields: Any) -> Any:
    """Return the answer to a heartbeat of broker 2."""
    asked = {
        "broker_id": 2,
        "broker_epoch": stub.image.brokers[2].broker_epoch,
        "current_metadata_offset": stub.image.offset - 1,
        **fields,
    }
    answer = await stub.ask(63, version, **asked)
    stub.close()
    return answer


@pytest.mark.parametrize("version", [0, 1])
async def test_fenced_broker_that_has_caught_up_is_let_in(version: int) -> None:
    """A heartbeat with the metadata applied unfences; without, the broker stays out."""
    stub = BrokerStub()
    stub.fence(2)
    behind = await beat(stub, version, current_metadata_offset=0)
    assert (code(behind), behind.is_caught_up, behind.is_fenced) == (
        ErrorCode.NONE,
        False,
        True,
    )
    caught_up = await beat(stub, version)
    assert (caught_up.is_caught_up, caught_up.is_fenced) == (True, False)
    assert not stub.image.brokers[2].fenced


async def test_broker_that_wants_out_is_fenced() -> None:
    """`want_fence` is granted at once, `want_shut_down` when nothing is led any more."""
    stub = BrokerStub()
    fenced = await beat(stub, want_fence=True)
    assert (fenced.is_fenced, fenced.should_shut_down) == (True, False)
    leaving = await beat(stub, want_shut_down=True)
    assert (leaving.is_fenced, leaving.should_shut_down) == (True, True)


async def test_stale_broker_epoch_is_refused() -> None:
    """An earlier registration of the id has nothing to say."""
    answer = await beat(BrokerStub(), broker_epoch=999)
    assert (code(answer), answer.is_fenced) == (ErrorCode.STALE_BROKER_EPOCH, True)
