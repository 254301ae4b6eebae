"""AddPartitionsToTxn, for producers and for leaders that verify."""

from __future__ import annotations

from minikafka.base.errors import ErrorCode
from tests.unit.apis.transacting import ADD, add, end, init, transacting


async def test_one_partition_that_is_not_there_keeps_all_out() -> None:
    """The others were not attempted."""
    stub = await transacting()
    _, producer_id, epoch = await init(stub)
    assert await add(stub, (producer_id, epoch), 0, 9) == [
        ErrorCode.OPERATION_NOT_ATTEMPTED,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ]
    stub.close()


async def test_who_is_not_the_owner_adds_nothing() -> None:
    """By producer id, and by epoch in words that the version knows."""
    stub = await transacting()
    _, producer_id, epoch = await init(stub)
    stranger = await add(stub, (producer_id + 1, epoch), 0)
    assert stranger == [ErrorCode.INVALID_PRODUCER_ID_MAPPING]
    for version, want in (
        (1, ErrorCode.INVALID_PRODUCER_EPOCH),
        (2, ErrorCode.PRODUCER_FENCED),
    ):
        assert await add(stub, (producer_id, 7), 0, version=version) == [want]
    stub.close()


async def test_several_transactions_are_verified_in_one_request() -> None:
    """Each by itself; nothing is added (KIP-890)."""
    stub = await transacting()
    _, producer_id, epoch = await init(stub)
    await add(stub, (producer_id, epoch), 0)
    transactions = [
        {
            "transactional_id": name,
            "producer_id": producer_id,
            "producer_epoch": epoch,
            "verify_only": True,
            "topics": [{"name": "t", "partitions": [0, 1]}],
        }
        for name in ("x", "y")
    ]
    answer = await stub.ask(ADD, 5, transactions=transactions)
    found = [
        ErrorCode(int(each.partition_error_code))
        for result in answer.results_by_transaction
        for topic in result.topic_results
        for each in topic.results_by_partition
    ]
    unknown = ErrorCode.INVALID_PRODUCER_ID_MAPPING
    assert found == [ErrorCode.NONE, ErrorCode.TRANSACTION_ABORTABLE, unknown, unknown]
    await end(stub, (producer_id, epoch))
    stub.close()
