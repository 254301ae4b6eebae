"""Each rule of what a group coordinator does with its members, shown what breaks it."""

from __future__ import annotations

from minikafka.base.errors import ErrorCode
from minikafka.groups.commands import (
    CommitOffsets,
    Decision,
    Heartbeat,
    LeavingMember,
    OffsetToCommit,
)
from minikafka.groups.records import OffsetCommitted
from minikafka.groups.states import GroupState
from tests.unit.groups.desk import REBALANCE_MS, SESSION_MS
from tests.unit.trials.group_cell import GroupCell


def test_sound_group_breaks_nothing() -> None:
    """Members join, sync, commit, fall silent and leave."""
    cell = GroupCell()
    first, second, _ = cell.stable(None, None, "i")
    assert cell.desk.commit(5, first) is ErrorCode.NONE
    cell.look()
    for _ in range(4):
        cell.desk.advance(SESSION_MS // 2)
        cell.look()
        cell.desk.heartbeat(first)
        cell.look()
    assert second.member_id not in cell.desk.group().members
    cell.desk.join(first.member_id)
    cell.look()
    cell.desk.advance(REBALANCE_MS)
    cell.look()
    cell.desk.leave(LeavingMember(first.member_id))
    cell.look()
    assert cell.wrong == []


def test_generation_that_falls_breaks_g1() -> None:
    """Within the term of one coordinator."""
    cell = GroupCell()
    cell.stable(None)
    cell.desk.group().generation_id = 0
    cell.look()
    assert "G1" in cell.wrong


def test_rebalance_that_ends_in_the_same_generation_breaks_g1() -> None:
    """Who was in it before could not be told from who is in it now."""
    cell = GroupCell()
    cell.stable(None)
    cell.offsets.seen["g"].state = GroupState.PREPARING_REBALANCE
    cell.look()
    assert cell.wrong == ["G1"]


def test_coordinator_that_begins_below_what_members_lived_in_breaks_g1() -> None:
    """The generation is in the log before anybody has its assignment."""
    cell = GroupCell()
    cell.offsets.history("g").synced = 2
    cell.stable(None)
    assert cell.wrong == ["G1"]


def test_commit_of_another_generation_breaks_g3() -> None:
    """It may be of somebody whose partitions others have."""
    cell = GroupCell()
    [joined] = cell.stable(None)
    command = CommitOffsets("g", 7, joined.member_id, None, (OffsetToCommit("t", 0, 1),))
    cell.hear(command, cell.desk.now)
    assert cell.wrong == ["G3"]


def test_commit_of_a_former_generation_that_a_coordinator_believes_in_breaks_g3() -> None:
    """Members have lived in a later one."""
    cell = GroupCell()
    [joined] = cell.stable(None)
    cell.offsets.history("g").synced = 2
    cell.desk.commit(5, joined)
    assert cell.wrong == ["G3"]


def test_commit_of_no_member_breaks_g3() -> None:
    """While there are members nobody else commits."""
    cell = GroupCell()
    cell.stable(None)
    for member, generation in (("stranger", 1), ("", -1)):
        command = CommitOffsets("g", generation, member, None, (OffsetToCommit("t", 0, 1),))
        cell.hear(command, cell.desk.now)
    assert cell.wrong == ["G3", "G3"]


def test_member_in_a_generation_that_it_has_not_joined_breaks_g5() -> None:
    """It still reads what the leader gives to others."""
    cell = GroupCell()
    cell.stable(None, None)
    cell.desk.group().generation_id += 1
    cell.look()
    assert cell.wrong == ["G5"]


def test_static_member_is_taken_along() -> None:
    """KIP-345: it stays without having joined."""
    cell = GroupCell()
    cell.stable("i")
    cell.desk.group().generation_id += 1
    cell.look()
    assert cell.wrong == []


def test_member_put_out_while_it_sends_heartbeats_breaks_g6() -> None:
    """Its session is not over."""
    cell = GroupCell()
    _, second = cell.stable(None, None)
    cell.desk.advance(SESSION_MS - 1)
    cell.desk.heartbeat(second)
    cell.desk.group().remove(second.member_id)
    cell.look()
    assert "G6" in cell.wrong


def test_two_holders_of_an_instance_id_break_g7() -> None:
    """One of them should have been replaced."""
    cell = GroupCell()
    cell.stable("i", None)
    for member in cell.desk.group().members.values():
        member.group_instance_id = "i"
    cell.look()
    assert cell.wrong == ["G7"]


def test_replaced_member_that_goes_on_breaks_g7() -> None:
    """Its next life has its place."""
    cell = GroupCell()
    [joined] = cell.stable("i")
    cell.desk.join(instance_id="i")
    cell.look()
    assert cell.wrong == []
    cell.hear(Heartbeat("g", 1, joined.member_id, None), cell.desk.now)
    assert cell.wrong == ["G7"]


def test_deleted_offset_of_a_topic_that_members_read_breaks_g8() -> None:
    """However long ago it was committed."""
    cell = GroupCell()
    cell.stable(None)
    cell.look(Decision((OffsetCommitted("g", "t", 0, None),), None))
    assert cell.wrong == ["G8"]


def test_deleted_offset_of_a_topic_that_nobody_reads_breaks_nothing() -> None:
    """KIP-211: it may expire though the group has members."""
    cell = GroupCell()
    cell.stable(None)
    cell.look(Decision((OffsetCommitted("g", "u", 0, None),), None))
    assert cell.wrong == []


def test_generation_that_waits_for_ever_for_its_assignment_breaks_l7() -> None:
    """KAFKA-12890: who does not send it has to go."""
    cell = GroupCell()
    cell.desk.join_all(None)
    cell.look()
    cell.desk.now_ms += REBALANCE_MS + 10_001
    cell.look()
    assert cell.wrong == ["L7"]


def test_only_the_latest_coordinator_is_looked_at() -> None:
    """Who was deposed and does not know it can commit nothing."""
    offsets = GroupCell().offsets
    assert offsets.enter("new", 5)
    assert not offsets.enter("old", 4)
    assert offsets.tenure == "new"
