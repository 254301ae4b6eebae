"""SyncGroup and Heartbeat: assignments and generations."""

from __future__ import annotations

from dataclasses import replace

import pytest

from minikafka.base.errors import ErrorCode
from tests.unit.groups.desk import Desk


def test_everybody_gets_what_the_leader_assigned() -> None:
    """Followers wait for it; who is left out gets nothing."""
    desk = Desk()
    leader, second, third = desk.join_all(None, None, None)
    parked = desk.sync(second)
    assert not parked.done
    mine = desk.sync(leader, **{leader.member_id: b"L", second.member_id: b"S"})
    assert (mine.result().assignment, parked.result().assignment) == (b"L", b"S")
    late = desk.sync(third).result()
    assert (late.error, late.assignment) == (ErrorCode.NONE, b"")
    assert (late.protocol_type, late.protocol_name) == ("consumer", "range")


def test_nobody_hears_an_assignment_that_is_not_committed() -> None:
    """The record comes first: a coordinator that fails must not have promised (G2)."""
    desk = Desk()
    leader, other = desk.join_all(None, None)
    parked = desk.sync(other)
    desk.held = True
    mine = desk.sync(leader)
    assert (mine.done, parked.done, desk.state()) == (False, False, "CompletingRebalance")
    desk.settle()
    assert (mine.done, parked.done, desk.state()) == (True, True, "Stable")


def test_assignment_that_the_log_refuses_makes_everybody_join() -> None:
    """Each hears the error, and the group rebalances."""
    desk = Desk()
    leader, other = desk.join_all(None, None)
    parked = desk.sync(other)
    desk.refuse = ErrorCode.COORDINATOR_NOT_AVAILABLE
    mine = desk.sync(leader)
    assert mine.result().error == parked.result().error == ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert desk.state() == "PreparingRebalance"


def test_assignment_of_a_generation_that_is_over_is_forgotten() -> None:
    """Somebody joined while the record was on its way."""
    desk = Desk()
    leader, _ = desk.join_all(None, None)
    desk.held = True
    mine = desk.sync(leader)
    desk.join()
    assert mine.result().error == ErrorCode.REBALANCE_IN_PROGRESS
    desk.settle()
    assert desk.state() == "PreparingRebalance"


def test_assignment_survives_failover() -> None:
    """The new coordinator goes on with the generation as it is."""
    desk = Desk()
    leader, other = desk.stable(None, None)
    desk.fail_over()
    assert desk.state() == "Stable"
    assert desk.heartbeat(leader) == ErrorCode.NONE
    assert desk.sync(other).result().assignment == b"a" + other.member_id.encode()


def test_failover_before_the_assignment_makes_the_group_begin_anew() -> None:
    """What was not in the log never was: its members are unknown and come again."""
    desk = Desk()
    leader, other = desk.join_all(None, None)
    parked = desk.sync(other)
    desk.fail_over()
    assert parked.result().error == ErrorCode.NOT_COORDINATOR
    assert desk.heartbeat(leader) == ErrorCode.UNKNOWN_MEMBER_ID
    assert desk.state() == "Empty"


@pytest.mark.parametrize(
    ("change", "want"),
    [
        ({"generation_id": 0}, ErrorCode.ILLEGAL_GENERATION),
        ({"generation_id": 2}, ErrorCode.ILLEGAL_GENERATION),
        ({"member_id": "nobody"}, ErrorCode.UNKNOWN_MEMBER_ID),
        ({"protocol_type": "connect"}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
        ({"protocol_name": "sticky"}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
        ({"protocol_type": None, "protocol_name": None}, ErrorCode.NONE),
    ],
)
def test_sync_has_to_fit_the_generation(change: dict[str, object], want: ErrorCode) -> None:
    """Member, generation and, where they are named, protocols (KIP-559)."""
    desk = Desk()
    _, other = desk.stable(None, None)
    answer = desk.sync(replace(other, **change)).result()  # type: ignore[arg-type]
    assert answer.error == want


def test_sync_during_a_rebalance_asks_to_join() -> None:
    """The assignment it wants is of the past."""
    desk = Desk()
    leader, other = desk.stable(None, None)
    desk.join(leader.member_id)
    assert desk.sync(other).result().error == ErrorCode.REBALANCE_IN_PROGRESS


def test_sync_with_no_group_is_unknown() -> None:
    """Also with one that is empty."""
    desk = Desk()
    [member] = desk.stable(None)
    desk.advance(60_000)
    assert desk.state() == "Empty"
    assert desk.sync(member).result().error == ErrorCode.UNKNOWN_MEMBER_ID


def test_heartbeat_has_to_fit_the_generation() -> None:
    """A member of an older generation is refused, as is who is no member."""
    desk = Desk()
    [member] = desk.stable(None)
    assert desk.heartbeat(member) == ErrorCode.NONE
    assert desk.heartbeat(member, generation=0) == ErrorCode.ILLEGAL_GENERATION
    stranger = replace(member, member_id="nobody")
    assert desk.heartbeat(stranger) == ErrorCode.UNKNOWN_MEMBER_ID


def test_heartbeat_before_the_assignment_is_fine() -> None:
    """Clients send them as soon as they have joined."""
    desk = Desk()
    [member] = desk.join_all(None)
    assert (desk.heartbeat(member), desk.state()) == (ErrorCode.NONE, "CompletingRebalance")
