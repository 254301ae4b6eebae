"""SaslHandshake: what a client hears that expects authentication."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code


@pytest.mark.parametrize("version", [0, 1])
async def test_client_that_wants_sasl_is_told_that_there_is_none(version: int) -> None:
    """An answer with the reason, not a closed connection; no mechanism is offered."""
    stub = BrokerStub()
    answer = await stub.ask(17, version, mechanism="PLAIN")
    stub.close()
    assert code(answer) is ErrorCode.ILLEGAL_SASL_STATE
    assert answer.mechanisms == ()
