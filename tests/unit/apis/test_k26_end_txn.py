"""EndTxn: the decision, then the markers."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import code, registered
from tests.unit.apis.transacting import END, add, end, init, marks, transacting


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("version", registered(END))
async def test_every_partition_is_told_how_its_transaction_ended(
    version: int, committed: bool
) -> None:
    """By one marker each; from version 5 on in the next epoch, which the answer tells."""
    stub = await transacting()
    _, *producer = await init(stub)
    assert await add(stub, (producer[0], 0), 0, 1) == [ErrorCode.NONE] * 2
    answer = await end(stub, (producer[0], 0), committed=committed, version=version)
    assert code(answer) is ErrorCode.NONE
    epoch = 1 if version >= 5 else 0
    if version >= 5:
        assert (answer.producer_id, answer.producer_epoch) == (producer[0], 1)
    assert marks(stub) == []
    await stub.run_spawned()
    for index in (0, 1):
        assert marks(stub, index) == [(producer[0], epoch, committed)]
    assert await add(stub, (producer[0], epoch), 0) == [ErrorCode.NONE]
    stub.close()


@pytest.mark.parametrize(
    ("version", "want"),
    [(1, ErrorCode.INVALID_PRODUCER_EPOCH), (2, ErrorCode.PRODUCER_FENCED)],
)
async def test_a_former_producer_is_told_in_words_that_it_knows(
    version: int, want: ErrorCode
) -> None:
    """KIP-588: PRODUCER_FENCED is newer than the API."""
    stub = await transacting()
    _, producer_id, _ = await init(stub)
    await init(stub)
    assert code(await end(stub, (producer_id, 0), version=version)) is want
    stub.close()


async def test_until_the_markers_are_written_everybody_waits() -> None:
    """CONCURRENT_TRANSACTIONS for the owner and for who wants to be."""
    stub = await transacting()
    _, producer_id, epoch = await init(stub)
    await add(stub, (producer_id, epoch), 0)
    await end(stub, (producer_id, epoch))
    busy = ErrorCode.CONCURRENT_TRANSACTIONS
    assert code(await end(stub, (producer_id, epoch))) is busy
    assert await add(stub, (producer_id, epoch), 1) == [busy]
    assert (await init(stub))[0] is busy
    await stub.run_spawned()
    assert code(await end(stub, (producer_id, epoch))) is ErrorCode.NONE
    assert (await init(stub))[0] is ErrorCode.NONE
    stub.close()
