"""Members of the classic protocol in a group of the consumer protocol.

They speak JoinGroup, SyncGroup, Heartbeat and LeaveGroup; what they join is what a heartbeat of the
consumer protocol would do, what they sync is the assignment they have then. A heartbeat tells them
to join anew where there is something to give up or to get. Nobody waits for anybody.
Counterpart: classicGroupJoinToConsumerGroup and its like in GroupMetadataManager. KIP-848.
"""

from __future__ import annotations

from dataclasses import replace

from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.groups.classic import CONSUMER_PROTOCOL_TYPE
from minikafka.groups.commands import (
    NOTHING,
    UNKNOWN_MEMBER,
    Decision,
    Heartbeat,
    JoinAnswer,
    JoinGroup,
    LeaveGroup,
    LeavingMember,
    Moment,
    SyncAnswer,
    SyncGroup,
)
from minikafka.groups.consumer_change import Change, static_member
from minikafka.groups.consumer_checks import check_not_fenced, check_room, known_static
from minikafka.groups.consumer_group import ConsumerGroup
from minikafka.groups.consumer_leaving import expect_consumer, fence_members, schedule_fencing
from minikafka.groups.consumer_members import ConsumerMember, MemberState
from minikafka.groups.consumer_records import ClassicMember
from minikafka.groups.embedded import Subscription, assignment_bytes, read_subscription
from minikafka.groups.migrating import (
    classic_records,
    classic_resumes,
    may_downgrade,
    named,
    with_names,
)
from minikafka.groups.records import GroupRecord
from minikafka.groups.table import GroupTable

__all__ = ["heartbeat_mixed", "join_mixed", "leave_mixed", "sync_mixed"]

_JOIN, _SYNC = "member-join", "member-sync"


def join_mixed(
    table: GroupTable,
    group: ConsumerGroup,
    command: JoinGroup,
    answer: Deferred[JoinAnswer],
    now: Moment,
) -> Decision[None]:
    """Let a member of the classic protocol in, or go on; it is answered at once."""
    try:
        return _join(table, group, command, answer, now)
    except KafkaError as refusal:
        answer.set(JoinAnswer(refusal.code, UNKNOWN_MEMBER))
        return NOTHING


def _join(
    table: GroupTable,
    group: ConsumerGroup,
    command: JoinGroup,
    answer: Deferred[JoinAnswer],
    now: Moment,
) -> Decision[None]:
    unknown = command.member_id == UNKNOWN_MEMBER
    member_id = table.new_uuid() if unknown else command.member_id
    instance_id = command.group_instance_id
    check_room(group, member_id, table.limits.consumer.max_size)
    _check_protocols(group, command)
    if unknown and instance_id is None and command.requires_known_member_id:
        answer.set(JoinAnswer(ErrorCode.MEMBER_ID_REQUIRED, member_id))
        return NOTHING
    records: list[GroupRecord] = []
    holder = group.static_member(instance_id)
    member = _member(group, member_id, command, records)
    subscription = read_subscription(command.protocols[0].metadata)
    if subscription is None:
        # Kafka fails on it.
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR)
    updated = _updated(member, command, subscription)
    downgrades = (
        holder is not None
        and holder.classic is None
        and may_downgrade(table, group, (holder.member_id,), joining=1)
    )
    rebalances = updated.topic_names != member.topic_names
    change = Change(table, group, member, updated, records, now)
    updated = change.carry_out(named(subscription.owned, table.topics))
    if downgrades and holder is not None:
        records += classic_records(table, group, (), now, (holder.member_id, updated))

    def settled(error: ErrorCode, then: Moment) -> None:
        if error is not ErrorCode.NONE:
            answer.set(JoinAnswer(error, UNKNOWN_MEMBER))
            return
        table.timers.cancel((_JOIN, group.group_id, updated.member_id))
        if downgrades:
            classic_resumes(table, group.group_id, then, rebalances=rebalances)
        else:
            _expect(table, group.group_id, updated, then)
            deadline_ms = then.ms + updated.rebalance_timeout_ms
            schedule_fencing(table, _SYNC, group.group_id, updated.member_id, deadline_ms)
        answer.set(
            JoinAnswer(
                ErrorCode.NONE,
                updated.member_id,
                updated.epoch,
                CONSUMER_PROTOCOL_TYPE,
                command.protocols[0].name,
            )
        )

    return Decision(tuple(records), None, settled, replays=True)


def _member(
    group: ConsumerGroup, member_id: str, command: JoinGroup, records: list[GroupRecord]
) -> ConsumerMember:
    """Return who joins: new, known, or in the place of a static member."""
    instance_id = command.group_instance_id
    if instance_id is None:
        return group.members.get(member_id) or ConsumerMember(member_id)
    if command.member_id == UNKNOWN_MEMBER:
        return static_member(group, member_id, instance_id, records, speaks_classic=True)
    member = known_static(group, instance_id)
    check_not_fenced(member, member_id, instance_id)
    return member


def _updated(
    member: ConsumerMember, command: JoinGroup, subscription: Subscription
) -> ConsumerMember:
    """Return the member as it describes itself now."""
    protocols = tuple((each.name, each.metadata) for each in command.protocols)
    return replace(
        member,
        instance_id=command.group_instance_id or member.instance_id,
        rack_id=subscription.rack_id or member.rack_id,
        rebalance_timeout_ms=command.rebalance_timeout_ms,
        topic_names=tuple(sorted(set(subscription.topics))),
        client_id=command.client_id,
        client_host=command.client_host,
        classic=ClassicMember(command.session_timeout_ms, protocols),
    )


def _check_protocols(group: ConsumerGroup, command: JoinGroup) -> None:
    """Refuse who has no assignor in common with the others of its protocol.

    Nobody will use it, but they must be able to once all others have left.
    """
    if command.protocol_type == CONSUMER_PROTOCOL_TYPE:
        counts: dict[str, int] = {}
        for member in group.members.values():
            protocols = () if member.classic is None else member.classic.protocols
            for name in dict.fromkeys(name for name, _ in protocols):
                counts[name] = counts.get(name, 0) + 1
        total = group.classic_count
        if any(counts.get(protocol.name, 0) == total for protocol in command.protocols):
            return
    raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)


def _expect(table: GroupTable, group_id: str, member: ConsumerMember, now: Moment) -> None:
    assert member.classic is not None
    expect_consumer(table, group_id, member.member_id, now, member.classic.session_timeout_ms)


def _classic(group: ConsumerGroup, member_id: str, instance_id: str | None) -> ConsumerMember:
    """Return a member of the classic protocol by what it says of itself.

    Raises:
        KafkaError: UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID.
    """
    if instance_id is None:
        member = group.member(member_id)
    else:
        member = known_static(group, instance_id)
        check_not_fenced(member, member_id, instance_id)
    if member.classic is None:
        raise KafkaError(
            ErrorCode.UNKNOWN_MEMBER_ID,
            f"Member {member.member_id} does not use the classic protocol.",
        )
    return member


def sync_mixed(
    table: GroupTable,
    group: ConsumerGroup,
    command: SyncGroup,
    answer: Deferred[SyncAnswer],
    now: Moment,
) -> Decision[None]:
    """Give a member of the classic protocol what it has."""
    try:
        member = _checked_sync(table, group, command, now)
    except KafkaError as refusal:
        answer.set(SyncAnswer(refusal.code))
        return NOTHING

    def settled(error: ErrorCode, then: Moment) -> None:
        if error is not ErrorCode.NONE:
            answer.set(SyncAnswer(error))
            return
        table.timers.cancel((_SYNC, group.group_id, member.member_id))
        _expect(table, group.group_id, member, then)
        assert member.classic is not None
        subscription = read_subscription(member.classic.protocols[0][1])
        version = 0 if subscription is None else subscription.version
        given = assignment_bytes(version, with_names(member.assigned, table.topics).items())
        answer.set(
            SyncAnswer(ErrorCode.NONE, command.protocol_type, command.protocol_name, given)
        )

    return Decision((), None, settled)


def _checked_sync(
    table: GroupTable, group: ConsumerGroup, command: SyncGroup, now: Moment
) -> ConsumerMember:
    if not group.members:
        raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
    member = _classic(group, command.member_id, command.group_instance_id)
    if command.generation_id != member.epoch:
        raise KafkaError(ErrorCode.ILLEGAL_GENERATION)
    assert member.classic is not None
    for asked, present in (
        (command.protocol_type, CONSUMER_PROTOCOL_TYPE),
        (command.protocol_name, member.classic.protocols[0][0]),
    ):
        if asked is not None and asked != present:
            raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    if group.epoch > member.epoch and member.state is not MemberState.UNREVOKED_PARTITIONS:
        _await_join(table, group.group_id, member, now)
        raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS)
    return member


def _await_join(table: GroupTable, group_id: str, member: ConsumerMember, now: Moment) -> None:
    if not table.timers.is_set((_JOIN, group_id, member.member_id)):
        deadline_ms = now.ms + member.rebalance_timeout_ms
        schedule_fencing(table, _JOIN, group_id, member.member_id, deadline_ms)


def heartbeat_mixed(
    table: GroupTable, group: ConsumerGroup, command: Heartbeat, now: Moment
) -> Decision[ErrorCode]:
    """Prolong a member's session; REBALANCE_IN_PROGRESS asks it to join anew.

    That is so where the group has moved on, where the member has something to give up, and
    where what it waits for is free.

    Raises:
        KafkaError: UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION.
    """
    member = _classic(group, command.member_id, command.group_instance_id)
    if command.generation_id != member.epoch:
        raise KafkaError(ErrorCode.ILLEGAL_GENERATION)
    _expect(table, group.group_id, member, now)
    if (
        member.epoch < group.epoch
        or member.state is MemberState.UNREVOKED_PARTITIONS
        or (member.state is MemberState.UNRELEASED_PARTITIONS and not group.is_waiting(member))
    ):
        _await_join(table, group.group_id, member, now)
        return Decision((), ErrorCode.REBALANCE_IN_PROGRESS)
    return Decision((), ErrorCode.NONE)


def leave_mixed(
    table: GroupTable, group: ConsumerGroup, command: LeaveGroup, now: Moment
) -> Decision[tuple[ErrorCode, ...]]:
    """Let members go, of either protocol, and return what came of each."""
    errors: list[ErrorCode] = []
    gone: dict[str, ConsumerMember] = {}
    for leaving in command.members:
        try:
            member = _leaving(group, leaving)
        except KafkaError as refusal:
            errors.append(refusal.code)
        else:
            errors.append(ErrorCode.NONE)
            gone[member.member_id] = member
    if not gone:
        return Decision((), tuple(errors))
    decision = fence_members(table, group, tuple(gone.values()), now)
    return Decision(decision.records, tuple(errors), decision.settled, decision.replays)


def _leaving(group: ConsumerGroup, leaving: LeavingMember) -> ConsumerMember:
    if leaving.group_instance_id is None:
        return group.member(leaving.member_id)
    member = known_static(group, leaving.group_instance_id)
    if leaving.member_id != UNKNOWN_MEMBER:
        # An administrator removes a static member by its name alone.
        check_not_fenced(member, leaving.member_id, leaving.group_instance_id)
    return member
