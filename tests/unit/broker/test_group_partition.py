"""A led partition of `__consumer_offsets`: loading, writing, waiting, giving up."""

from __future__ import annotations

import asyncio

import pytest

from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.coordinator_partition import coordinator_error
from minikafka.broker.group_coordinator import OFFSETS_TOPIC
from minikafka.broker.group_partition import GroupPartition
from minikafka.broker.partition import Partition
from minikafka.groups.commands import CommitOffsets, OffsetToCommit, PartitionResult
from minikafka.groups.coordinator import GroupCoordinator
from minikafka.groups.table import GroupLimits
from minikafka.records.records import decode_records
from tests.support.broker_stub import BrokerStub
from tests.support.group_stub import coordinating, joining


def commit(
    stub: BrokerStub, offset: int, group_id: str = "g"
) -> Deferred[tuple[PartitionResult, ...]]:
    """Commit an offset of t-0 for a group."""
    command = CommitOffsets(group_id, -1, "", None, (OffsetToCommit("t", 0, offset),))
    return stub.groups.write("g", lambda groups, now: groups.commit_offsets(command, now))


def committed(stub: BrokerStub) -> int | None:
    """Return what OffsetFetch would show."""
    found = stub.groups.of("g").read(lambda groups: groups.committed("g")).get(("t", 0))
    return None if found is None else found.offset


def hosted(stub: BrokerStub) -> Partition:
    """Return the replica that holds group g."""
    return stub.hosted(OFFSETS_TOPIC)


def error_of(deferred: Deferred[object]) -> ErrorCode:
    """Return what a value failed with."""
    with pytest.raises(KafkaError) as caught:
        deferred.result()
    return caught.value.code


async def test_commit_is_answered_when_all_in_sync_replicas_have_it() -> None:
    """As a produce with acks=all: until then nobody sees it (G4)."""
    stub = await coordinating(replicas=(1, 2, 3))
    answer = commit(stub, 5)
    assert (answer.done, committed(stub)) == (False, None)
    stub.followed(OFFSETS_TOPIC)
    assert answer.result() == (PartitionResult("t", 0, ErrorCode.NONE),)
    assert committed(stub) == 5
    stub.close()


async def test_records_of_one_decision_lie_in_one_batch() -> None:
    """All or none of them are committed; their time is the broker's."""
    stub = await coordinating()
    offsets = tuple(OffsetToCommit("t", index, 1) for index in (0, 1))
    command = CommitOffsets("g", -1, "", None, offsets)
    stub.groups.write("g", lambda groups, now: groups.commit_offsets(command, now))
    [batch] = hosted(stub).log.batches()
    records = decode_records(batch)
    stub.close()
    assert len(records) == 2
    assert {each.timestamp_ms for each in records} == {stub.clock.wall_ms()}


async def test_answers_come_in_the_order_of_the_log() -> None:
    """Also those of requests that write nothing: what they saw may not be committed yet."""
    stub = await coordinating(replicas=(1, 2))
    order: list[str] = []
    commit(stub, 5).on_done(lambda done: order.append("first"))
    stub.groups.of("g").read_stable(lambda groups: None).on_done(
        lambda done: order.append("reader")
    )
    commit(stub, 6).on_done(lambda done: order.append("second"))
    assert order == []
    stub.followed(OFFSETS_TOPIC)
    stub.close()
    assert order == ["first", "reader", "second"]


async def test_stable_read_waits_for_what_is_on_its_way() -> None:
    """KIP-447's require_stable: the other kind shows what is committed now."""
    stub = await coordinating(replicas=(1, 2))
    commit(stub, 5)
    stable = stub.groups.of("g").read_stable(
        lambda groups: groups.committed("g")["t", 0].offset
    )
    assert (stable.done, committed(stub)) == (False, None)
    stub.followed(OFFSETS_TOPIC)
    stub.close()
    assert stable.result() == 5


async def test_log_under_its_minimum_of_replicas_takes_nothing() -> None:
    """NOT_ENOUGH_REPLICAS is COORDINATOR_NOT_AVAILABLE to a group's client."""
    stub = await coordinating(replicas=(1, 2), **{"min.insync.replicas": 2})
    stub.fence(2)
    assert error_of(commit(stub, 5)) == ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert hosted(stub).log.log_end_offset == 0
    assert stub.groups.of("g").read(lambda groups: groups.group("g")) is None
    stub.close()


async def test_write_that_is_not_committed_in_time_fails_and_may_be_seen_later() -> None:
    """offsets.commit.timeout.ms; an indefinite failure, like any of acks=all."""
    stub = await coordinating(replicas=(1, 2), **{"offsets.commit.timeout.ms": 10})
    answer = commit(stub, 5)
    stub.clock.advance(10)
    await asyncio.sleep(0.02)
    assert error_of(answer) == ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert committed(stub) is None
    stub.followed(OFFSETS_TOPIC)
    stub.close()
    assert committed(stub) == 5


async def test_who_waits_hears_when_the_leadership_goes() -> None:
    """NOT_COORDINATOR for the write and for the member that waits for others."""
    stub = await coordinating(replicas=(1, 2), **{"group.initial.rebalance.delay.ms": 60_000})
    waiting = joining(stub, 3)
    await asyncio.sleep(0)
    answer = commit(stub, 5, "h")
    partition = stub.groups.of("g")
    stub.fence(1)
    assert error_of(answer) == ErrorCode.NOT_COORDINATOR
    assert (await waiting).error_code.value == ErrorCode.NOT_COORDINATOR
    assert partition.closed
    with pytest.raises(KafkaError, match="NOT_COORDINATOR"):
        stub.groups.of("g")
    stub.close()


def again(stub: BrokerStub) -> GroupPartition:
    """Let the partition be loaded as by a new leader, from the same log."""
    partition = hosted(stub)
    assert partition.leader is not None
    partition.leader.tenure = object()
    stub.groups.on_role(partition)
    return stub.groups.of("g")


async def test_new_leader_knows_what_the_old_one_had_committed() -> None:
    """From the log, with the last word of each key."""
    stub = await coordinating()
    for offset in (5, 9, 7):
        commit(stub, offset)
    assert not again(stub).loading
    assert committed(stub) == 7
    stub.close()


async def test_new_leader_is_loading_until_all_that_it_found_is_committed() -> None:
    """Its high watermark may lag behind what the old leader has answered."""
    stub = await coordinating(replicas=(1, 2))
    commit(stub, 5)
    fresh = again(stub)
    with pytest.raises(KafkaError, match="COORDINATOR_LOAD_IN_PROGRESS"):
        commit(stub, 6)
    with pytest.raises(KafkaError, match="COORDINATOR_LOAD_IN_PROGRESS"):
        committed(stub)
    stub.followed(OFFSETS_TOPIC)
    assert not fresh.loading
    assert committed(stub) == 5
    stub.close()


async def test_isr_change_does_not_load_again() -> None:
    """The same leader goes on: its members keep waiting."""
    stub = await coordinating(replicas=(1, 2))
    before = stub.groups.of("g")
    stub.fence(2)
    assert stub.groups.of("g") is before
    assert commit(stub, 5).done, "a sole in-sync replica commits at once"
    stub.close()


async def test_deadlines_are_met() -> None:
    """What is due in a group happens without anybody asking."""
    stub = await coordinating(**{"group.initial.rebalance.delay.ms": 5})
    waiting = joining(stub, 3)
    await asyncio.sleep(0)
    assert not waiting.done()
    stub.clock.advance(5)
    assert (await waiting).generation_id == 1
    stub.close()


@pytest.mark.parametrize(
    ("code", "want"),
    [
        (ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.COORDINATOR_NOT_AVAILABLE),
        (ErrorCode.REQUEST_TIMED_OUT, ErrorCode.COORDINATOR_NOT_AVAILABLE),
        (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.NOT_COORDINATOR),
        (ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.NOT_COORDINATOR),
        (ErrorCode.MESSAGE_TOO_LARGE, ErrorCode.UNKNOWN_SERVER_ERROR),
        (ErrorCode.ILLEGAL_GENERATION, ErrorCode.ILLEGAL_GENERATION),
    ],
)
def test_errors_of_the_log_are_said_in_the_words_of_groups(
    code: ErrorCode, want: ErrorCode
) -> None:
    """A consumer knows nothing of the partition behind its group."""
    assert coordinator_error(code) == want


class Looking:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def commanded(self, groups: object, command: object, now: object) -> None:
        """Hear of a command."""
        self.heard.append(command)

    def coordinated(self, groups: object, decision: object, answer: object) -> None:
        """Hear of what was done."""
        self.heard.append("decided" if decision is not None else "heard from the log")


async def test_who_looks_on_hears_of_commands_decisions_and_the_log() -> None:
    """A command, what was decided, and that it is committed; not of what is refused."""
    stub = await coordinating(replicas=(1, 2))
    looking = Looking()
    partition = hosted(stub)
    watched = GroupPartition(
        partition,
        GroupCoordinator(GroupLimits.of(stub.config), stub.seeds),
        stub.replicas,
        commit_timeout_ms=5_000,
        observer=looking,  # type: ignore[arg-type]
    )
    command = CommitOffsets("g", -1, "", None, (OffsetToCommit("t", 0, 5),))
    watched.write(lambda groups, now: groups.commit_offsets(command, now))
    late = CommitOffsets("g", 3, "a", None, (OffsetToCommit("t", 0, 5),))
    with pytest.raises(KafkaError):
        watched.write(lambda groups, now: groups.commit_offsets(late, now))
    stub.followed(OFFSETS_TOPIC)
    watched.close()
    stub.close()
    assert looking.heard == ["heard from the log", command, "decided", "heard from the log"]
