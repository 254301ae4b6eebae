"""LeaveGroup: members that go, or are sent away. Counterpart: classicGroupLeave. KIP-345, KIP-800."""

from __future__ import annotations

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.groups.classic import ClassicGroup
from minikafka.groups.commands import (
    UNKNOWN_MEMBER,
    Decision,
    JoinAnswer,
    LeaveGroup,
    LeavingMember,
    Moment,
)
from minikafka.groups.rebalance import maybe_complete_join, rebalance_or_complete_join
from minikafka.groups.states import GroupState
from minikafka.groups.table import GroupTable

__all__ = ["leave_group"]


def leave_group(
    table: GroupTable, command: LeaveGroup, now: Moment
) -> Decision[tuple[ErrorCode, ...]]:
    """Let members go, and return what came of each; whoever stays shares what they had.

    Raises:
        KafkaError: COORDINATOR_NOT_AVAILABLE where the group was deleted this moment.
    """
    group = table.groups.get(command.group_id)
    if group is None:
        return Decision((), tuple(ErrorCode.UNKNOWN_MEMBER_ID for _ in command.members))
    if group.state is GroupState.DEAD:
        raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    errors = tuple(_leave(table, group, member) for member in command.members)
    if ErrorCode.NONE not in errors:
        return Decision((), errors)
    if group.state in (GroupState.STABLE, GroupState.COMPLETING_REBALANCE):
        decision = rebalance_or_complete_join(table, group, now)
    else:
        decision = maybe_complete_join(table, group, now)
    return Decision(decision.records, errors, decision.settled)


def _leave(table: GroupTable, group: ClassicGroup, leaving: LeavingMember) -> ErrorCode:
    member_id, instance_id = leaving
    if member_id == UNKNOWN_MEMBER:
        # An administrator removes a static member by its name.
        found = None if instance_id is None else group.static_members.get(instance_id)
        if found is None:
            return ErrorCode.UNKNOWN_MEMBER_ID
        member_id = found
    elif member_id not in group.pending_joins:
        try:
            group.check_member(member_id, instance_id)
        except KafkaError as error:
            return error.code
    member = group.members.get(member_id)
    if member is not None:
        member.complete_join(JoinAnswer(ErrorCode.UNKNOWN_MEMBER_ID, UNKNOWN_MEMBER))
    group.remove(member_id)
    table.timers.cancel(("heartbeat", group.group_id, member_id))
    return ErrorCode.NONE
