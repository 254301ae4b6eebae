"""Static members: one live holder for each group.instance.id (KIP-345, G7)."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from minikafka.groups.commands import LeavingMember
from tests.unit.groups.desk import DELAY_MS, SESSION_MS, Desk, protocols


def test_static_member_needs_no_second_round() -> None:
    """KIP-394 is for dynamic members: an instance id is known already."""
    desk = Desk()
    waiting = desk.join(instance_id="i", requires_id=True)
    desk.advance(DELAY_MS)
    assert waiting.result().member_id.startswith("i-")


def test_restarted_static_member_keeps_its_assignment_and_disturbs_nobody() -> None:
    """KIP-345: within its session it comes back under a new id, without a rebalance."""
    desk = Desk()
    first, second = desk.stable("one", "two")
    answer = desk.join(instance_id="two").result()
    assert (answer.error, answer.generation_id) == (ErrorCode.NONE, second.generation_id)
    assert answer.member_id != second.member_id
    assert desk.state() == "Stable"
    got = desk.sync(answer, instance_id="two").result()
    assert got.assignment == b"a" + second.member_id.encode()
    assert desk.heartbeat(first) == ErrorCode.NONE


def test_former_self_of_a_static_member_is_fenced() -> None:
    """FENCED_INSTANCE_ID with the instance id, UNKNOWN_MEMBER_ID without."""
    desk = Desk()
    _, old = desk.stable("one", "two")
    desk.join(instance_id="two")
    assert desk.heartbeat(old, instance_id="two") == ErrorCode.FENCED_INSTANCE_ID
    assert desk.heartbeat(old) == ErrorCode.UNKNOWN_MEMBER_ID
    assert desk.sync(old, instance_id="two").result().error == ErrorCode.FENCED_INSTANCE_ID
    assert desk.commit(5, old, instance_id="two") == ErrorCode.FENCED_INSTANCE_ID
    refused = desk.join(old.member_id, instance_id="two").result()
    assert refused.error == ErrorCode.FENCED_INSTANCE_ID


def test_who_waits_under_the_old_id_is_fenced_at_once() -> None:
    """Two processes with one instance id: the later one wins."""
    desk = Desk()
    desk.stable("one", None)
    old = desk.join(instance_id="three")
    new = desk.join(instance_id="three")
    assert old.result().error == ErrorCode.FENCED_INSTANCE_ID
    assert not new.done


def test_restarted_leader_is_told_that_nothing_is_to_be_assigned() -> None:
    """KIP-814: from JoinGroup 9 on it leads, and skips the assignment."""
    desk = Desk()
    leader, other = desk.stable("one", "two")
    answer = desk.join(instance_id="one", skips=True).result()
    assert answer.leader == answer.member_id != leader.member_id
    assert answer.skip_assignment
    members = [each.member_id for each in answer.members]
    assert members == [answer.member_id, other.member_id]


def test_restarted_leader_of_an_old_client_does_not_hear_that_it_leads() -> None:
    """Before KIP-814 it would assign anew, and nobody else would come for it."""
    desk = Desk()
    leader, _ = desk.stable("one", "two")
    answer = desk.join(instance_id="one").result()
    assert answer.leader == leader.member_id
    assert (answer.members, answer.skip_assignment) == ((), False)


def test_replacement_is_in_the_log_before_it_is_answered() -> None:
    """After a failover the new id is the member."""
    desk = Desk()
    desk.stable("one", "two")
    desk.held = True
    waiting = desk.join(instance_id="two")
    assert not waiting.done
    desk.settle()
    answer = waiting.result()
    desk.held = False
    desk.fail_over()
    assert desk.heartbeat(answer, instance_id="two") == ErrorCode.NONE


def test_replacement_that_the_log_refuses_is_taken_back() -> None:
    """The old id is the member still, and the new one hears why."""
    desk = Desk()
    _, old = desk.stable("one", "two")
    desk.refuse = ErrorCode.COORDINATOR_NOT_AVAILABLE
    answer = desk.join(instance_id="two").result()
    assert (answer.error, answer.member_id) == (ErrorCode.COORDINATOR_NOT_AVAILABLE, "")
    assert desk.heartbeat(old, instance_id="two") == ErrorCode.NONE


def test_replacement_that_changes_the_protocol_makes_everybody_join() -> None:
    """The assignment was made by a protocol that is not the group's any more."""
    desk = Desk()
    both = protocols("range", "sticky")
    desk.stable("one", "two", speaks=both)
    waiting = desk.join(instance_id="two", speaks=protocols("sticky"))
    assert (waiting.done, desk.state()) == (False, "PreparingRebalance")


def test_replacement_before_the_assignment_makes_everybody_join() -> None:
    """The leader may be assigning to the old id at this moment."""
    desk = Desk()
    _, other = desk.join_all("one", "two")
    parked = desk.sync(other)
    desk.join(instance_id="two")
    assert parked.result().error == ErrorCode.FENCED_INSTANCE_ID
    assert desk.state() == "PreparingRebalance"


def test_absent_static_member_stays_through_a_rebalance() -> None:
    """Only its session ends it, not the rebalance timeout."""
    desk = Desk()
    first, _ = desk.stable("one", "two", session_ms=300_000)
    waiting = desk.join(first.member_id, instance_id="one")
    desk.advance(60_000)
    assert waiting.result().generation_id == 2
    assert sorted(desk.group().static_members) == ["one", "two"]


def test_rebalance_without_anybody_present_is_put_off() -> None:
    """All members are static and none has come: their sessions decide."""
    desk = Desk()
    leader, _ = desk.stable("one", "two", session_ms=300_000, rebalance_ms=10_000)
    desk.join(leader.member_id, instance_id="one")
    desk.group().members[leader.member_id].awaiting_join = None
    desk.advance(10_000)
    assert (desk.state(), desk.group().generation_id) == ("PreparingRebalance", 1)


def test_session_of_a_static_member_ends_it() -> None:
    """After the session timeout the others share what it had."""
    desk = Desk()
    desk.stable("one", session_ms=SESSION_MS)
    desk.advance(SESSION_MS)
    assert (desk.state(), desk.group().static_members) == ("Empty", {})


@pytest.mark.parametrize(
    ("leaving", "want"),
    [
        (LeavingMember("", "two"), ErrorCode.NONE),
        (LeavingMember("", "nobody"), ErrorCode.UNKNOWN_MEMBER_ID),
        (LeavingMember("", None), ErrorCode.UNKNOWN_MEMBER_ID),
        (LeavingMember("other", "two"), ErrorCode.FENCED_INSTANCE_ID),
    ],
)
def test_administrator_removes_a_static_member_by_its_name(
    leaving: LeavingMember, want: ErrorCode
) -> None:
    """An empty member id and an instance id; a wrong member id is fenced."""
    desk = Desk()
    desk.stable("one", "two")
    assert desk.leave(leaving) == (want,)
    assert ("two" in desk.group().static_members) == (want != ErrorCode.NONE)
