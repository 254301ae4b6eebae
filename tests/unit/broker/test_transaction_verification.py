"""Leaders that ask before they append a batch of a transaction they do not know."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from minikafka.base.ids import TopicPartition
from minikafka.broker.transaction_verification import unverified, verify
from minikafka.records.markers import EndTransactionMarker, build_marker
from tests.support.broker_stub import BrokerStub
from tests.unit.apis.transacting import add, init, transacting
from tests.unit.transactions.desk import refusal

T0 = TopicPartition("t", 0)


async def outcome(
    stub: BrokerStub, producer: tuple[int, int], version: int, name: str = "x"
) -> ErrorCode:
    """Return what a Produce of this version hears of partition 0."""
    asked = unverified(stub.hosted("t"), *producer)
    assert asked is not None
    broker: Any = stub
    refusals = await verify(broker, name, [asked], version)
    found = refusals.get(T0)
    return ErrorCode.NONE if found is None else found.code


@pytest.mark.parametrize(
    ("version", "want"),
    [
        (10, ErrorCode.INVALID_TXN_STATE),
        (11, ErrorCode.TRANSACTION_ABORTABLE),
        (12, ErrorCode.NONE),
    ],
)
async def test_what_was_not_added_is_refused_or_added(version: int, want: ErrorCode) -> None:
    """In the words of the version; from 12 on the partition is added then (KIP-890)."""
    stub = await transacting()
    _, producer_id, epoch = await init(stub)
    assert await outcome(stub, (producer_id, epoch), version) is want
    await add(stub, (producer_id, epoch), 0)
    assert await outcome(stub, (producer_id, epoch), version) is ErrorCode.NONE
    stub.close()


async def test_a_fenced_producer_hears_that_its_epoch_is_over() -> None:
    """And one that the coordinator does not know, that its id is another's."""
    stub = await transacting()
    _, producer_id, epoch = await init(stub)
    await init(stub)
    old = await outcome(stub, (producer_id, epoch), 11)
    assert old is ErrorCode.INVALID_PRODUCER_EPOCH
    assert await outcome(stub, (9, 0), 11) is ErrorCode.INVALID_PRODUCER_ID_MAPPING
    stub.close()


async def test_without_a_coordinator_the_producer_tries_again() -> None:
    """NOT_ENOUGH_REPLICAS is what every producer takes to be for a moment."""
    stub = BrokerStub()
    await stub.create("t", [[1]])
    assert await outcome(stub, (7, 0), 11) is ErrorCode.NOT_ENOUGH_REPLICAS
    stub.close()


async def test_a_marker_that_came_meanwhile_makes_the_answer_void() -> None:
    """The transaction that was verified has ended, and nobody would end another."""
    stub = await transacting()
    partition = stub.hosted("t")
    asked = unverified(partition, 7, 0)
    assert asked is not None
    asked.check()
    assert partition.leader is not None
    batch = build_marker(7, 0, EndTransactionMarker(False, 0), stub.clock.wall_ms())
    partition.leader.append(batch, -1, stub.clock.wall_ms())
    assert refusal(asked.check) is ErrorCode.INVALID_TXN_STATE
    stub.close()
