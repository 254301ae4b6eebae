"""ShareGroupHeartbeat: all that a member of a share group does, and what follows from silence.

Counterpart: GroupMetadataManager.shareGroupHeartbeat and what it calls. KIP-932.

Rules of this file
    1. The member is made or changed; the group epoch moves where that, topics, or the partitions
       whose state has begun, matter.
    2. Where the group epoch has moved, there is a new target assignment.
    3. The member goes to its target in one step: nobody has to give anything up before.
    Only partitions whose state has begun are assigned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicId
from minikafka.groups.assignors import GroupSpec, MemberSpec
from minikafka.groups.commands import NOTHING, Decision, Moment
from minikafka.groups.consumer_members import JOIN_EPOCH, LEAVE_EPOCH
from minikafka.groups.consumer_records import StoredEpoch
from minikafka.groups.partitions import NO_PARTITIONS, Partitions, partitions_of
from minikafka.groups.share_commands import (
    ShareHeartbeat,
    ShareHeartbeatAnswer,
    check_share_heartbeat,
)
from minikafka.groups.share_group import ShareGroup, ShareMember
from minikafka.groups.share_records import (
    ShareEpoch,
    ShareGroupRecord,
    ShareStatePartitions,
    ShareTarget,
    ShareTargetEpoch,
    StoredStatePartitions,
)
from minikafka.groups.simple import assign_simply
from minikafka.groups.table import GroupTable
from minikafka.groups.topics import group_hash

__all__ = [
    "deleting",
    "expect_share_member",
    "share_heartbeat",
    "with_state_beginning",
    "with_state_begun",
    "without_topics",
]


def share_heartbeat(
    table: GroupTable, command: ShareHeartbeat, now: Moment
) -> Decision[ShareHeartbeatAnswer]:
    """Let a member join, go on, or leave.

    Raises:
        KafkaError: INVALID_REQUEST, GROUP_ID_NOT_FOUND, GROUP_MAX_SIZE_REACHED,
            UNKNOWN_MEMBER_ID, FENCED_MEMBER_EPOCH.
    """
    check_share_heartbeat(command)
    joins = command.member_epoch == JOIN_EPOCH
    group = _group(table, command.group_id, joins)
    if command.member_epoch == LEAVE_EPOCH:
        member = group.member(command.member_id)
        answer = ShareHeartbeatAnswer(member.member_id, LEAVE_EPOCH)
        fenced = _fence(table, group, member)
        return Decision(fenced.records, answer, fenced.settled, fenced.replays)
    _check_room(group, command.member_id, table.limits.share.max_size)
    known = group.members.get(command.member_id)
    member = known or (
        ShareMember(command.member_id) if joins else group.member(command.member_id)
    )
    _check_epoch(member, command.member_epoch)
    updated = _updated(member, command)
    records: list[ShareGroupRecord] = []
    epoch = _next_epoch(table, group, member, updated, records, is_new=known is None)
    if epoch > group.assignment_epoch:
        target = _next_targets(table, group, epoch, updated, records)
    else:
        target = group.targets.get(updated.member_id, NO_PARTITIONS)
        epoch = group.assignment_epoch
    if updated.epoch != epoch:
        updated = replace(updated, epoch=epoch, previous_epoch=updated.epoch, assigned=target)
        records.append(updated.assignment_record(group.group_id))
    expect_share_member(table, group.group_id, updated.member_id, now)
    told = joins or command.topic_names is not None or member.assigned != updated.assigned
    answer = ShareHeartbeatAnswer(
        updated.member_id,
        updated.epoch,
        table.share_times_of(group.group_id)[1],
        updated.assigned if told else None,
        max(epoch, group.epoch),
        _to_initialize(table, group, updated, records, now),
    )
    return Decision(tuple(records), answer)


def _group(table: GroupTable, group_id: str, joins: bool) -> ShareGroup:
    group = table.shares.get(group_id)
    if group is not None:
        return group
    if table.is_known(group_id):
        text = f"Group {group_id} is not a share group."
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, text)
    if not joins:
        text = f"Share group {group_id} not found."
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, text)
    return ShareGroup(group_id)


def _check_room(group: ShareGroup, member_id: str, size_max: int) -> None:
    if len(group.members) >= size_max and member_id not in group.members:
        raise KafkaError(
            ErrorCode.GROUP_MAX_SIZE_REACHED,
            f"The share group has reached its maximum capacity of {size_max} members.",
        )


def _check_epoch(member: ShareMember, epoch: int) -> None:
    """Let a member speak in its epoch, or in the one before: its answer may have been lost."""
    if epoch in (member.epoch, member.previous_epoch):
        return
    if epoch > member.epoch:
        text = (
            f"The share group member has a greater member epoch ({epoch}) than the one known "
            f"by the group coordinator ({member.epoch}). "
        )
    else:
        text = (
            f"The share group member has a smaller member epoch ({epoch}) than the one known "
            f"by the group coordinator ({member.epoch}), and it does not match the previous "
            f"member epoch ({member.previous_epoch}). "
        )
    text += "The member must abandon all its partitions and rejoin."
    raise KafkaError(ErrorCode.FENCED_MEMBER_EPOCH, text)


def _updated(member: ShareMember, command: ShareHeartbeat) -> ShareMember:
    names = command.topic_names
    return replace(
        member,
        rack_id=member.rack_id if command.rack_id is None else command.rack_id,
        topic_names=member.topic_names if names is None else tuple(sorted(set(names))),
        client_id=command.client_id,
        client_host=command.client_host,
    )


def _next_epoch(
    table: GroupTable,
    group: ShareGroup,
    member: ShareMember,
    updated: ShareMember,
    records: list[ShareGroupRecord],
    *,
    is_new: bool,
) -> int:
    """Write what the member says of itself; return the group epoch that follows from it."""
    bump = is_new or _has_begun_more(table, group)
    if is_new or updated != member:
        records.append(updated.metadata_record(group.group_id))
        bump = bump or updated.topic_names != member.topic_names
    if not bump and not group.has_stale_metadata:
        return group.epoch
    hashed = group_hash(table.topics, group.subscribed(updated))
    epoch = group.epoch
    if bump or hashed != group.metadata_hash:
        epoch += 1
        records.append(ShareEpoch(group.group_id, StoredEpoch(epoch, hashed)))
    group.fresh_epoch = epoch
    return epoch


def _has_begun_more(table: GroupTable, group: ShareGroup) -> bool:
    """Say whether other partitions may be assigned than are: of the topics that somebody reads."""
    if not group.members:
        return False
    topic_ids = table.topics.ids(group.subscribed())
    return _of(topic_ids, group.state.initialized) != group.assigned()


def _of(topic_ids: Iterable[TopicId], partitions: Partitions) -> Partitions:
    return {each: partitions[each] for each in topic_ids if each in partitions}


def _next_targets(
    table: GroupTable,
    group: ShareGroup,
    epoch: int,
    updated: ShareMember,
    records: list[ShareGroupRecord],
) -> Partitions:
    """Write a new target assignment; return that of `updated`."""
    members: Mapping[str, ShareMember] = {**group.members, updated.member_id: updated}
    specs = {
        member_id: MemberSpec(
            table.topics.ids(member.topic_names), group.targets.get(member_id, NO_PARTITIONS)
        )
        for member_id, member in members.items()
    }
    unlike = {member.topic_names for member in members.values()}
    spec = GroupSpec(specs, {}, len(unlike) <= 1)
    found = assign_simply(spec, group.state.initialized)
    for member_id, target in found.items():
        if target != group.targets.get(member_id):
            records.append(ShareTarget(group.group_id, member_id, target))
    records.append(ShareTargetEpoch(group.group_id, epoch))
    return found[updated.member_id]


def _to_initialize(
    table: GroupTable,
    group: ShareGroup,
    updated: ShareMember,
    records: list[ShareGroupRecord],
    now: Moment,
) -> Partitions:
    """Write which partitions' state is being begun, and return them; none while some are."""
    state = group.state
    asked_ms = table.share_asked_ms.get(group.group_id)
    waits = asked_ms is not None and now.ms - asked_ms < table.limits.share.retry_ms
    begun = _merged(state.initialized, state.initializing if waits else NO_PARTITIONS)
    missing: list[tuple[TopicId, list[int]]] = []
    names: dict[TopicId, str] = {}
    for topic_id in table.topics.ids(group.subscribed(updated)):
        topic = table.topics.by_id[topic_id]
        known = begun.get(topic_id, ())
        missing.append((topic_id, [n for n in range(topic.partition_count) if n not in known]))
        names[topic_id] = topic.name
    wanted = partitions_of(missing)
    if not wanted:
        return NO_PARTITIONS
    table.share_asked_ms[group.group_id] = now.ms
    records.append(with_state_beginning(group, wanted, names))
    return wanted


def with_state_beginning(
    group: ShareGroup, partitions: Partitions, names: Mapping[TopicId, str]
) -> ShareGroupRecord:
    """Return the record of the group while the state of these partitions is being begun."""
    state = group.state
    stored = replace(
        state,
        initializing=_merged(state.initializing, partitions),
        deleting=tuple(each for each in state.deleting if each not in partitions),
        names={**state.names, **names},
    )
    return ShareStatePartitions(group.group_id, _tidy(stored))


def deleting(group: ShareGroup, topic_ids: Sequence[TopicId]) -> ShareGroupRecord:
    """Return the record of the group while the state of these topics is being deleted."""
    state = group.state
    stored = replace(
        state,
        initialized=_others(state.initialized, topic_ids),
        deleting=tuple(dict.fromkeys((*state.deleting, *topic_ids))),
    )
    return ShareStatePartitions(group.group_id, _tidy(stored))


def with_state_begun(group: ShareGroup, begun: Partitions, *, ok: bool) -> ShareGroupRecord:
    """Return the record of the group once state has begun, or could not."""
    state = group.state
    left = _without(state.initializing, begun)
    initialized = _merged(state.initialized, begun) if ok else state.initialized
    stored = replace(state, initializing=left, initialized=initialized)
    return ShareStatePartitions(group.group_id, _tidy(stored))


def without_topics(group: ShareGroup, topic_ids: Sequence[TopicId]) -> ShareGroupRecord:
    """Return the record of the group without what it knew of these topics."""
    state = group.state
    stored = replace(
        state,
        initializing=_others(state.initializing, topic_ids),
        initialized=_others(state.initialized, topic_ids),
        deleting=tuple(each for each in state.deleting if each not in topic_ids),
    )
    return ShareStatePartitions(group.group_id, _tidy(stored))


def _others(partitions: Partitions, topic_ids: Sequence[TopicId]) -> Partitions:
    return {each: found for each, found in partitions.items() if each not in topic_ids}


def _merged(left: Partitions, right: Partitions) -> Partitions:
    return partitions_of((*left.items(), *right.items()))


def _without(left: Partitions, right: Partitions) -> Partitions:
    return partitions_of(
        (topic_id, [each for each in numbers if each not in right.get(topic_id, ())])
        for topic_id, numbers in left.items()
    )


def _tidy(state: StoredStatePartitions) -> StoredStatePartitions:
    """Keep the names of topics that are in use."""
    used = {**state.initializing, **state.initialized, **dict.fromkeys(state.deleting, ())}
    return replace(state, names={each: state.names[each] for each in used})


# --- leaving -----------------------------------------------------------------------------


def _fence(table: GroupTable, group: ShareGroup, member: ShareMember) -> Decision[None]:
    """Let a member be out; what it read is shared by the next who sends a heartbeat.

    Where the log does not take it, it may be silent for a session from then on.
    """
    group_id, key = group.group_id, ("session", group.group_id, member.member_id)
    hashed = group_hash(table.topics, group.subscribed(gone=member.member_id))
    table.timers.cancel(key)
    stored = StoredEpoch(group.epoch + 1, hashed)

    def settled(error: ErrorCode, then: Moment) -> None:
        if error is not ErrorCode.NONE and not table.timers.is_set(key):
            expect_share_member(table, group_id, member.member_id, then)

    records = (*group.removal(member.member_id), ShareEpoch(group_id, stored))
    return Decision(records, None, settled, replays=True)


def expect_share_member(table: GroupTable, group_id: str, member_id: str, now: Moment) -> None:
    """Give a member its session timeout from now on; who is silent for longer is out."""

    def expire(then: Moment) -> Decision[None]:
        group = table.shares.get(group_id)
        member = None if group is None else group.members.get(member_id)
        if group is None or member is None:
            return NOTHING
        return _fence(table, group, member)

    deadline_ms = now.ms + table.share_times_of(group_id)[0]
    table.timers.schedule_until_taken(("session", group_id, member_id), deadline_ms, expire)
