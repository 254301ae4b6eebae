"""SyncGroup and Heartbeat: a member and its generation.

Counterpart: GroupMetadataManager.classicGroupSync, classicGroupHeartbeat. KIP-62, KIP-559.
"""

from __future__ import annotations

from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.groups.classic import ClassicGroup
from minikafka.groups.commands import (
    NOTHING,
    Decision,
    Heartbeat,
    Moment,
    SyncAnswer,
    SyncGroup,
)
from minikafka.groups.rebalance import (
    expect_heartbeat,
    rebalance_or_complete_join,
    reset_assignment,
    send_assignment,
)
from minikafka.groups.states import GroupState
from minikafka.groups.table import GroupTable

__all__ = ["heartbeat", "sync_group"]


def sync_group(
    table: GroupTable, command: SyncGroup, answer: Deferred[SyncAnswer], now: Moment
) -> Decision[None]:
    """Give a member its assignment, once the leader has sent it and the log holds it."""
    group = table.groups.get(command.group_id)
    if group is None or group.state is GroupState.EMPTY:
        answer.set(SyncAnswer(ErrorCode.UNKNOWN_MEMBER_ID))
        return NOTHING
    error = _refusal(group, command)
    if error is ErrorCode.NONE and group.state is GroupState.PREPARING_REBALANCE:
        error = ErrorCode.REBALANCE_IN_PROGRESS
    if error is not ErrorCode.NONE:
        answer.set(SyncAnswer(error))
        return NOTHING
    group.pending_syncs.pop(command.member_id, None)
    if not group.pending_syncs:
        table.timers.cancel(("sync", group.group_id))
    member = group.members[command.member_id]
    if group.state is GroupState.STABLE:
        answer.set(
            SyncAnswer(
                ErrorCode.NONE, group.protocol_type, group.protocol_name, member.assignment
            )
        )
        return NOTHING
    member.awaiting_sync = answer
    if group.leader != member.member_id:
        return NOTHING
    return _store_assignment(table, group, command)


def _refusal(group: ClassicGroup, command: SyncGroup) -> ErrorCode:
    if group.state is GroupState.DEAD:
        return ErrorCode.COORDINATOR_NOT_AVAILABLE
    try:
        group.check_member(command.member_id, command.group_instance_id)
    except KafkaError as error:
        return error.code
    if command.generation_id != group.generation_id:
        return ErrorCode.ILLEGAL_GENERATION
    for asked, present in (
        (command.protocol_type, group.protocol_type),
        (command.protocol_name, group.protocol_name),
    ):
        if asked is not None and present is not None and asked != present:
            return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    return ErrorCode.NONE


def _store_assignment(
    table: GroupTable, group: ClassicGroup, command: SyncGroup
) -> Decision[None]:
    """Write what the leader has assigned; who is left out gets nothing."""
    sent = dict(command.assignments)
    assignment = {member_id: sent.get(member_id, b"") for member_id in group.members}
    generation_id = group.generation_id

    def settled(error: ErrorCode, now: Moment) -> None:
        # Others may have joined while the record was on its way: then it is not the last word.
        if (
            group.state is not GroupState.COMPLETING_REBALANCE
            or group.generation_id != generation_id
        ):
            return
        if error is not ErrorCode.NONE:
            reset_assignment(table, group, error, now)
            rebalance_or_complete_join(table, group, now)
            return
        for member in group.members.values():
            member.assignment = assignment.get(member.member_id, b"")
        send_assignment(table, group, ErrorCode.NONE, now)
        group.transition_to(GroupState.STABLE, now.timestamp_ms)

    return Decision((group.record(assignment),), None, settled)


def heartbeat(table: GroupTable, command: Heartbeat, now: Moment) -> Decision[ErrorCode]:
    """Prolong a member's session; REBALANCE_IN_PROGRESS asks it to join anew.

    Raises:
        KafkaError: UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION.
    """
    group = table.groups.get(command.group_id)
    if group is None:
        raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
    if group.state is GroupState.DEAD:
        raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    group.check_member(command.member_id, command.group_instance_id)
    if command.generation_id != group.generation_id:
        raise KafkaError(ErrorCode.ILLEGAL_GENERATION)
    expect_heartbeat(table, group, group.members[command.member_id], now)
    if group.state is GroupState.PREPARING_REBALANCE:
        return Decision((), ErrorCode.REBALANCE_IN_PROGRESS)
    return Decision((), ErrorCode.NONE)
