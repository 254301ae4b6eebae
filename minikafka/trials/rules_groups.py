"""Rules of what a group coordinator does with its members: G1, G3, G5, G6, G7, G8, L7.

Each coordinator is looked at after everything it does, and compared with how it looked before.
Only the latest one is: who does not know yet that it was deposed can commit nothing. The names
are those of docs/invariants.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikafka.base.ids import TopicPartition
from minikafka.groups.classic import ClassicGroup
from minikafka.groups.commands import CommitOffsets, Heartbeat, JoinGroup, LeaveGroup
from minikafka.groups.records import OffsetCommitted
from minikafka.groups.states import GroupState
from minikafka.groups.table import NEW_MEMBER_JOIN_TIMEOUT_MS
from minikafka.trials.group_ghost import SeenGroup, SeenMember
from minikafka.trials.invariants import Commanded, Coordinated, check

__all__ = ["LATE_MS", "REGISTERED_HERE"]

REGISTERED_HERE = ("G1", "G3", "G5", "G6", "G7", "G8", "L7")

LATE_MS = 10_000
"""How much later than its timers a coordinator may act: its process may have been stopped."""


def _changed(event: Coordinated) -> Iterator[tuple[SeenGroup, ClassicGroup]]:
    """Yield the groups of a coordinator as they were and as they are."""
    for group in event.groups.coordinator.groups():
        before = event.offsets.seen.get(group.group_id)
        if before is not None:
            yield before, group


@check("G1", "coordinated")
def _generations_only_grow(event: Coordinated) -> str | None:
    """Each rebalance ends in a later generation; none that somebody has lived in comes back."""
    if not event.latest:
        return None
    for before, group in _changed(event):
        ended = (
            before.state is GroupState.PREPARING_REBALANCE
            and group.state is not GroupState.PREPARING_REBALANCE
        )
        if group.generation_id < before.generation + ended:
            return (
                f"group {group.group_id}: generation {group.generation_id} "
                f"({group.state.value}) follows {before.generation} ({before.state.value})"
            )
    for group in event.groups.coordinator.groups():
        synced = event.offsets.history(group.group_id).synced
        if group.group_id not in event.offsets.seen and group.generation_id < synced:
            return (
                f"group {group.group_id}: its coordinator begins with generation "
                f"{group.generation_id}, its members were in {synced}"
            )
    return None


@check("G3", "commanded")
def _only_the_present_generation_commits(event: Commanded) -> str | None:
    """Others may while the group has no members, with generation -1, or in a transaction (T13)."""
    command = event.command
    if not isinstance(command, CommitOffsets) or not event.latest:
        return None
    if event.groups.coordinator.consumer_group(command.group_id) is not None:
        return None  # `rules_consumers`
    group = event.groups.coordinator.group(command.group_id)
    who = f"group {command.group_id}: {command.member_id!r} commits"
    if command.generation_id < 0:
        if command.producer is None and group is not None and group.members:
            return f"{who} without a generation, the group has members"
        return None
    synced = event.offsets.history(command.group_id).synced
    present = -1 if group is None else group.generation_id
    if command.generation_id != present or command.generation_id < synced:
        return f"{who} in generation {command.generation_id}, it is {max(present, synced)}"
    if group is not None and command.member_id not in group.members:
        return f"{who} and is no member"
    return None


@check("G5", "coordinated")
def _nobody_is_taken_along(event: Coordinated) -> str | None:
    """Who is in the next generation has joined it, and given up what it had.

    Static members are excused: they stay without (KIP-345).
    """
    if not event.latest:
        return None
    command = event.offsets.command
    came = command.member_id if isinstance(command, JoinGroup) else ""
    for before, group in _changed(event):
        if group.generation_id == before.generation:
            continue
        for member_id, member in group.members.items():
            known = before.members.get(member_id)
            if known is None or known.joining or member_id == came:
                continue
            if member.group_instance_id is None:
                return (
                    f"group {group.group_id}: {member_id} is in generation "
                    f"{group.generation_id} and has not joined it"
                )
    return None


@check("G6", "coordinated")
def _nobody_is_put_out_too_early(event: Coordinated) -> str | None:
    """Who is put out was silent for its session, or has not joined or synced in time."""
    if not event.latest:
        return None
    for before, group in _changed(event):
        for member_id, member in before.members.items():
            if member_id in group.members or _has_gone(event, group, member_id, member):
                continue
            wrong = _too_early(event, before, member)
            if wrong is not None:
                return f"group {group.group_id}: {member_id} is put out, {wrong}"
    return None


def _has_gone(
    event: Coordinated, group: ClassicGroup, member_id: str, member: SeenMember
) -> bool:
    """Say whether a member has left, or its own next life has replaced it."""
    command = event.offsets.command
    if isinstance(command, LeaveGroup):
        return any(
            member_id == each.member_id
            or (
                each.group_instance_id is not None
                and each.group_instance_id == member.instance_id
            )
            for each in command.members
        )
    return member.instance_id is not None and member.instance_id in group.static_members


def _too_early(event: Coordinated, before: SeenGroup, member: SeenMember) -> str | None:
    """Return what a member has not deserved; None where one of its times is over."""
    now_ms = event.now_ms
    silent_ms = now_ms - member.heard_ms
    waits = member.joining or member.syncing
    if silent_ms >= NEW_MEMBER_JOIN_TIMEOUT_MS:
        return None
    if silent_ms >= member.session_ms and not waits:
        return None
    late = now_ms - before.since_ms >= before.join_ms
    if before.state is GroupState.PREPARING_REBALANCE and late and not member.joining:
        return None
    if now_ms - before.began_ms >= before.sync_ms and member.asked != before.generation:
        return None  # it has not asked for its assignment
    return (
        f"heard {silent_ms} ms ago, session {member.session_ms} ms, the group "
        f"{before.state.value} for {now_ms - before.since_ms} ms"
    )


@check("G7", "coordinated")
def _instance_ids_have_one_holder(event: Coordinated) -> str | None:
    """No two members have the same group.instance.id (KIP-345)."""
    if not event.latest:
        return None
    for group in event.groups.coordinator.groups():
        holders: dict[str, str] = {}
        for member_id, member in group.members.items():
            instance_id = member.group_instance_id
            if instance_id is None:
                continue
            other = holders.setdefault(instance_id, member_id)
            if other != member_id:
                return f"group {group.group_id}: {other} and {member_id} are {instance_id}"
    return None


@check("G7", "commanded")
def _who_was_replaced_is_fenced(event: Commanded) -> str | None:
    """The former holder of an instance id is refused, whatever it asks for."""
    command = event.command
    if not event.latest or not isinstance(command, (Heartbeat, CommitOffsets)):
        return None
    seen = event.offsets.seen.get(command.group_id)
    if seen is not None and command.member_id in seen.fenced:
        return f"group {command.group_id}: {command.member_id} goes on, and was replaced"
    return None


@check("G8", "coordinated")
def _offsets_of_members_do_not_expire(event: Coordinated) -> str | None:
    """Nothing is deleted that a group with members reads, or a group that rebalances has."""
    if event.decision is None or not event.latest:
        return None
    for record in event.decision.records:
        if not isinstance(record, OffsetCommitted) or record.value is not None:
            continue
        group = event.groups.coordinator.group(record.group_id)
        image = event.world.image
        if group is None or not group.members or image is None:
            continue
        if image.partition(TopicPartition(record.topic, record.partition)) is None:
            continue
        if group.state is not GroupState.STABLE or group.is_subscribed_to(record.topic):
            return (
                f"group {record.group_id} has {len(group.members)} members and is "
                f"{group.state.value}; its offset of {record.topic}-{record.partition} is deleted"
            )
    return None


@check("L7", "coordinated")
def _assignments_come_or_who_withholds_them_goes(event: Coordinated) -> str | None:
    """A generation is without its assignment for a rebalance timeout at most (KAFKA-12890)."""
    if not event.latest or event.groups.waiting_count:
        return None
    for before, group in _changed(event):
        if not (group.state is before.state is GroupState.COMPLETING_REBALANCE):
            continue
        waited_ms = event.now_ms - before.began_ms
        late = waited_ms > before.sync_ms + LATE_MS
        if group.generation_id == before.generation and late:
            return (
                f"group {group.group_id}: generation {group.generation_id} has no assignment "
                f"after {waited_ms} ms, and its rebalance timeout is {before.sync_ms} ms"
            )
    return None
