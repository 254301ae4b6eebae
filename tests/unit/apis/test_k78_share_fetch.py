"""ShareFetch: records for one member at a time."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code, registered
from tests.support.share_stub import MEMBER, acknowledge, beat, fetch, join, sharing

OTHER = "AAAAAAAAAAAAAAAAAAAAAg"
ACCEPT, RELEASE = 1, 2


async def reading(**config: Any) -> BrokerStub:
    """Return a broker with a member of `g` whose share-partition has begun, at offset 0."""
    stub = await sharing(**config)
    await join(stub)
    answer = await fetch(stub, 0)
    assert code(answer) is ErrorCode.NONE
    assert partition(await fetch(stub, 0)).error_code == 0
    return stub


def partition(answer: Any) -> Any:
    """Return what is said of the one partition."""
    [topic] = answer.responses
    [found] = topic.partitions
    return found


def acquired(answer: Any) -> list[tuple[int, int, int]]:
    """Return what a member got of the one partition."""
    return [
        (each.first_offset, each.last_offset, each.delivery_count)
        for topic in answer.responses
        for each in topic.partitions[0].acquired_records
    ]


@pytest.mark.parametrize("version", registered(78))
async def test_every_version_gives_records_to_one_member(version: int) -> None:
    """Whole batches as they are in the log, and which of their records are meant."""
    stub = await reading()
    stub.append("t", 1, 2)
    stub.append("t", 3)
    answer = await fetch(stub, 1)
    other = await fetch(stub, 0, OTHER)
    stub.close()
    log = stub.hosted("t").log
    found = log.read(0, 10_000, 3, at_least_one=True)
    assert partition(answer).records == b"".join(each.view for each in found.batches)
    assert acquired(answer) == [(0, 2, 1)]
    assert acquired(other) == []


async def test_only_what_a_member_gets_is_sent() -> None:
    """Batches before and behind it are left out."""
    stub = await reading()
    for each in range(3):
        stub.append("t", each)
    assert acquired(await fetch(stub, 1, max_records=1)) == [(0, 0, 1)]
    answer = await fetch(stub, 0, OTHER, max_records=1)
    stub.close()
    assert acquired(answer) == [(1, 1, 1)]
    found = stub.hosted("t").log.read(1, 1, 3, at_least_one=True)
    assert partition(answer).records == bytes(found.batches[0].view)


async def test_acknowledgements_come_along() -> None:
    """What is accepted is done, what is released goes to whoever asks next."""
    stub = await reading()
    stub.append("t", 1, 2)
    await fetch(stub, 1)
    answer = await fetch(stub, 2, acks=[(0, 1, ACCEPT, RELEASE)])
    assert partition(answer).acknowledge_error_code == 0
    assert acquired(await fetch(stub, 0, OTHER)) == [(1, 1, 2)]
    stub.close()


async def test_what_is_not_held_is_not_acknowledged() -> None:
    """The error is told of the partition, and records come all the same."""
    stub = await reading()
    stub.append("t", 1)
    await fetch(stub, 1)
    other = await fetch(stub, 0, OTHER)
    assert acquired(other) == []
    stub.append("t", 2)
    answer = await fetch(stub, 1, OTHER, acks=[(0, 0, ACCEPT)])
    stub.close()
    assert partition(answer).acknowledge_error_code == ErrorCode.INVALID_RECORD_STATE
    assert acquired(answer) == [(1, 1, 1)]


@pytest.mark.parametrize(
    "ack", [(0, 0, 7), (1, 0, ACCEPT), (0, 2, ACCEPT, ACCEPT), (0, 0), (-2, 0, ACCEPT)]
)
async def test_malformed_acknowledgements_are_refused(ack: tuple[int, ...]) -> None:
    """Types that are none, or too few, and offsets that run backwards."""
    stub = await reading()
    stub.append("t", 1, 2, 3)
    await fetch(stub, 1)
    answer = await fetch(stub, 2, acks=[ack])
    stub.close()
    assert partition(answer).acknowledge_error_code == ErrorCode.INVALID_REQUEST


async def test_a_lock_that_ends_gives_records_to_another() -> None:
    """After group.share.record.lock.duration.ms."""
    stub = await reading(**{"group.share.record.lock.duration.ms": 15_000})
    stub.append("t", 1)
    await fetch(stub, 1)
    stub.clock.advance(15_000)
    stub.purgatory._on_timer()
    answer = await fetch(stub, 0, OTHER)
    stub.close()
    assert acquired(answer) == [(0, 0, 2)]


async def test_the_end_of_a_session_gives_back() -> None:
    """What the member held goes to others, and does not count as delivered."""
    stub = await reading()
    stub.append("t", 1)
    await fetch(stub, 1)
    assert code(await fetch(stub, -1)) is ErrorCode.NONE
    assert acquired(await fetch(stub, 0, OTHER)) == [(0, 0, 1)]
    assert code(await fetch(stub, -1)) is ErrorCode.SHARE_SESSION_NOT_FOUND
    stub.close()


async def test_a_lost_connection_ends_the_session() -> None:
    """And where it was the last of its group, nothing is kept in memory."""
    stub = await reading()
    stub.append("t", 1)
    await fetch(stub, 1)
    stub.shares.on_disconnect(0)
    await stub.run_spawned()
    assert len(stub.shares.sessions) == 0
    stub.close()


async def test_sessions_go_on_in_order() -> None:
    """A session that is not there, another epoch, and one that begins with acknowledgements."""
    stub = await reading()
    assert code(await fetch(stub, 1, OTHER)) is ErrorCode.SHARE_SESSION_NOT_FOUND
    assert code(await fetch(stub, 5)) is ErrorCode.INVALID_SHARE_SESSION_EPOCH
    assert code(await fetch(stub, 0, acks=[(0, 0, ACCEPT)])) is ErrorCode.INVALID_REQUEST
    stub.close()


async def test_there_are_only_so_many_sessions() -> None:
    """group.share.max.share.sessions is for all groups of a broker."""
    stub = await reading(**{"group.share.max.share.sessions": 1})
    assert code(await fetch(stub, 0)) is ErrorCode.NONE
    assert code(await fetch(stub, 0, OTHER)) is ErrorCode.SHARE_SESSION_LIMIT_REACHED
    stub.close()


async def test_partitions_have_their_own_errors() -> None:
    """Led elsewhere, with the leader; a group that never began; a topic that is none."""
    stub = await reading()
    await stub.create("away", [[2]])
    unread = await fetch(stub, 0, OTHER, group_id="never", max_wait=1_000)
    assert partition(unread).error_code == ErrorCode.UNKNOWN_SERVER_ERROR
    for topic_id, index, want in (
        (stub.image.topics["away"].topic_id, 0, ErrorCode.NOT_LEADER_OR_FOLLOWER),
        (stub.image.topics["t"].topic_id, 9, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (None, 0, ErrorCode.UNKNOWN_TOPIC_ID),
    ):
        asked = {"partition_index": index, "acknowledgement_batches": []}
        topics = [{"topic_id": topic_id, "partitions": [asked]}]
        answer = await fetch(stub, 0, OTHER, topics=topics)
        found = partition(answer)
        assert found.error_code == want
        if want is ErrorCode.NOT_LEADER_OR_FOLLOWER:
            assert found.current_leader.leader_id == 2
            assert [node.node_id for node in answer.node_endpoints] == [2]
    stub.close()


async def test_a_new_leader_goes_on_where_the_former_was() -> None:
    """It asks the share coordinator: what was accepted is done, what was out comes again."""
    stub = await reading()
    stub.append("t", 1, 2, 3)
    await fetch(stub, 1)
    await acknowledge(stub, 2, (0, 0, ACCEPT))
    for live in tuple(stub.shares._live.values()):
        live.drop()
    await fetch(stub, 0, OTHER)
    answer = await fetch(stub, 1, OTHER)
    stub.close()
    assert acquired(answer) == [(1, 2, 1)]


async def test_share_groups_are_off_by_default() -> None:
    """They are a preview in Kafka 4.1."""
    stub = BrokerStub()
    await stub.create("t", [[1]])
    answer = await fetch(stub, 0)
    told = await acknowledge(stub, 1, (0, 0, ACCEPT))
    stub.close()
    assert code(answer) is ErrorCode.UNSUPPORTED_VERSION
    assert code(told) is ErrorCode.UNSUPPORTED_VERSION


async def test_members_may_leave_while_they_hold() -> None:
    """Membership and sessions are apart: the broker that coordinates is another one."""
    stub = await reading()
    stub.append("t", 1)
    await fetch(stub, 1)
    assert code(await beat(stub, 1, -1, MEMBER)) is ErrorCode.NONE
    told = await acknowledge(stub, 2, (0, 0, ACCEPT))
    stub.close()
    assert partition(told).error_code == 0


@pytest.mark.parametrize(
    ("reset", "first"), [("earliest", 0), ("latest", None), ("by_duration:PT1H", 0)]
)
async def test_a_group_begins_where_its_config_says(reset: str, first: int | None) -> None:
    """share.auto.offset.reset is for the first time that the group reads a partition."""
    stub = await sharing()
    config = {"name": "share.auto.offset.reset", "config_operation": 0, "value": reset}
    resource = {"resource_type": 32, "resource_name": "g", "configs": [config]}
    [set_] = (await stub.ask(44, 1, resources=[resource], validate_only=False)).responses
    assert code(set_) is ErrorCode.NONE
    await join(stub)
    stub.append("t", stub.clock.wall_ms())
    await fetch(stub, 0)
    stub.append("t", stub.clock.wall_ms())
    got = acquired(await fetch(stub, 1))
    stub.close()
    assert got[0][0] == (1 if first is None else first)


async def test_a_group_has_a_lock_of_its_own() -> None:
    """share.record.lock.duration.ms is told with every answer."""
    stub = await reading()
    config = {"name": "share.record.lock.duration.ms", "config_operation": 0, "value": "20000"}
    resource = {"resource_type": 32, "resource_name": "g", "configs": [config]}
    await stub.ask(44, 1, resources=[resource], validate_only=False)
    stub.append("t", 1)
    answer = await fetch(stub, 1)
    [live] = stub.shares._live.values()
    stub.close()
    assert answer.acquisition_lock_timeout.total_seconds() == 20
    assert live.share is not None
    assert live.share.next_deadline_ms() == stub.clock.monotonic_ms() + 20_000
