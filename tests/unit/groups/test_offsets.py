"""Committed offsets: who may commit, what is seen, what expires."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.groups.commands import CommitOffsets, LeavingMember, OffsetToCommit
from tests.unit.groups.desk import EPOCH_MS, Desk, protocols

RETENTION_MS = 1_000_000
CHECK_MS = 600_000


def test_commit_of_a_member_is_seen() -> None:
    """With its metadata, its leader epoch and the time (KIP-320)."""
    desk = Desk()
    [member] = desk.stable(None)
    assert desk.commit(42, member, metadata="note") == ErrorCode.NONE
    value = desk.coordinator.committed("g")[TopicPartition("t", 0)]
    assert (value.offset, value.leader_epoch, value.metadata) == (42, 3, "note")
    assert value.commit_timestamp_ms == EPOCH_MS + desk.now_ms


def test_offset_is_seen_only_once_it_is_committed_to_the_log() -> None:
    """Nobody starts from an offset that a failover could take back (G4)."""
    desk = Desk()
    [member] = desk.stable(None)
    desk.commit(5, member)
    desk.held = True
    desk.commit(9, member)
    assert desk.committed() == 5
    desk.settle()
    assert desk.committed() == 9


def test_last_commit_in_the_log_is_the_offset_after_failover() -> None:
    """A fold of the log, also where an offset goes back on purpose (G4, M76)."""
    desk = Desk()
    [member] = desk.stable(None)
    for offset in (5, 9, 7):
        desk.commit(offset, member)
    desk.fail_over()
    assert desk.committed() == 7


@pytest.mark.parametrize(
    ("generation", "known", "want"),
    [
        (0, True, ErrorCode.ILLEGAL_GENERATION),
        (2, True, ErrorCode.ILLEGAL_GENERATION),
        (1, False, ErrorCode.UNKNOWN_MEMBER_ID),
        (-1, False, ErrorCode.UNKNOWN_MEMBER_ID),
    ],
)
def test_only_the_present_generation_commits(
    generation: int, known: bool, want: ErrorCode
) -> None:
    """A zombie's late commit cannot undo what the new owner has done (G3, M74)."""
    desk = Desk()
    [member] = desk.stable(None)
    assert desk.commit(5, member if known else None, generation=generation) == want
    assert desk.committed() is None


def test_member_that_was_thrown_out_cannot_commit() -> None:
    """G6: its session ran out while it was paused."""
    desk = Desk()
    first, second = desk.stable(None, None)
    desk.advance(9_999)
    desk.heartbeat(first)
    desk.advance(1)
    desk.join(first.member_id)
    assert desk.commit(5, second) == ErrorCode.UNKNOWN_MEMBER_ID


def test_members_may_commit_while_others_join() -> None:
    """Before they give partitions up: the next owner goes on there. A commit is a heartbeat."""
    desk = Desk()
    leader, other = desk.stable(None, None)
    desk.join(leader.member_id)
    for offset in range(5):
        desk.advance(9_999)
        assert desk.commit(offset, other) == ErrorCode.NONE
    assert other.member_id in desk.group().members


def test_nobody_commits_before_the_assignment_is_there() -> None:
    """REBALANCE_IN_PROGRESS: the member has joined but owns nothing."""
    desk = Desk()
    [member] = desk.join_all(None)
    assert desk.commit(5, member) == ErrorCode.REBALANCE_IN_PROGRESS


def test_anybody_commits_to_a_group_without_members() -> None:
    """Admin clients, and consumers that assign partitions themselves."""
    desk = Desk()
    assert desk.commit(5) == ErrorCode.NONE
    group = desk.group()
    assert (group.state.value, group.protocol_type) == ("Empty", None)
    desk.fail_over()
    assert desk.committed() == 5
    assert desk.state() == "Empty"


def test_generation_of_a_group_that_is_not_there_is_refused() -> None:
    """With what the version of the request knows (GROUP_ID_NOT_FOUND from 9 on)."""
    desk = Desk()
    assert desk.commit(5, generation=3) == ErrorCode.ILLEGAL_GENERATION
    command = CommitOffsets(
        "g", 3, "m", None, (), unknown_group_error=ErrorCode.GROUP_ID_NOT_FOUND
    )
    with pytest.raises(KafkaError) as caught:
        desk.coordinator.commit_offsets(command, desk.now)
    assert caught.value.code == ErrorCode.GROUP_ID_NOT_FOUND


def test_too_much_metadata_spoils_its_partition_only() -> None:
    """offset.metadata.max.bytes; counted as Java counts, in UTF-16."""
    desk = Desk()
    command = CommitOffsets(
        "g",
        -1,
        "",
        None,
        (
            OffsetToCommit("t", 0, 1, metadata="x" * 9),
            OffsetToCommit("t", 1, 2, metadata="é" * 8),
        ),
    )
    results = desk.carry_out(desk.coordinator.commit_offsets(command, desk.now))
    assert [each.error for each in results] == [
        ErrorCode.OFFSET_METADATA_TOO_LARGE,
        ErrorCode.NONE,
    ]
    assert list(desk.coordinator.committed("g")) == [TopicPartition("t", 1)]


# --- deletion ------------------------------------------------------------------------------


def delete(desk: Desk, *topics: str) -> list[ErrorCode]:
    """Send OffsetDelete for partition 0 of each topic."""
    partitions = [TopicPartition(topic, 0) for topic in topics]
    decision = desk.coordinator.delete_offsets("g", partitions)
    return [each.error for each in desk.carry_out(decision)]


def test_offsets_of_topics_in_use_are_not_deleted() -> None:
    """KIP-496: only of what no member is subscribed to."""
    desk = Desk()
    [member] = desk.stable(None, speaks=protocols("range", topics=("t", "u")))
    desk.commit(5, member)
    desk.commit(6, member, topic="old")
    assert delete(desk, "t", "old", "never") == [
        ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC,
        ErrorCode.NONE,
        ErrorCode.NONE,
    ]
    assert (desk.committed(), desk.committed("old")) == (5, None)
    desk.fail_over()
    assert desk.committed("old") is None


def test_groups_that_are_no_consumers_keep_their_offsets_while_they_live() -> None:
    """Nobody here can read what their members want."""
    desk = Desk()
    desk.stable(None, protocol_type="connect")
    with pytest.raises(KafkaError) as caught:
        delete(desk, "t")
    assert caught.value.code == ErrorCode.NON_EMPTY_GROUP


def test_offsets_of_no_group_cannot_be_deleted() -> None:
    """GROUP_ID_NOT_FOUND for the whole request."""
    with pytest.raises(KafkaError) as caught:
        delete(Desk(), "t")
    assert caught.value.code == ErrorCode.GROUP_ID_NOT_FOUND


# --- retention -----------------------------------------------------------------------------


def test_offsets_of_a_group_that_lives_do_not_expire() -> None:
    """However old they are, while a member is subscribed (G8)."""
    desk = Desk()
    [member] = desk.stable(None, session_ms=10 * RETENTION_MS)
    desk.commit(5, member)
    desk.advance(3 * RETENTION_MS)
    assert desk.committed() == 5


def test_offsets_of_an_empty_group_expire_and_the_group_with_them() -> None:
    """KIP-211: offsets.retention.minutes after the last member left, not after the commit."""
    desk = Desk()
    [member] = desk.stable(None, session_ms=RETENTION_MS)
    desk.commit(5, member)
    desk.advance(RETENTION_MS // 2)
    desk.leave(LeavingMember(member.member_id))
    left_ms = desk.now_ms
    desk.advance(RETENTION_MS - 1)
    assert desk.committed() == 5
    desk.advance(CHECK_MS + 1)
    assert desk.committed() is None
    assert desk.coordinator.group("g") is None
    assert desk.now_ms - left_ms >= RETENTION_MS
    desk.fail_over()
    assert desk.coordinator.group("g") is None


def test_offsets_of_a_topic_that_nobody_wants_expire() -> None:
    """Of a stable group, counted from the commit."""
    desk = Desk()
    [member] = desk.stable(None, session_ms=10 * RETENTION_MS)
    desk.commit(5, member)
    desk.commit(6, member, topic="old")
    desk.advance(RETENTION_MS + CHECK_MS)
    assert (desk.committed(), desk.committed("old")) == (5, None)
    assert desk.state() == "Stable"


def test_nothing_expires_while_a_group_rebalances() -> None:
    """KAFKA-13636: its members are only on their way (G8)."""
    desk = Desk()
    [member] = desk.stable(None, session_ms=10 * RETENTION_MS, rebalance_ms=10 * RETENTION_MS)
    desk.commit(6, member, topic="old")
    desk.join(instance_id="i", session_ms=10 * RETENTION_MS, rebalance_ms=10 * RETENTION_MS)
    assert desk.state() == "PreparingRebalance"
    desk.group().members.popitem()
    desk.group().static_members.clear()
    desk.advance(RETENTION_MS + CHECK_MS)
    assert desk.committed("old") == 6


def test_commit_with_a_retention_of_its_own_expires_by_it() -> None:
    """OffsetCommit 2 to 4 could say so."""
    desk = Desk()
    desk.commit(5, retention_ms=1_000)
    desk.commit(6, topic="u")
    desk.advance(CHECK_MS)
    assert (desk.committed(), desk.committed("u")) == (None, 6)
