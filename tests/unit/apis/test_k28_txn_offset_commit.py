"""TxnOffsetCommit and AddOffsetsToTxn: offsets that count with the marker."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from minikafka.broker.group_coordinator import OFFSETS_TOPIC
from tests.support.broker_stub import BrokerStub, code, registered
from tests.unit.apis.transacting import end, init, transacting


async def offering() -> tuple[BrokerStub, tuple[int, int]]:
    """Return a broker that coordinates groups, too, and the producer of `x`."""
    stub = await transacting()
    await stub.create(OFFSETS_TOPIC, [[1]])
    _, producer_id, epoch = await init(stub)
    return stub, (producer_id, epoch)


async def add_group(stub: BrokerStub, producer: tuple[int, int], version: int = 3) -> ErrorCode:
    """Make group `g` part of the transaction."""
    producer_id, epoch = producer
    answer = await stub.ask(
        25,
        version,
        transactional_id="x",
        producer_id=producer_id,
        producer_epoch=epoch,
        group_id="g",
    )
    return code(answer)


async def commit(
    stub: BrokerStub, producer: tuple[int, int], offset: int, version: int = 3, **member: Any
) -> ErrorCode:
    """Commit an offset of `g` for partition 0 of `t`."""
    partition = {"partition_index": 0, "committed_offset": offset, "committed_metadata": "m"}
    answer = await stub.ask(
        28,
        version,
        transactional_id="x",
        group_id="g",
        producer_id=producer[0],
        producer_epoch=producer[1],
        topics=[{"name": "t", "partitions": [partition]}],
        **member,
    )
    return code(answer.topics[0].partitions[0])


async def fetched(stub: BrokerStub, *, stable: bool = False) -> tuple[int, ErrorCode]:
    """Return the committed offset, and what is wrong with it."""
    topics = [{"name": "t", "partition_indexes": [0]}]
    answer = await stub.ask(9, 7, group_id="g", topics=topics, require_stable=stable)
    found = answer.topics[0].partitions[0]
    return found.committed_offset, code(found)


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("version", registered(28))
async def test_an_offset_is_seen_with_the_marker(version: int, committed: bool) -> None:
    """Until then readers that want it stable are told to wait; after an abort there is none."""
    stub, producer = await offering()
    assert await add_group(stub, producer) is ErrorCode.NONE
    assert await commit(stub, producer, 5, version) is ErrorCode.NONE
    assert await fetched(stub) == (-1, ErrorCode.NONE)
    assert await fetched(stub, stable=True) == (-1, ErrorCode.UNSTABLE_OFFSET_COMMIT)
    await end(stub, producer, committed=committed)
    await stub.run_spawned()
    assert await fetched(stub, stable=True) == (5 if committed else -1, ErrorCode.NONE)
    stub.close()


async def test_a_group_is_added_by_the_commit_itself() -> None:
    """From version 5 on; its partition gets the marker like any other (KIP-890)."""
    stub, producer = await offering()
    assert await commit(stub, producer, 5, 5) is ErrorCode.NONE
    await end(stub, producer, version=5)
    await stub.run_spawned()
    assert await fetched(stub, stable=True) == (5, ErrorCode.NONE)
    stub.close()


@pytest.mark.parametrize("version", [each for each in registered(28) if each < 5])
async def test_a_group_that_was_not_added_is_refused(version: int) -> None:
    """Its partition would never get a marker (KIP-890)."""
    stub, producer = await offering()
    assert await commit(stub, producer, 5, version) is ErrorCode.INVALID_TXN_STATE
    assert await fetched(stub, stable=True) == (-1, ErrorCode.NONE)
    stub.close()


async def test_verification_ends_with_the_dynamic_config() -> None:
    """transaction.partition.verification.enable changes without a restart (KIP-226)."""
    stub, producer = await offering()
    assert await commit(stub, producer, 5) is not ErrorCode.NONE
    name = "transaction.partition.verification.enable"
    change = {"name": name, "config_operation": 0, "value": "false"}
    resource = {"resource_type": 4, "resource_name": "", "configs": [change]}
    await stub.ask(44, 1, resources=[resource], validate_only=False)
    assert await commit(stub, producer, 5) is ErrorCode.NONE
    stub.close()


async def test_who_names_a_member_is_held_to_it() -> None:
    """A consumer that is in the group no longer must not have its offsets committed (KIP-447)."""
    stub, producer = await offering()
    await add_group(stub, producer)
    gone = {"generation_id": 3, "member_id": "gone"}
    assert await commit(stub, producer, 5, **gone) is ErrorCode.ILLEGAL_GENERATION
    stub.close()


async def test_a_new_coordinator_of_the_group_knows_what_is_pending() -> None:
    """It reads offsets and markers of transactions from the log."""
    stub, producer = await offering()
    await add_group(stub, producer)
    await commit(stub, producer, 5)
    partition = stub.hosted(OFFSETS_TOPIC)
    stub.groups._partitions.clear()
    stub.groups.on_role(partition)
    assert await fetched(stub, stable=True) == (-1, ErrorCode.UNSTABLE_OFFSET_COMMIT)
    await end(stub, producer)
    await stub.run_spawned()
    assert await fetched(stub, stable=True) == (5, ErrorCode.NONE)
    stub.groups._partitions.clear()
    stub.groups.on_role(partition)
    assert await fetched(stub, stable=True) == (5, ErrorCode.NONE)
    stub.close()
