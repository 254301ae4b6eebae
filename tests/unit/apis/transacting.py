"""A broker that coordinates transactions and leads topic `t`, for tests of their APIs."""

from __future__ import annotations

from typing import Any

from minikafka.base.errors import ErrorCode
from minikafka.broker.transaction_coordinator import TRANSACTIONS_TOPIC
from minikafka.records.records import decode_records
from tests.support.broker_stub import BrokerStub, code

INIT, ADD, END, MARKERS = 22, 24, 26, 27


async def transacting() -> BrokerStub:
    """Return broker 1, which leads `__transaction_state` and both partitions of `t`."""
    stub = BrokerStub()
    await stub.create(TRANSACTIONS_TOPIC, [[1]])
    await stub.create("t", [[1], [1]])
    return stub


async def init(stub: BrokerStub, version: int = 5, **fields: Any) -> tuple[ErrorCode, int, int]:
    """Return code, producer id and epoch of what `x` is given."""
    asked = {"transactional_id": "x", "transaction_timeout": 60_000, **fields}
    answer = await stub.ask(INIT, version, **asked)
    return code(answer), answer.producer_id, answer.producer_epoch


async def add(
    stub: BrokerStub, producer: tuple[int, int], *partitions: int, version: int = 3
) -> list[ErrorCode]:
    """Add partitions of `t`; return the codes in their order."""
    answer = await stub.ask(
        ADD,
        version,
        v3_and_below_transactional_id="x",
        v3_and_below_producer_id=producer[0],
        v3_and_below_producer_epoch=producer[1],
        v3_and_below_topics=[{"name": "t", "partitions": partitions}],
    )
    (topic,) = answer.results_by_topic_v3_and_below
    return [ErrorCode(int(each.partition_error_code)) for each in topic.results_by_partition]


async def end(
    stub: BrokerStub, producer: tuple[int, int], *, committed: bool = True, version: int = 4
) -> Any:
    """End the transaction of `x`; return the answer."""
    return await stub.ask(
        END,
        version,
        transactional_id="x",
        producer_id=producer[0],
        producer_epoch=producer[1],
        committed=committed,
    )


def marks(stub: BrokerStub, index: int = 0) -> list[tuple[int, int, bool]]:
    """Return the markers of a partition of `t`: producer id, epoch, whether it is a commit."""
    return [
        (batch.producer_id, batch.producer_epoch, (decode_records(batch)[0].key or b"")[3] == 1)
        for batch in stub.hosted("t", index).log.batches()
        if batch.is_control
    ]
