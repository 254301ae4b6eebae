"""The coordinator of one partition: loading, unloading, groups as a whole."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.groups.commands import ListedGroup
from tests.unit.groups.desk import SESSION_MS, Desk


def test_whoever_waits_is_told_when_the_coordinator_goes() -> None:
    """NOT_COORDINATOR: look for the new one."""
    desk = Desk()
    [member] = desk.stable(None)
    newcomer = desk.join()
    coordinator = desk.coordinator
    coordinator.unload(ErrorCode.NOT_COORDINATOR)
    assert newcomer.result().error == ErrorCode.NOT_COORDINATOR
    assert coordinator.next_deadline_ms() is None
    assert desk.heartbeat(member) == ErrorCode.UNKNOWN_MEMBER_ID


def test_members_get_a_fresh_session_after_failover() -> None:
    """Their heartbeats went to a coordinator that was gone."""
    desk = Desk()
    [member] = desk.stable(None)
    desk.advance(SESSION_MS - 1)
    desk.fail_over()
    desk.advance(SESSION_MS - 1)
    assert desk.heartbeat(member) == ErrorCode.NONE
    desk.advance(SESSION_MS)
    assert desk.state() == "Empty"


def test_record_of_a_group_that_was_deleted_does_not_come_back() -> None:
    """The tombstone is the last word of the log."""
    desk = Desk()
    desk.commit(5)
    [(_, error)] = desk.carry_out(desk.coordinator.delete_groups(["g"]))
    assert error == ErrorCode.NONE
    assert desk.committed() is None
    desk.fail_over()
    assert desk.coordinator.group("g") is None
    assert desk.committed() is None


def test_only_empty_groups_are_deleted() -> None:
    """KIP-229: each group has its own error; named twice it is deleted once."""
    desk = Desk()
    desk.stable(None)
    desk.commit(5, group_id="h")
    results = desk.carry_out(desk.coordinator.delete_groups(["g", "h", "h", "nobody"]))
    assert results == (
        ("g", ErrorCode.NON_EMPTY_GROUP),
        ("h", ErrorCode.NONE),
        ("nobody", ErrorCode.GROUP_ID_NOT_FOUND),
    )


def test_offsets_of_topics_that_are_gone_go_with_them() -> None:
    """In every group; a topic of the same name begins anew."""
    desk = Desk()
    desk.commit(5)
    desk.commit(6, topic="u")
    desk.commit(7, group_id="h")
    desk.carry_out(desk.coordinator.topics_removed(["t"]))
    assert (desk.committed(), desk.committed("u"), desk.committed(group_id="h")) == (
        None,
        6,
        None,
    )


def test_groups_are_listed_by_state_and_type() -> None:
    """As ListGroups shows them; who only commits has no protocol type."""
    desk = Desk()
    desk.stable(None)
    desk.commit(5, group_id="h")
    assert desk.coordinator.list_groups() == (
        ListedGroup("g", "consumer", "Stable", "classic"),
        ListedGroup("h", "", "Empty", "classic"),
    )


def test_subscriptions_are_shown_of_a_stable_group() -> None:
    """In between, a member's metadata may be of either protocol, so none is shown."""
    desk = Desk()
    [member] = desk.stable(None)
    shown = desk.coordinator.describe_group("g")
    assert (shown.state, shown.protocol_type, shown.protocol_data) == (
        "Stable",
        "consumer",
        "range",
    )
    [described] = shown.members
    assert described.member_id == member.member_id
    assert (described.client_id, described.client_host) == ("c0", "/10.0.0.1")
    assert described.metadata
    assert described.assignment == b"a" + member.member_id.encode()
    desk.join()
    shown = desk.coordinator.describe_group("g")
    assert (shown.state, shown.protocol_data) == ("PreparingRebalance", "")
    assert [each.metadata for each in shown.members] == [b"", b""]


def test_group_that_is_not_there_cannot_be_described() -> None:
    """GROUP_ID_NOT_FOUND; older versions make "Dead" of it (KIP-1043)."""
    with pytest.raises(KafkaError) as caught:
        Desk().coordinator.describe_group("g")
    assert caught.value.code == ErrorCode.GROUP_ID_NOT_FOUND
