"""JoinGroup: who may come in, as whom, and whether everybody has to join anew for it.

Counterpart: GroupMetadataManager.classicGroupJoin. KIP-62, KIP-345, KIP-389, KIP-394, KIP-814.
"""

from __future__ import annotations

from minikafka.base.deferred import Deferred
from minikafka.base.errors import BrokerBug, ErrorCode, KafkaError
from minikafka.groups.classic import ClassicGroup
from minikafka.groups.commands import (
    NOTHING,
    UNKNOWN_MEMBER,
    Decision,
    JoinAnswer,
    JoinGroup,
    Moment,
)
from minikafka.groups.members import Member
from minikafka.groups.rebalance import (
    complete_join_phase,
    expect_heartbeat,
    generation_answer,
    maybe_complete_join,
    prepare_rebalance,
    rebalance_or_complete_join,
)
from minikafka.groups.records import GroupMetadata, StoredGroup
from minikafka.groups.states import GroupState
from minikafka.groups.table import NEW_MEMBER_JOIN_TIMEOUT_MS, GroupTable

__all__ = ["join_group"]


class _Join:
    """One JoinGroup on its way: who asks, of which group, and where the answer goes."""

    def __init__(
        self,
        table: GroupTable,
        group: ClassicGroup,
        command: JoinGroup,
        answer: Deferred[JoinAnswer],
        now: Moment,
    ) -> None:
        self.table = table
        self.group = group
        self.command = command
        self.answer = answer
        self.now = now

    def refuse(self, error: ErrorCode, member_id: str) -> Decision[None]:
        """Answer with an error; nothing follows."""
        self.answer.set(JoinAnswer(error, member_id))
        return NOTHING

    def add(self, member_id: str) -> Decision[None]:
        """Take a new member in and begin a rebalance."""
        command, group = self.command, self.group
        member = Member(
            member_id,
            command.group_instance_id,
            command.client_id,
            command.client_host,
            command.rebalance_timeout_ms,
            command.session_timeout_ms,
            command.protocol_type,
            command.protocols,
        )
        member.is_new = True
        if (
            group.state is GroupState.PREPARING_REBALANCE
            and group.previous_state is GroupState.EMPTY
        ):
            group.new_member_added = True
        group.add(member, self.answer)
        expect_heartbeat(self.table, group, member, self.now, NEW_MEMBER_JOIN_TIMEOUT_MS)
        return rebalance_or_complete_join(self.table, group, self.now)

    def update(self, member: Member) -> None:
        """Take over what a member says of itself now, and park its answer."""
        command = self.command
        member.protocols = command.protocols
        member.rebalance_timeout_ms = command.rebalance_timeout_ms
        member.session_timeout_ms = command.session_timeout_ms
        member.awaiting_join = self.answer

    def update_and_rebalance(self, member: Member) -> Decision[None]:
        """Let a member that has joined anew wait for the others."""
        self.update(member)
        return rebalance_or_complete_join(self.table, self.group, self.now)


def join_group(
    table: GroupTable, command: JoinGroup, answer: Deferred[JoinAnswer], now: Moment
) -> Decision[None]:
    """Let a consumer into a group, or keep it there; `answer` is given when that is settled.

    A group comes into being with its first member, and its first record with it.
    """
    if command.group_id in table.shares:
        answer.set(JoinAnswer(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, command.member_id))
        return NOTHING
    unknown = command.member_id == UNKNOWN_MEMBER
    group = table.groups.get(command.group_id)
    created = group is None
    if group is None:
        if not unknown:
            answer.set(JoinAnswer(ErrorCode.UNKNOWN_MEMBER_ID, command.member_id))
            return NOTHING
        group = ClassicGroup(command.group_id, now.timestamp_ms)
        table.groups[command.group_id] = group
    join = _Join(table, group, command, answer, now)
    if not _has_room(table, group, command.member_id):
        group.remove(command.member_id)
        table.timers.cancel(("heartbeat", group.group_id, command.member_id))
        decision = join.refuse(ErrorCode.GROUP_MAX_SIZE_REACHED, UNKNOWN_MEMBER)
    elif unknown:
        decision = _join_new(join)
    else:
        decision = _join_known(join)
    return _first_record(join) if created and not decision.records else decision


def _first_record(join: _Join) -> Decision[None]:
    """Return what makes a new group known to the log, where joining alone did not."""
    table, group, answer = join.table, join.group, join.answer
    stored = StoredGroup("", 0, None, None, group.state_timestamp_ms, ())

    def settled(error: ErrorCode, now: Moment) -> None:
        if error is ErrorCode.NONE:
            return
        members = group.members.values()
        alone = all(member.awaiting_join is answer for member in members)
        for member in members:
            if member.awaiting_join is answer:
                member.complete_join(JoinAnswer(error, UNKNOWN_MEMBER))
        if alone and table.groups.get(group.group_id) is group:
            # With others the group goes on: the log may have the record all the same.
            table.drop(group.group_id)
        if not answer.done:
            answer.set(JoinAnswer(error, UNKNOWN_MEMBER))

    return Decision((GroupMetadata(group.group_id, stored),), None, settled)


def _has_room(table: GroupTable, group: ClassicGroup, member_id: str) -> bool:
    """Say whether there is room under group.max.size (KIP-389).

    While members join anew, who waits already is counted: the last ones to come are out.
    """
    limit = table.limits.group_max_size
    member = group.members.get(member_id)
    if group.state in (GroupState.EMPTY, GroupState.DEAD):
        return True
    if group.state is GroupState.PREPARING_REBALANCE:
        waits = member is not None and member.awaiting_join is not None
        return waits or group.joining_count < limit
    return member is not None or len(group.members) < limit


def _join_new(join: _Join) -> Decision[None]:
    command, group, table = join.command, join.group, join.table
    if group.state is GroupState.DEAD:
        return join.refuse(ErrorCode.COORDINATOR_NOT_AVAILABLE, UNKNOWN_MEMBER)
    if not group.supports(command.protocol_type, command.protocols):
        return join.refuse(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, UNKNOWN_MEMBER)
    instance_id = command.group_instance_id
    if instance_id is not None:
        member_id = table.new_member_id(instance_id)
        if instance_id in group.static_members:
            return _replace_static(join, instance_id, member_id)
        return join.add(member_id)
    member_id = table.new_member_id(command.client_id)
    if not command.requires_known_member_id:
        return join.add(member_id)
    # KIP-394: a member that never hears its id must not hold up the group.
    group.pending_joins[member_id] = None
    deadline_ms = join.now.ms + command.session_timeout_ms
    key = ("heartbeat", group.group_id, member_id)
    table.timers.schedule(key, deadline_ms, lambda now: _expire_pending(table, key, now))
    return join.refuse(ErrorCode.MEMBER_ID_REQUIRED, member_id)


def _expire_pending(
    table: GroupTable, key: tuple[str, str, str], now: Moment
) -> Decision[None]:
    """An id was given out and nobody joined with it."""
    _, group_id, member_id = key
    group = table.groups.get(group_id)
    if group is None or member_id not in group.pending_joins:
        return NOTHING
    group.remove(member_id)
    if group.state is GroupState.PREPARING_REBALANCE and group.has_all_joined():
        return complete_join_phase(table, group, now)
    return NOTHING


def _join_known(join: _Join) -> Decision[None]:
    command, group = join.command, join.group
    member_id = command.member_id
    if group.state is GroupState.DEAD:
        return join.refuse(ErrorCode.COORDINATOR_NOT_AVAILABLE, member_id)
    if not group.supports(command.protocol_type, command.protocols):
        return join.refuse(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, member_id)
    if member_id in group.pending_joins:
        if command.group_instance_id is not None:
            # The id was given to a dynamic member; Kafka fails on it (UNKNOWN_SERVER_ERROR).
            raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR)
        return join.add(member_id)
    try:
        group.check_member(member_id, command.group_instance_id)
    except KafkaError as error:
        return join.refuse(error.code, member_id)
    return _rejoin(join, group.members[member_id])


def _rejoin(join: _Join, member: Member) -> Decision[None]:
    """Decide what a member that is in already wants: the same again, or a rebalance."""
    group = join.group
    same = member.protocols == join.command.protocols
    leads = group.leader == member.member_id
    if group.state is GroupState.PREPARING_REBALANCE:
        return join.update_and_rebalance(member)
    if group.state is GroupState.COMPLETING_REBALANCE:
        if not same:
            return join.update_and_rebalance(member)
        # The answer that it had may have been lost.
        join.answer.set(generation_answer(group, member.member_id))
        return NOTHING
    if group.state is GroupState.STABLE:
        if leads or not same:
            # The leader joins anew to have partitions assigned that are new.
            return join.update_and_rebalance(member)
        join.answer.set(generation_answer(group, member.member_id))
        return NOTHING
    return join.refuse(ErrorCode.UNKNOWN_MEMBER_ID, member.member_id)


# --- static members ----------------------------------------------------------------------


def _replace_static(join: _Join, instance_id: str, new_id: str) -> Decision[None]:
    """A static member is back under another id: it takes the place of its former self.

    In a stable group it keeps the assignment, and nobody else notices (KIP-345).
    """
    table, group, now = join.table, join.group, join.now
    old_id = group.static_members[instance_id]
    old = group.members[old_id]
    old_leader = group.leader
    member = group.replace_static(instance_id, old_id, new_id)
    expect_heartbeat(table, group, member, now)
    join.update(member)
    if group.state is GroupState.STABLE:
        if group.protocol_name != group.select_protocol():
            return rebalance_or_complete_join(table, group, now)
        return _store_static(join, old, member, old_leader)
    if group.state is GroupState.COMPLETING_REBALANCE:
        # The leader may assign to the old id already.
        return prepare_rebalance(table, group, now)
    if group.state is not GroupState.PREPARING_REBALANCE:
        raise BrokerBug(f"static member {instance_id} in a group that is {group.state.value}")
    return maybe_complete_join(table, group, now)


def _store_static(
    join: _Join, old: Member, member: Member, old_leader: str | None
) -> Decision[None]:
    group, command = join.group, join.command
    assignment = {each.member_id: each.assignment for each in group.members.values()}

    def settled(error: ErrorCode, now: Moment) -> None:
        if group.members.get(member.member_id) is not member:
            return
        if error is not ErrorCode.NONE:
            _put_back(join, old, member, error, now)
            return
        answer = generation_answer(group, member.member_id)
        leads = group.leader == member.member_id
        if command.supports_skip_assignment:
            # KIP-814: the leader hears that it leads, and that there is nothing to assign.
            answer = _with(answer, skip_assignment=leads)
        else:
            # It must not believe that it leads: it would assign anew.
            answer = _with(answer, leader=old_leader or "", members=())
        member.complete_join(answer)

    return Decision((group.record(assignment),), None, settled)


def _put_back(join: _Join, old: Member, member: Member, error: ErrorCode, now: Moment) -> None:
    """The log did not take the new id: the old one is the member still."""
    group = join.group
    instance_id = old.group_instance_id
    assert instance_id is not None
    generation = generation_answer(group, UNKNOWN_MEMBER)
    waiting, member.awaiting_join = member.awaiting_join, None
    restored = group.replace_static(instance_id, member.member_id, old.member_id)
    restored.protocols = old.protocols
    restored.rebalance_timeout_ms = old.rebalance_timeout_ms
    restored.session_timeout_ms = old.session_timeout_ms
    expect_heartbeat(join.table, group, restored, now)
    if waiting is not None and not waiting.done:
        waiting.set(_with(generation, error=error))


def _with(
    answer: JoinAnswer,
    *,
    error: ErrorCode | None = None,
    leader: str | None = None,
    skip_assignment: bool = False,
    members: tuple[()] | None = None,
) -> JoinAnswer:
    return JoinAnswer(
        answer.error if error is None else error,
        answer.member_id,
        answer.generation_id,
        answer.protocol_type,
        answer.protocol_name,
        answer.leader if leader is None else leader,
        skip_assignment,
        answer.members if members is None else members,
    )
