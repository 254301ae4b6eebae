"""ConsumerGroupHeartbeat: all that a member of the consumer protocol does.

It joins, says what it wants and has, and hears what it is to have; nobody waits for anybody.
Counterpart: GroupMetadataManager.consumerGroupHeartbeat. KIP-848.

Rules of this file
    1. The member is made or changed; the group epoch moves where that, or topics, matter.
    2. Where the group epoch has moved, there is a new target assignment.
    3. The member goes one step towards its target.
    All of it is one batch of records, and nothing is changed but by them.
"""

from __future__ import annotations

from dataclasses import replace

from minikafka.groups.commands import Decision, Moment
from minikafka.groups.consumer_checks import (
    check_epoch,
    check_heartbeat,
    check_not_fenced,
    check_released,
    check_room,
    known_static,
)
from minikafka.groups.consumer_commands import ConsumerHeartbeat, ConsumerHeartbeatAnswer
from minikafka.groups.consumer_group import ConsumerGroup
from minikafka.groups.consumer_leaving import (
    expect_consumer,
    expect_revocation,
    leave,
    removal,
)
from minikafka.groups.consumer_members import (
    JOIN_EPOCH,
    LEAVE_EPOCH,
    LEAVE_STATIC_EPOCH,
    ConsumerMember,
    MemberState,
)
from minikafka.groups.consumer_records import (
    GroupEpoch,
    PartitionMetadata,
    StoredEpoch,
    TargetAssignment,
)
from minikafka.groups.expressions import update_expressions
from minikafka.groups.partitions import NO_PARTITIONS, Partitions
from minikafka.groups.reconciling import reconcile
from minikafka.groups.records import GroupMetadata, GroupRecord
from minikafka.groups.states import GroupState
from minikafka.groups.table import GroupTable
from minikafka.groups.targets import next_targets
from minikafka.groups.topics import group_hash

__all__ = ["Change", "consumer_heartbeat", "static_member"]


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
    group = _group(table, command.group_id, joins, records)
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
        table.limits.consumer.heartbeat_interval_ms,
        updated.assigned if told else None,
    )
    return Decision(tuple(records), answer)


def _group(
    table: GroupTable, group_id: str, joins: bool, records: list[GroupRecord]
) -> ConsumerGroup:
    """Return the group; a new one where there is none, or a classic one without members."""
    group = table.consumers.get(group_id)
    if group is not None:
        return group
    classic = table.groups.get(group_id)
    if not joins or (classic is not None and classic.state is not GroupState.EMPTY):
        raise table.no_consumer_group(group_id, "Consumer group")
    if classic is not None:
        records.append(GroupMetadata(group_id, None))
    return ConsumerGroup(group_id)


def _member(group: ConsumerGroup, member_id: str, joins: bool) -> ConsumerMember:
    if joins and member_id not in group.members:
        return ConsumerMember(member_id)
    return group.member(member_id)


def static_member(
    group: ConsumerGroup,
    member_id: str,
    instance_id: str,
    records: list[GroupRecord],
    *,
    speaks_classic: bool = False,
) -> ConsumerMember:
    """Return a static member that joins: new, or in the place of its former self (KIP-345).

    Raises:
        KafkaError: UNRELEASED_INSTANCE_ID while the former one has not left; a member that
            speaks the classic protocol, or replaces one that does, need not wait for that.
    """
    holder = group.static_member(instance_id)
    if holder is None:
        return group.members.get(member_id, ConsumerMember(member_id))
    if not speaks_classic and holder.classic is None:
        check_released(holder, member_id, instance_id)
    group_id = group.group_id
    member = replace(holder, member_id=member_id, epoch=0, previous_epoch=0)
    records += removal(group_id, holder.member_id)
    records.append(member.metadata_record(group_id))
    target = group.targets.get(holder.member_id, NO_PARTITIONS)
    records.append(TargetAssignment(group_id, member_id, target))
    records.append(member.assignment_record(group_id))
    return member


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


class Change:
    """One member on its way through the three steps; its records are added to `records`."""

    def __init__(
        self,
        table: GroupTable,
        group: ConsumerGroup,
        member: ConsumerMember,
        updated: ConsumerMember,
        records: list[GroupRecord],
        now: Moment,
    ) -> None:
        self._table = table
        self._group = group
        self._member = member
        self._updated = updated
        self._records = records
        self._now = now

    def carry_out(self, owned: Partitions | None) -> ConsumerMember:
        """Return the member as it is afterwards.

        Args:
            owned: what the member says it has; None where it says nothing.
        """
        group, updated = self._group, self._updated
        epoch = self._next_epoch()
        if epoch > group.assignment_epoch:
            default = self._table.limits.consumer.assignors[0]
            added, target = next_targets(group, epoch, updated, self._table.topics, default)
            self._records += added
            target_epoch = epoch
        else:
            target = group.target_of(updated.member_id, updated.instance_id)
            target_epoch = group.assignment_epoch
        return self._reconciled(target_epoch, target, owned)

    def _next_epoch(self) -> int:
        """Write what the member says of itself; return the group epoch that follows from it."""
        group, member, updated = self._group, self._member, self._updated
        # A new group must come away from epoch 0, so that it is all there.
        bump = group.epoch == 0
        if updated != member:
            self._records.append(updated.metadata_record(group.group_id))
            bump = bump or updated.topic_names != member.topic_names
        changed = update_expressions(
            self._table, group, member, updated, self._records, self._now
        )
        bump = bump or changed
        if not bump and not group.has_stale_metadata:
            return group.epoch
        replaced = group.static_member(updated.instance_id)
        gone = () if replaced is None else (replaced.member_id,)
        hashed = group_hash(self._table.topics, group.subscribed(updated, gone))
        epoch = group.epoch
        if bump or hashed != group.metadata_hash:
            epoch += 1
            self._records.append(GroupEpoch(group.group_id, StoredEpoch(epoch, hashed)))
        group.fresh_epoch = epoch
        if group.has_partition_metadata:
            self._records.append(PartitionMetadata(group.group_id, None))
        return epoch

    def _reconciled(
        self, target_epoch: int, target: Partitions, owned: Partitions | None
    ) -> ConsumerMember:
        group, updated = self._group, self._updated
        if updated.is_reconciled_to(target_epoch):
            return updated
        owners = group.owners
        reconciled = reconcile(
            updated,
            target_epoch,
            target,
            lambda topic_id, number: (topic_id, number) in owners,
            owned,
        )
        if reconciled == updated:
            return updated
        self._records.append(reconciled.assignment_record(group.group_id))
        if reconciled.classic is None:
            if reconciled.state is MemberState.UNREVOKED_PARTITIONS:
                expect_revocation(self._table, group.group_id, reconciled, self._now)
            else:
                key = ("revocation", group.group_id, reconciled.member_id)
                self._table.timers.cancel(key)
        return reconciled
