"""ListTransactions and DescribeTransactions, for people."""

from __future__ import annotations

from typing import Any

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code
from tests.unit.apis.transacting import add, init, transacting


async def listed(stub: BrokerStub, version: int = 2, **fields: Any) -> list[tuple[str, str]]:
    """Return names and states."""
    answer = await stub.ask(66, version, **fields)
    return [
        (each.transactional_id, each.transaction_state) for each in answer.transaction_states
    ]


async def test_what_is_listed_passes_all_filters() -> None:
    """State, producer id and a pattern for the whole id."""
    stub = await transacting()
    _, producer_id, _ = await init(stub)
    assert await listed(stub, 0) == [("x", "Empty")]
    assert await listed(stub, state_filters=["Ongoing"]) == []
    assert await listed(stub, producer_id_filters=[producer_id + 1]) == []
    assert await listed(stub, transactional_id_pattern="[xy]") == [("x", "Empty")]
    assert await listed(stub, transactional_id_pattern="y") == []
    answer = await stub.ask(66, 2, state_filters=["Gone"])
    assert (answer.unknown_state_filters, answer.transaction_states) == (("Gone",), ())
    refused = await stub.ask(66, 2, transactional_id_pattern="(")
    assert code(refused) is ErrorCode.INVALID_REGULAR_EXPRESSION
    stub.close()


async def test_a_description_tells_all_that_is_committed() -> None:
    """Owner, state, timeout and partitions; each id by itself."""
    stub = await transacting()
    _, producer_id, epoch = await init(stub)
    await add(stub, (producer_id, epoch), 1, 0)
    answer = await stub.ask(65, 0, transactional_ids=["x", "y", ""])
    stub.close()
    found, unknown, nameless = answer.transaction_states
    assert (found.producer_id, found.producer_epoch) == (producer_id, epoch)
    assert (found.transaction_state, found.topics[0].partitions) == ("Ongoing", (0, 1))
    assert code(unknown) is ErrorCode.TRANSACTIONAL_ID_NOT_FOUND
    assert code(nameless) is ErrorCode.INVALID_REQUEST
