"""Leaders that ask before they append a batch of a transaction they do not know."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from minikafka.apis.k00_produce import produce
from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode
from minikafka.base.ids import TopicPartition
from minikafka.broker.context import RequestContext
from minikafka.broker.transaction_verification import unverified, verify
from minikafka.records.markers import EndTransactionMarker, build_marker
from minikafka.wire.produce import ProducePartition, ProduceRequest, ProduceTopic
from tests.support.broker_stub import BrokerStub
from tests.support.builders import batch_of
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


async def test_batches_keep_their_order_while_the_coordinator_is_asked() -> None:
    """The answer for a later one comes first; and the last one need not be asked for any more."""
    stub = await transacting()
    _, producer_id, epoch = await init(stub)
    await add(stub, (producer_id, epoch), 0)
    real, held = stub.request, asyncio.Event()

    def request(api_key: int, version: int, asked: object) -> Deferred[Any]:
        """Hold back the first answer."""
        setattr(stub, "request", real)  # noqa: B010 - a stub
        answer, late = real(api_key, version, asked), Deferred[Any]()

        async def pass_on() -> None:
            await held.wait()
            late.set(answer.result())

        stub.asked.append(asyncio.get_running_loop().create_task(pass_on()))
        return late

    setattr(stub, "request", request)  # noqa: B010 - a stub
    for sequence in range(3):
        batch = batch_of(
            1,
            producer_id=producer_id,
            producer_epoch=epoch,
            base_sequence=sequence,
            transactional=True,
        )
        topic = ProduceTopic("t", None, [ProducePartition(0, batch.view)])
        context = RequestContext(cast("Any", stub), 11, "test", 1, 0)
        produce(ProduceRequest("x", 1, 1_000, [topic]), context)
    running = asyncio.get_running_loop().create_task(stub.run_spawned())
    for _ in range(30):
        await asyncio.sleep(0)
    assert list(stub.hosted("t").log.batches()) == []
    held.set()
    await running
    found = [each.base_sequence for each in stub.hosted("t").log.batches()]
    assert (found, stub.verifying.is_under_way("x")) == ([0, 1, 2], False)
    stub.close()
