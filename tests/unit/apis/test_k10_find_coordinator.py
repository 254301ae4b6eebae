"""FindCoordinator: nobody coordinates anything yet, and says so in the right words."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code

GROUP, TRANSACTION, SHARE, UNKNOWN = 0, 1, 2, 3
SHARE_KEY = "g:AAAAAAAAAAAAAAAAAAAATQ:0"


@pytest.mark.parametrize(
    ("version", "key_type", "want"),
    [
        (0, GROUP, ErrorCode.COORDINATOR_NOT_AVAILABLE),
        (3, TRANSACTION, ErrorCode.COORDINATOR_NOT_AVAILABLE),
        (3, SHARE, ErrorCode.INVALID_REQUEST),
        (1, UNKNOWN, ErrorCode.INVALID_REQUEST),
    ],
)
async def test_one_key_is_answered_at_the_top(
    version: int, key_type: int, want: ErrorCode
) -> None:
    """Before version 4 the answer holds one error and no broker."""
    stub = BrokerStub()
    answer = await stub.ask(10, version, key="k", key_type=key_type)
    stub.close()
    assert (code(answer), answer.node_id, answer.host, answer.port) == (want, -1, "", -1)
    assert version == 0 or answer.error_message


@pytest.mark.parametrize(
    ("version", "key_type", "keys", "want"),
    [
        (4, GROUP, ["g", "h"], ErrorCode.COORDINATOR_NOT_AVAILABLE),
        (6, TRANSACTION, ["x"], ErrorCode.COORDINATOR_NOT_AVAILABLE),
        (6, SHARE, [SHARE_KEY], ErrorCode.COORDINATOR_NOT_AVAILABLE),
        (6, SHARE, ["g", ":AAAAAAAAAAAAAAAAAAAATQ:0"], ErrorCode.INVALID_REQUEST),
        (5, SHARE, [SHARE_KEY], ErrorCode.INVALID_REQUEST),
        (6, UNKNOWN, ["g"], ErrorCode.INVALID_REQUEST),
    ],
)
async def test_each_of_several_keys_is_answered(
    version: int, key_type: int, keys: list[str], want: ErrorCode
) -> None:
    """From version 4 on every key has its own error, in the order of the request."""
    stub = BrokerStub()
    answer = await stub.ask(10, version, coordinator_keys=keys, key_type=key_type)
    stub.close()
    assert [(each.key, code(each), each.node_id) for each in answer.coordinators] == [
        (key, want, -1) for key in keys
    ]
