"""ShareGroupHeartbeat: membership of share groups, in every version."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code, registered
from tests.support.share_stub import MEMBER, beat, join, sharing

VERSIONS = registered(76)


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_version_joins_and_is_assigned_what_has_begun(version: int) -> None:
    """Nothing at first; all partitions once the share coordinator keeps their state."""
    stub = await sharing(partitions=2)
    first = await beat(stub, version, 0, subscribed_topic_names=("t",))
    assert (first.error_code, first.member_id, first.member_epoch) == (0, MEMBER, 1)
    assert first.heartbeat_interval.total_seconds() == 5
    assert first.assignment.topic_partitions == ()
    second = await beat(stub, version, 1)
    stub.close()
    [topic] = second.assignment.topic_partitions
    assert (second.member_epoch, topic.partitions) == (2, (0, 1))


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_version_leaves(version: int) -> None:
    """The answer repeats the epoch -1; after that the member is unknown."""
    stub = await sharing()
    await join(stub)
    assert (await beat(stub, version, -1)).member_epoch == -1
    answer = await beat(stub, version, 2)
    stub.close()
    assert code(answer) is ErrorCode.UNKNOWN_MEMBER_ID


@pytest.mark.parametrize("version", VERSIONS)
async def test_share_groups_are_off_by_default(version: int) -> None:
    """They are a preview in Kafka 4.1."""
    stub = BrokerStub()
    answer = await beat(stub, version, 0, subscribed_topic_names=("t",))
    stub.close()
    assert code(answer) is ErrorCode.UNSUPPORTED_VERSION


async def test_a_deleted_group_takes_its_state_with_it() -> None:
    """DeleteGroups has the share coordinators forget; a new group begins anew."""
    stub = await sharing()
    await join(stub)
    await beat(stub, 1, -1)
    [deleted] = (await stub.ask(42, 2, groups_names=["g"])).results
    assert code(deleted) is ErrorCode.NONE
    topic = {"topic_id": stub.image.topics["t"].topic_id, "partitions": [{"partition": 0}]}
    summary = await stub.ask(87, 0, group_id="g", topics=[topic])
    assert summary.results[0].partitions[0].start_offset == -1
    assert (await stub.ask(16, 5, states_filter=[], types_filter=["share"])).groups == ()
    stub.close()
