"""ConsumerGroupHeartbeat: all that a member of the consumer protocol does.

It joins, says what it wants and has, and hears what it is to have; nobody waits for anybody.
Counterpart: GroupMetadataManager.consumerGroupHeartbeat. KIP-848.
"""

from __future__ import annotations

from dataclasses import replace

from minikafka.groups.commands import Decision, Moment
from minikafka.groups.consumer_change import Change, static_member
from minikafka.groups.consumer_checks import (
    check_epoch,
    check_heartbeat,
    check_not_fenced,
    check_room,
    known_static,
)
from minikafka.groups.consumer_commands import ConsumerHeartbeat, ConsumerHeartbeatAnswer
from minikafka.groups.consumer_group import ConsumerGroup
from minikafka.groups.consumer_leaving import expect_consumer, leave, resume
from minikafka.groups.consumer_members import (
    JOIN_EPOCH,
    LEAVE_EPOCH,
    LEAVE_STATIC_EPOCH,
    ConsumerMember,
)
from minikafka.groups.migrating import upgrade
from minikafka.groups.records import GroupMetadata, GroupRecord
from minikafka.groups.states import GroupState
from minikafka.groups.table import GroupTable

__all__ = ["consumer_heartbeat"]


def consumer_heartbeat(
    table: GroupTable, command: ConsumerHeartbeat, now: Moment
) -> Decision[ConsumerHeartbeatAnswer]:
    """Let a member join, go on, or leave.

    Raises:
        KafkaError: INVALID_REQUEST, UNSUPPORTED_ASSIGNOR, GROUP_ID_NOT_FOUND,
            GROUP_MAX_SIZE_REACHED, UNKNOWN_MEMBER_ID, FENCED_MEMBER_EPOCH,
            UNRELEASED_INSTANCE_ID, FENCED_INSTANCE_ID, INVALID_REGULAR_EXPRESSION.
    """
    check_heartbeat(command, table.limits.consumer.assignors)
    if command.member_epoch in (LEAVE_EPOCH, LEAVE_STATIC_EPOCH):
        return leave(table, command, now)
    joins = command.member_epoch == JOIN_EPOCH
    records: list[GroupRecord] = []
    group = _group(table, command.group_id, joins, records, now)
    check_room(group, command.member_id, table.limits.consumer.max_size)
    member_id = command.member_id or table.new_uuid()
    if command.instance_id is None:
        member = _member(group, member_id, joins)
        check_epoch(member, command.member_epoch, command.owned)
    elif joins:
        member = static_member(group, member_id, command.instance_id, records)
    else:
        member = known_static(group, command.instance_id)
        check_not_fenced(member, member_id, command.instance_id)
        check_epoch(member, command.member_epoch, command.owned)
    change = Change(table, group, member, _updated(member, command), records, now)
    updated = change.carry_out(command.owned)
    expect_consumer(table, group.group_id, updated.member_id, now)
    told = command.is_full or member.assigned != updated.assigned
    answer = ConsumerHeartbeatAnswer(
        updated.member_id,
        updated.epoch,
        table.times_of(group.group_id).heartbeat_interval_ms,
        updated.assigned if told else None,
    )
    return Decision(tuple(records), answer)


def _group(
    table: GroupTable, group_id: str, joins: bool, records: list[GroupRecord], now: Moment
) -> ConsumerGroup:
    """Return the group: new where there is none, converted where there is a classic one."""
    group = table.consumers.get(group_id)
    if group is not None:
        return group
    classic = table.groups.get(group_id)
    if not joins:
        raise table.no_consumer_group(group_id, "Consumer group")
    if classic is not None and classic.state is not GroupState.EMPTY:
        converted = upgrade(table, classic, records)
        resume(table, converted, now)
        return converted
    if classic is not None:
        records.append(GroupMetadata(group_id, None))
    return ConsumerGroup(group_id)


def _member(group: ConsumerGroup, member_id: str, joins: bool) -> ConsumerMember:
    if joins and member_id not in group.members:
        return ConsumerMember(member_id)
    return group.member(member_id)


def _updated(member: ConsumerMember, command: ConsumerHeartbeat) -> ConsumerMember:
    """Return the member as it describes itself now; what it leaves out stays as it was."""
    names = command.topic_names
    return replace(
        member,
        instance_id=member.instance_id if command.instance_id is None else command.instance_id,
        rack_id=member.rack_id if command.rack_id is None else command.rack_id,
        rebalance_timeout_ms=(
            member.rebalance_timeout_ms
            if command.rebalance_timeout_ms == -1
            else command.rebalance_timeout_ms
        ),
        server_assignor=(
            member.server_assignor
            if command.server_assignor is None
            else command.server_assignor
        ),
        topic_names=member.topic_names if names is None else tuple(sorted(set(names))),
        regex=member.regex if command.regex is None else command.regex,
        client_id=command.client_id,
        client_host=command.client_host,
        classic=None,
    )
