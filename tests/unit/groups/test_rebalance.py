"""How rebalances begin, wait and end."""

from __future__ import annotations

from minikafka.base.errors import ErrorCode
from minikafka.groups.commands import LeavingMember
from tests.unit.groups.desk import DELAY_MS, REBALANCE_MS, SESSION_MS, Desk


def test_initial_delay_is_longer_while_members_keep_coming() -> None:
    """KIP-134: each newcomer gives the group one more delay, so that it forms once."""
    desk = Desk()
    first = desk.join()
    desk.advance(DELAY_MS - 1)
    second = desk.join()
    desk.advance(DELAY_MS)
    assert not first.done
    desk.advance(1)
    assert first.result().generation_id == second.result().generation_id == 1


def test_initial_delay_ends_with_the_rebalance_timeout() -> None:
    """KIP-134: newcomers cannot hold it up for ever."""
    desk = Desk()
    first = desk.join(rebalance_ms=250)
    for _ in range(4):
        desk.advance(60)
        desk.join(rebalance_ms=250)
    desk.advance(60)
    assert first.result().generation_id == 1


def test_newcomer_waits_until_all_have_joined() -> None:
    """The barrier: no generation without all who may still come (G9)."""
    desk = Desk()
    leader, follower = desk.stable(None, None)
    newcomer = desk.join()
    assert desk.heartbeat(leader) == ErrorCode.REBALANCE_IN_PROGRESS
    first = desk.join(leader.member_id)
    assert not first.done
    second = desk.join(follower.member_id)
    answers = [each.result() for each in (newcomer, first, second)]
    assert {answer.generation_id for answer in answers} == {2}
    assert len(answers[1].members) == 3


def test_who_does_not_join_in_time_is_out() -> None:
    """The rebalance timeout, though its heartbeats go on: a consumer that stopped polling."""
    desk = Desk()
    leader, busy = desk.stable(None, None)
    waiting = desk.join(leader.member_id)
    for _ in range(REBALANCE_MS // 5_000):
        assert desk.heartbeat(busy) == ErrorCode.REBALANCE_IN_PROGRESS
        desk.advance(5_000)
    assert waiting.result().generation_id == 2
    assert list(desk.group().members) == [leader.member_id]
    assert desk.heartbeat(busy) == ErrorCode.UNKNOWN_MEMBER_ID
    assert desk.commit(5, busy) == ErrorCode.UNKNOWN_MEMBER_ID


def test_leader_that_does_not_join_leads_no_longer() -> None:
    """Whoever has joined takes its place."""
    desk = Desk()
    leader, other = desk.stable(None, None)
    newcomer = desk.join(other.member_id, rebalance_ms=REBALANCE_MS, speaks=())
    assert newcomer.result().error == ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    joined = desk.join()
    again = desk.join(other.member_id)
    desk.advance(REBALANCE_MS)
    assert joined.result().leader == again.result().leader == other.member_id
    assert desk.heartbeat(leader) == ErrorCode.UNKNOWN_MEMBER_ID


def test_member_without_heartbeats_is_out_after_its_session() -> None:
    """Not one millisecond earlier (G6)."""
    desk = Desk()
    first, second = desk.stable(None, None)
    desk.advance(SESSION_MS - 1)
    assert desk.heartbeat(first) == ErrorCode.NONE
    assert len(desk.group().members) == 2
    desk.advance(1)
    assert list(desk.group().members) == [first.member_id]
    assert desk.heartbeat(second) == ErrorCode.UNKNOWN_MEMBER_ID


def test_member_with_heartbeats_is_never_out() -> None:
    """However long it lasts (G6)."""
    desk = Desk()
    [member] = desk.stable(None)
    for _ in range(50):
        desk.advance(SESSION_MS - 1)
        assert desk.heartbeat(member) == ErrorCode.NONE


def test_member_that_waits_for_us_needs_no_heartbeat() -> None:
    """Its connection is not read while its JoinGroup waits."""
    desk = Desk()
    leader, other = desk.stable(None, None)
    waiting = desk.join(leader.member_id)
    for _ in range(4):
        desk.advance(SESSION_MS - 1)
        desk.heartbeat(other)
    assert leader.member_id in desk.group().members
    assert not waiting.done


def test_session_begins_anew_with_the_answer() -> None:
    """Time spent waiting for others is not counted against a member."""
    desk = Desk()
    leader, other = desk.stable(None, None)
    waiting = desk.join(leader.member_id)
    for _ in range(3):
        desk.advance(SESSION_MS - 1)
        desk.heartbeat(other)
    desk.join(other.member_id)
    assert waiting.done
    desk.advance(SESSION_MS - 1)
    assert leader.member_id in desk.group().members


def test_generation_whose_leader_never_syncs_ends() -> None:
    """KAFKA-12890, M79: else the others would wait for their assignment for ever."""
    desk = Desk()
    leader, other = desk.join_all(None, None)
    parked = desk.sync(other)
    for _ in range(REBALANCE_MS // 5_000):
        desk.advance(5_000)
        desk.heartbeat(leader)
    assert parked.result().error == ErrorCode.REBALANCE_IN_PROGRESS
    assert list(desk.group().members) == [other.member_id]
    assert desk.join(other.member_id).result().generation_id == 2


def test_generation_strictly_grows() -> None:
    """Each rebalance is one generation further, also the one that empties the group (G1)."""
    desk = Desk()
    [member] = desk.stable(None)
    seen = [member.generation_id]
    for _ in range(3):
        joined = desk.join(member.member_id).result()
        seen.append(joined.generation_id)
        desk.sync(joined)
    desk.leave(LeavingMember(member.member_id))
    seen.append(desk.group().generation_id)
    assert seen == [1, 2, 3, 4, 5]


def test_generation_grows_across_failover() -> None:
    """The log knows the last one, also of an empty group (G1, M73)."""
    desk = Desk()
    [member] = desk.stable(None)
    desk.leave(LeavingMember(member.member_id))
    desk.fail_over()
    assert (desk.state(), desk.group().generation_id) == ("Empty", 2)
    [again] = desk.stable(None)
    assert again.generation_id == 3


def test_new_member_that_never_hears_its_id_is_out_after_five_minutes() -> None:
    """Its JoinGroup is answered, in case it is still there."""
    desk = Desk()
    [member] = desk.stable(None, rebalance_ms=3_600_000)
    lost = desk.join(rebalance_ms=3_600_000)
    for _ in range(60):
        desk.advance(5_000)
        desk.heartbeat(member)
    assert lost.result().error == ErrorCode.UNKNOWN_MEMBER_ID
    assert list(desk.group().members) == [member.member_id]
