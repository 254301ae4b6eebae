"""InitProducerId: ids for idempotent producers, an honest no for transactional ones."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code

TRANSACTION_TIMEOUT_MAX_MS = 900_000


async def init(stub: BrokerStub, version: int = 5, **fields: Any) -> tuple[ErrorCode, int, int]:
    """Return code, producer id and epoch of the answer."""
    asked = {"transactional_id": None, "transaction_timeout": 1000, **fields}
    answer = await stub.ask(22, version, **asked)
    stub.close()
    return code(answer), answer.producer_id, answer.producer_epoch


@pytest.mark.parametrize("version", [0, 5])
async def test_no_two_producers_get_the_same_id(version: int) -> None:
    """Each call gives a new id at epoch 0."""
    stub = BrokerStub()
    first, second = await init(stub, version), await init(stub, version)
    assert (first[0], first[2]) == (second[0], second[2]) == (ErrorCode.NONE, 0)
    assert first[1] != second[1]


async def test_former_id_of_an_idempotent_producer_is_not_kept() -> None:
    """Without a transactional id, id and epoch are new whatever they were."""
    error, producer_id, epoch = await init(BrokerStub(), producer_id=5, producer_epoch=7)
    assert (error, epoch) == (ErrorCode.NONE, 0)
    assert producer_id != 5


@pytest.mark.parametrize(
    ("fields", "want"),
    [
        ({"producer_id": 5}, ErrorCode.INVALID_REQUEST),
        ({"producer_epoch": 5}, ErrorCode.INVALID_REQUEST),
        ({"transactional_id": ""}, ErrorCode.INVALID_REQUEST),
        (
            {"transactional_id": "x", "transaction_timeout": 0},
            ErrorCode.INVALID_TRANSACTION_TIMEOUT,
        ),
        (
            {"transactional_id": "x", "transaction_timeout": TRANSACTION_TIMEOUT_MAX_MS + 1},
            ErrorCode.INVALID_TRANSACTION_TIMEOUT,
        ),
        (
            {"transactional_id": "x", "transaction_timeout": TRANSACTION_TIMEOUT_MAX_MS},
            ErrorCode.NOT_COORDINATOR,
        ),
    ],
)
async def test_refusal_carries_no_id(fields: dict[str, Any], want: ErrorCode) -> None:
    """Half an identity is refused; a transactional id is checked, and has no coordinator."""
    assert await init(BrokerStub(), **fields) == (want, -1, -1)
