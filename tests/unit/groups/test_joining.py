"""Who comes into a group, and as whom."""

from __future__ import annotations

from dataclasses import replace

import pytest

from minikafka.base.errors import ErrorCode
from tests.unit.groups.desk import DELAY_MS, EPOCH_MS, REBALANCE_MS, SESSION_MS, Desk, protocols


def test_first_member_gets_an_id_and_leads_generation_one() -> None:
    """A group of one is there after the initial delay (KIP-134)."""
    desk = Desk()
    waiting = desk.join(client_id="app")
    desk.advance(DELAY_MS - 1)
    assert not waiting.done
    desk.advance(1)
    answer = waiting.result()
    assert (answer.error, answer.generation_id) == (ErrorCode.NONE, 1)
    assert answer.member_id.startswith("app-")
    assert answer.leader == answer.member_id
    assert [each.member_id for each in answer.members] == [answer.member_id]
    assert (answer.protocol_type, answer.protocol_name) == ("consumer", "range")


def test_only_the_leader_hears_of_the_others() -> None:
    """The leader sees every member of the generation, the rest none (G9)."""
    desk = Desk()
    first, second, third = desk.join_all(None, None, None)
    assert first.leader == second.leader == first.member_id
    assert [each.member_id for each in first.members] == [
        first.member_id,
        second.member_id,
        third.member_id,
    ]
    assert second.members == third.members == ()


def test_unknown_member_has_to_come_back_with_its_id() -> None:
    """KIP-394: from JoinGroup 4 on, an id is given first and the member is in with the second."""
    desk = Desk()
    answer = desk.join(requires_id=True).result()
    assert (answer.error, desk.state()) == (ErrorCode.MEMBER_ID_REQUIRED, "Empty")
    waiting = desk.join(answer.member_id, requires_id=True)
    desk.advance(DELAY_MS)
    assert waiting.result().member_id == answer.member_id


def test_id_that_nobody_joins_with_expires_with_the_session() -> None:
    """KIP-394: an id given to somebody who is gone does not hold up the others."""
    desk = Desk()
    [member] = desk.stable(None)
    lost = desk.join(requires_id=True, session_ms=2_000).result()
    assert list(desk.group().pending_joins) == [lost.member_id]
    again = desk.join(member.member_id)
    assert not again.done, "the barrier waits for who was announced"
    desk.advance(2_000)
    assert again.result().generation_id == 2
    assert desk.join(lost.member_id).result().error == ErrorCode.UNKNOWN_MEMBER_ID


def test_member_id_of_no_group_is_unknown() -> None:
    """A group is made by a member without an id only."""
    desk = Desk()
    answer = desk.join("c-1").result()
    assert (answer.error, answer.member_id) == (ErrorCode.UNKNOWN_MEMBER_ID, "c-1")
    assert desk.coordinator.group("g") is None


def test_new_group_is_in_the_log_with_its_first_member() -> None:
    """The first record of a group is an empty one of generation 0."""
    desk = Desk()
    desk.join(requires_id=True)
    [record] = desk.log
    assert record.value is not None
    stored = record.value
    assert (stored.generation_id, stored.members, stored.state_timestamp_ms) == (
        0,
        (),
        EPOCH_MS,
    )


def test_group_that_the_log_refuses_is_not_there() -> None:
    """Whoever tried to make it hears why, and may try again."""
    desk = Desk()
    desk.refuse = ErrorCode.COORDINATOR_NOT_AVAILABLE
    answer = desk.join().result()
    assert answer.error == ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert desk.coordinator.group("g") is None
    desk.refuse = None
    desk.stable(None)


def test_group_that_others_have_joined_outlives_its_first_record() -> None:
    """That it took too long is no reason to begin its generations anew: it may be in the log."""
    desk = Desk()
    desk.held = True
    desk.join(requires_id=True)
    others = [desk.join(), desk.join()]
    desk.advance(3 * DELAY_MS)
    assert [each.result().generation_id for each in others] == [1, 1]
    desk.settle(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    assert (desk.group().generation_id, len(desk.group().members)) == (1, 2)


@pytest.mark.parametrize(
    ("protocol_type", "names"), [("connect", ("range",)), ("consumer", ("sticky",))]
)
def test_member_without_a_common_protocol_is_refused(
    protocol_type: str, names: tuple[str, ...]
) -> None:
    """One type per group, and one protocol that all of them support."""
    desk = Desk()
    desk.stable(None)
    answer = desk.join(protocol_type=protocol_type, speaks=protocols(*names)).result()
    assert answer.error == ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    assert desk.state() == "Stable"


@pytest.mark.parametrize(("protocol_type", "names"), [("", ("range",)), ("consumer", ())])
def test_empty_group_needs_a_type_and_a_protocol(
    protocol_type: str, names: tuple[str, ...]
) -> None:
    """Nobody can found a group without saying how it assigns."""
    answer = Desk().join(protocol_type=protocol_type, speaks=protocols(*names)).result()
    assert answer.error == ErrorCode.INCONSISTENT_GROUP_PROTOCOL


def test_protocol_with_the_most_votes_is_chosen() -> None:
    """Each member votes for the first of its own that all of them support."""
    desk = Desk()
    waiting = [
        desk.join(speaks=protocols(*names))
        for names in (("range", "sticky"), ("sticky", "range"), ("mine", "sticky", "range"))
    ]
    desk.advance(3 * DELAY_MS)
    assert {each.result().protocol_name for each in waiting} == {"sticky"}


def test_group_of_full_size_takes_nobody() -> None:
    """KIP-389: group.max.size."""
    desk = Desk(group_max_size=2)
    desk.stable(None, None)
    answer = desk.join().result()
    assert (answer.error, answer.member_id) == (ErrorCode.GROUP_MAX_SIZE_REACHED, "")
    assert desk.state() == "Stable"


def test_last_to_come_is_out_of_a_group_that_is_too_large() -> None:
    """KIP-389: after a restart with a smaller group.max.size, who joins last is sent away."""
    desk = Desk()
    members = desk.stable(None, None, None)
    desk.limits = replace(desk.limits, group_max_size=2)
    desk.fail_over()
    assert desk.state() == "PreparingRebalance"
    waiting = [desk.join(each.member_id) for each in members]
    assert waiting[2].result().error == ErrorCode.GROUP_MAX_SIZE_REACHED
    desk.advance(REBALANCE_MS)
    assert [each.result().generation_id for each in waiting[:2]] == [2, 2]


def test_follower_that_joins_again_unchanged_gets_the_same_generation() -> None:
    """Its answer may have been lost; nobody has to join anew for that."""
    desk = Desk()
    _, follower = desk.stable(None, None)
    assert desk.join(follower.member_id).result() == follower
    assert desk.state() == "Stable"


def test_member_that_joins_again_before_the_assignment_gets_the_same_generation() -> None:
    """Also the leader, with all members."""
    desk = Desk()
    leader, _ = desk.join_all(None, None)
    assert desk.join(leader.member_id).result() == leader
    assert desk.state() == "CompletingRebalance"


def test_leader_that_joins_again_makes_everybody_join() -> None:
    """That is how it has new partitions assigned."""
    desk = Desk()
    leader, follower = desk.stable(None, None)
    waiting = desk.join(leader.member_id)
    assert not waiting.done
    assert desk.heartbeat(follower) == ErrorCode.REBALANCE_IN_PROGRESS
    other = desk.join(follower.member_id)
    assert waiting.result().generation_id == other.result().generation_id == 2


@pytest.mark.parametrize("state", ["Stable", "CompletingRebalance"])
def test_other_subscription_makes_everybody_join(state: str) -> None:
    """A member that wants other topics needs another assignment."""
    desk = Desk()
    _, follower = desk.stable(None, None) if state == "Stable" else desk.join_all(None, None)
    assert desk.state() == state
    waiting = desk.join(follower.member_id, speaks=protocols("range", topics=("t", "u")))
    assert (waiting.done, desk.state()) == (False, "PreparingRebalance")


def test_joining_a_member_id_that_is_gone_is_refused() -> None:
    """UNKNOWN_MEMBER_ID makes a client begin anew."""
    desk = Desk()
    desk.stable(None)
    answer = desk.join("c-nobody").result()
    assert (answer.error, answer.member_id) == (ErrorCode.UNKNOWN_MEMBER_ID, "c-nobody")


def test_no_two_members_have_one_id_across_failover() -> None:
    """A new coordinator draws other ids than the one before."""
    desk = Desk()
    [first] = desk.stable(None)
    desk.fail_over()
    second = desk.join(client_id="c0", requires_id=True).result()
    assert first.member_id != second.member_id


def test_new_member_may_wait_longer_than_its_session() -> None:
    """It cannot send heartbeats yet; five minutes are the limit."""
    desk = Desk()
    [member] = desk.stable(None)
    waiting = desk.join(session_ms=1_000)
    for _ in range(5):
        desk.advance(SESSION_MS // 2)
        assert desk.heartbeat(member) == ErrorCode.REBALANCE_IN_PROGRESS
    assert not waiting.done
    assert len(desk.group().members) == 2
