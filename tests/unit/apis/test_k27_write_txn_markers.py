"""WriteTxnMarkers, by leaders."""

from __future__ import annotations

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub
from tests.unit.apis.transacting import MARKERS, marks, transacting


async def write(
    stub: BrokerStub, *indexes: int, epoch: int = 0, coordinator_epoch: int = 3
) -> list[ErrorCode]:
    """Write a commit of producer 7; return the codes."""
    marker = {
        "producer_id": 7,
        "producer_epoch": epoch,
        "transaction_result": True,
        "topics": [{"name": "t", "partition_indexes": indexes}],
        "coordinator_epoch": coordinator_epoch,
    }
    answer = await stub.ask(MARKERS, 1, markers=[marker])
    return [
        ErrorCode(int(each.error_code))
        for found in answer.markers
        for topic in found.topics
        for each in topic.partitions
    ]


async def test_each_partition_succeeds_or_fails_by_itself() -> None:
    """A partition that is not there does not keep the marker from the other."""
    stub = await transacting()
    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert await write(stub, 0, 9) == [ErrorCode.NONE, unknown]
    assert marks(stub) == [(7, 0, True)]
    stub.close()


async def test_former_coordinators_and_former_producers_are_fenced() -> None:
    """By the epochs of the last marker in the log."""
    stub = await transacting()
    assert await write(stub, 0, epoch=1) == [ErrorCode.NONE]
    assert await write(stub, 0, epoch=1, coordinator_epoch=2) == [
        ErrorCode.TRANSACTION_COORDINATOR_FENCED
    ]
    assert await write(stub, 0, epoch=0) == [ErrorCode.INVALID_PRODUCER_EPOCH]
    assert len(marks(stub)) == 1
    stub.close()
