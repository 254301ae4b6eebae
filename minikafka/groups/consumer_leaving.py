"""Who leaves a consumer group, for good or for a while, or is sent out of it.

Counterpart: GroupMetadataManager.consumerGroupLeave, consumerGroupFenceMembers and its timeouts.
KIP-848.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from minikafka.base.errors import ErrorCode
from minikafka.groups.commands import NOTHING, Decision, Moment
from minikafka.groups.consumer_checks import check_not_fenced, known_static
from minikafka.groups.consumer_commands import ConsumerHeartbeat, ConsumerHeartbeatAnswer
from minikafka.groups.consumer_group import ConsumerGroup
from minikafka.groups.consumer_members import LEAVE_STATIC_EPOCH, ConsumerMember, MemberState
from minikafka.groups.consumer_records import (
    CurrentAssignment,
    GroupEpoch,
    MemberMetadata,
    RegularExpression,
    StoredEpoch,
    TargetAssignment,
)
from minikafka.groups.migrating import classic_records, classic_resumes, may_downgrade
from minikafka.groups.partitions import NO_PARTITIONS
from minikafka.groups.records import GroupRecord
from minikafka.groups.table import GroupTable
from minikafka.groups.topics import group_hash

__all__ = [
    "cancel_timers",
    "expect_consumer",
    "expect_revocation",
    "fence_members",
    "leave",
    "removal",
    "resume",
    "schedule_fencing",
]


def leave(
    table: GroupTable, command: ConsumerHeartbeat, now: Moment
) -> Decision[ConsumerHeartbeatAnswer]:
    """Let a member go; a static one may say that it will be back within its session.

    Raises:
        KafkaError: GROUP_ID_NOT_FOUND, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID.
    """
    group = table.consumers.get(command.group_id)
    if group is None:
        raise table.no_consumer_group(command.group_id)
    answer = ConsumerHeartbeatAnswer(command.member_id, command.member_epoch)
    if command.instance_id is None:
        member = group.member(command.member_id)
    else:
        member = known_static(group, command.instance_id)
        check_not_fenced(member, command.member_id, command.instance_id)
        if command.member_epoch == LEAVE_STATIC_EPOCH:
            # What it was to give up it has given up.
            away = replace(member, epoch=LEAVE_STATIC_EPOCH, pending_revocation=NO_PARTITIONS)
            return Decision((away.assignment_record(group.group_id),), answer)
    fenced = fence_members(table, group, (member,), now)
    return Decision(fenced.records, answer, fenced.settled, fenced.replays)


def fence_members(
    table: GroupTable, group: ConsumerGroup, members: Sequence[ConsumerMember], now: Moment
) -> Decision[None]:
    """Let members be out; what they had is to be shared by the next who sends a heartbeat.

    With none but members of the classic protocol left, the group becomes a classic one, whose
    members are to join anew. Where the log does not take it they are members still, and may be
    silent for a session from then on.
    """
    group_id = group.group_id
    gone = tuple(member.member_id for member in members)
    downgrades = may_downgrade(table, group, gone)

    def settled(error: ErrorCode, then: Moment) -> None:
        if error is not ErrorCode.NONE:
            _expect_again(table, group_id, gone, then)
        elif downgrades:
            classic_resumes(table, group_id, then)

    if downgrades:
        converted = classic_records(table, group, gone, now)
        return Decision(converted, None, settled, replays=True)
    records: list[GroupRecord] = []
    for member_id in gone:
        records += removal(group_id, member_id)
    left = group.regexes(gone=gone)
    records += [
        RegularExpression(group_id, regex, None)
        for regex in group.regexes()
        if regex not in left
    ]
    found = group_hash(table.topics, group.subscribed(gone=gone))
    records.append(GroupEpoch(group_id, StoredEpoch(group.epoch + 1, found)))
    for member_id in gone:
        cancel_timers(table, group_id, member_id)
    return Decision(tuple(records), None, settled, replays=True)


def _expect_again(
    table: GroupTable, group_id: str, member_ids: Sequence[str], now: Moment
) -> None:
    group = table.consumers.get(group_id)
    for member_id in member_ids:
        member = None if group is None else group.members.get(member_id)
        if member is not None and not table.timers.is_set(("session", group_id, member_id)):
            expect_consumer(table, group_id, member_id, now, _session_ms(member))


def _session_ms(member: ConsumerMember) -> int | None:
    return None if member.classic is None else member.classic.session_timeout_ms


def removal(group_id: str, member_id: str) -> tuple[GroupRecord, ...]:
    """Return what deletes a member; the order matters to who replays it."""
    return (
        CurrentAssignment(group_id, member_id, None),
        TargetAssignment(group_id, member_id, None),
        MemberMetadata(group_id, member_id, None),
    )


# --- time --------------------------------------------------------------------------------


def cancel_timers(table: GroupTable, group_id: str, member_id: str) -> None:
    """Wait for nothing more from a member."""
    for kind in ("session", "revocation", "member-join", "member-sync"):
        table.timers.cancel((kind, group_id, member_id))


def expect_consumer(
    table: GroupTable, group_id: str, member_id: str, now: Moment, timeout_ms: int | None = None
) -> None:
    """Give a member its session timeout from now on; who is silent for longer is out."""
    if timeout_ms is None:
        timeout_ms = table.times_of(group_id).session_timeout_ms
    schedule_fencing(table, "session", group_id, member_id, now.ms + timeout_ms)


def resume(table: GroupTable, group: ConsumerGroup, now: Moment) -> None:
    """Wait for the members of a group that was read from the log, each from now on."""
    for member_id, member in group.members.items():
        expect_consumer(table, group.group_id, member_id, now, _session_ms(member))
        if member.state is MemberState.UNREVOKED_PARTITIONS and member.classic is None:
            expect_revocation(table, group.group_id, member, now)


def expect_revocation(
    table: GroupTable, group_id: str, member: ConsumerMember, now: Moment
) -> None:
    """Let a member be out that does not give up what it has to within its rebalance timeout."""
    deadline_ms = now.ms + member.rebalance_timeout_ms
    schedule_fencing(table, "revocation", group_id, member.member_id, deadline_ms, member.epoch)


def schedule_fencing(
    table: GroupTable,
    kind: str,
    group_id: str,
    member_id: str,
    deadline_ms: int,
    epoch: int | None = None,
) -> None:
    """Let a member be out at a deadline, unless it is in another epoch than this by then."""

    def expire(then: Moment) -> Decision[None]:
        group = table.consumers.get(group_id)
        member = None if group is None else group.members.get(member_id)
        if group is None or member is None or epoch not in (None, member.epoch):
            return NOTHING
        return fence_members(table, group, (member,), then)

    table.timers.schedule_until_taken((kind, group_id, member_id), deadline_ms, expire)
