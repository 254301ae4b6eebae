"""LeaveGroup: members that go, one or many."""

from __future__ import annotations

from minikafka.base.errors import ErrorCode
from minikafka.groups.commands import LeavingMember
from tests.unit.groups.desk import DELAY_MS, Desk


def test_others_share_at_once_what_a_leaver_had() -> None:
    """No session has to run out."""
    desk = Desk()
    first, second = desk.stable(None, None)
    assert desk.leave(LeavingMember(first.member_id)) == (ErrorCode.NONE,)
    assert desk.heartbeat(second) == ErrorCode.REBALANCE_IN_PROGRESS
    answer = desk.join(second.member_id).result()
    assert (answer.generation_id, answer.leader) == (2, second.member_id)


def test_many_leave_in_one_request() -> None:
    """KIP-345: each has its own error."""
    desk = Desk()
    first, _, third = desk.stable(None, "two", None)
    got = desk.leave(
        LeavingMember(first.member_id),
        LeavingMember("nobody"),
        LeavingMember("", "two"),
    )
    assert got == (ErrorCode.NONE, ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.NONE)
    assert list(desk.group().members) == [third.member_id]


def test_group_that_all_leave_is_empty_and_the_log_knows() -> None:
    """With the next generation and no members."""
    desk = Desk()
    [member] = desk.stable(None)
    desk.leave(LeavingMember(member.member_id))
    assert (desk.state(), desk.group().protocol_name) == ("Empty", None)
    stored = desk.log[-1].value
    assert stored is not None
    assert (stored.generation_id, stored.members) == (2, ())


def test_announced_member_may_leave() -> None:
    """KIP-394: an id that was given out, before anybody joined with it."""
    desk = Desk()
    [member] = desk.stable(None)
    pending = desk.join(requires_id=True).result()
    waiting = desk.join(member.member_id)
    assert not waiting.done
    assert desk.leave(LeavingMember(pending.member_id)) == (ErrorCode.NONE,)
    assert waiting.result().generation_id == 2


def test_waiting_member_that_leaves_is_answered() -> None:
    """Its JoinGroup, on another connection perhaps, ends with UNKNOWN_MEMBER_ID."""
    desk = Desk()
    leader, _ = desk.stable(None, None)
    waiting = desk.join(leader.member_id)
    desk.leave(LeavingMember(leader.member_id))
    assert waiting.result().error == ErrorCode.UNKNOWN_MEMBER_ID


def test_nobody_leaves_a_group_that_is_not_there() -> None:
    """Every member is unknown, the request is not refused."""
    desk = Desk()
    got = desk.leave(LeavingMember("a"), LeavingMember("b"))
    assert got == (ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.UNKNOWN_MEMBER_ID)


def test_last_one_that_leaves_during_the_initial_delay_leaves_it_waiting() -> None:
    """The delay goes on and ends empty."""
    desk = Desk()
    desk.join(instance_id="i")
    desk.leave(LeavingMember("", "i"))
    assert desk.state() == "PreparingRebalance"
    desk.advance(DELAY_MS)
    assert desk.state() == "Empty"
