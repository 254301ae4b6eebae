"""The five APIs of the share coordinator, in every version."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from minikafka.broker.share_coordinator import SHARE_STATE_TOPIC
from tests.support.broker_stub import BrokerStub, registered

INITIALIZE, READ, WRITE, DELETE, SUMMARY = 83, 84, 85, 86, 87


async def persisting() -> BrokerStub:
    """Return broker 1, which leads `__share_group_state`, and topic `t`."""
    stub = BrokerStub()
    await stub.create(SHARE_STATE_TOPIC, [[1]])
    await stub.create("t", [[1]])
    return stub


async def ask(stub: BrokerStub, key: int, version: int = 0, **fields: Any) -> Any:
    """Return what is said of partition 0 of `t` in group `g`."""
    topic_id = stub.image.topics["t"].topic_id
    partition = {"partition": 0, **fields}
    topics = [{"topic_id": topic_id, "partitions": [partition]}]
    answer = await stub.ask(key, version, group_id="g", topics=topics)
    [topic] = answer.results
    assert topic.topic_id == topic_id
    [found] = topic.partitions
    return found


async def begin(stub: BrokerStub) -> None:
    """Let the share-partition begin at offset 5."""
    found = await ask(stub, INITIALIZE, state_epoch=1, start_offset=5)
    assert found.error_code == 0


@pytest.mark.parametrize("version", registered(WRITE))
async def test_what_is_written_is_read(version: int) -> None:
    """With the epoch of the group and the start offset."""
    stub = await persisting()
    await begin(stub)
    batch = {"first_offset": 6, "last_offset": 8, "delivery_state": 2, "delivery_count": 1}
    found = await ask(
        stub,
        WRITE,
        version,
        state_epoch=1,
        leader_epoch=0,
        start_offset=6,
        state_batches=[batch],
    )
    assert found.error_code == 0
    found = await ask(stub, READ, leader_epoch=0)
    stub.close()
    assert (found.error_code, found.state_epoch, found.start_offset) == (0, 1, 6)
    [state] = found.state_batches
    assert (state.first_offset, state.last_offset) == (6, 8)
    assert (state.delivery_state, state.delivery_count) == (2, 1)


async def test_a_summary_says_how_far_it_has_come() -> None:
    """And -1 before the beginning, and again after the end."""
    stub = await persisting()
    assert (await ask(stub, SUMMARY)).start_offset == -1
    await begin(stub)
    found = await ask(stub, SUMMARY)
    assert (found.start_offset, found.state_epoch, found.leader_epoch) == (5, 1, 0)
    assert (await ask(stub, DELETE)).error_code == 0
    assert (await ask(stub, SUMMARY)).start_offset == -1
    stub.close()


async def test_each_share_partition_has_its_own_error() -> None:
    """Here one that never began."""
    stub = await persisting()
    found = await ask(stub, READ, leader_epoch=0)
    stub.close()
    assert ErrorCode(int(found.error_code.value)) is ErrorCode.INVALID_REQUEST
    assert "uninitialized" in found.error_message


async def test_who_coordinates_nothing_says_so() -> None:
    """Every share-partition is NOT_COORDINATOR at a broker that does not lead its partition."""
    stub = BrokerStub()
    await stub.create("t", [[1]])
    found = await ask(stub, SUMMARY)
    stub.close()
    assert ErrorCode(int(found.error_code.value)) is ErrorCode.NOT_COORDINATOR


async def test_without_a_group_there_is_no_answer() -> None:
    """As without partitions."""
    stub = await persisting()
    topic_id = stub.image.topics["t"].topic_id
    topics: list[Any] = [{"topic_id": topic_id, "partitions": []}]
    assert (await stub.ask(DELETE, 0, group_id="g", topics=topics)).results == ()
    topics = [{"topic_id": topic_id, "partitions": [{"partition": 0}]}]
    assert (await stub.ask(DELETE, 0, group_id="", topics=topics)).results == ()
    stub.close()


async def test_the_share_coordinator_is_found_by_its_key() -> None:
    """The leader of the key's partition of the state topic."""
    stub = await persisting()
    key = "g:AAAAAAAAAAAAAAAAAAAAAQ:0"
    answer = await stub.ask(10, 6, key_type=2, coordinator_keys=[key])
    stub.close()
    assert [(each.error_code, each.node_id) for each in answer.coordinators] == [(0, 1)]
