"""How one member changes its group: what it says, what follows, what it is to have.

For a heartbeat of the consumer protocol and for a JoinGroup alike.
Counterpart: the numbered steps of GroupMetadataManager.consumerGroupHeartbeat. KIP-848.

Rules of this file
    1. The member is made or changed; the group epoch moves where that, or topics, matter.
    2. Where the group epoch has moved, there is a new target assignment.
    3. The member goes one step towards its target.
    All of it is one batch of records, and nothing is changed but by them.
"""

from __future__ import annotations

from dataclasses import replace

from minikafka.groups.commands import Moment
from minikafka.groups.consumer_checks import check_released
from minikafka.groups.consumer_group import ConsumerGroup
from minikafka.groups.consumer_leaving import expect_revocation, removal
from minikafka.groups.consumer_members import ConsumerMember, MemberState
from minikafka.groups.consumer_records import (
    GroupEpoch,
    PartitionMetadata,
    StoredEpoch,
    TargetAssignment,
)
from minikafka.groups.expressions import update_expressions
from minikafka.groups.partitions import NO_PARTITIONS, Partitions
from minikafka.groups.reconciling import reconcile
from minikafka.groups.records import GroupRecord
from minikafka.groups.table import GroupTable
from minikafka.groups.targets import next_targets
from minikafka.groups.topics import group_hash

__all__ = ["Change", "static_member"]


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
