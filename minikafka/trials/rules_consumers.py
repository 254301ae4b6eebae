"""Rules of what a group coordinator does with members of the consumer protocol (KIP-848): what G1,
G3, G5, G6, G8 and L7 say of them, and G10.

As in `rules_groups` each coordinator is looked at after everything it does, and compared with how
it looked before; only the latest one is. The names are those of docs/invariants.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from minikafka.base.errors import ErrorCode
from minikafka.base.ids import TopicPartition
from minikafka.broker.group_coordinator import OFFSETS_TOPIC
from minikafka.groups.commands import CommitOffsets
from minikafka.groups.consumer_commands import ConsumerHeartbeat
from minikafka.groups.consumer_group import ConsumerGroup
from minikafka.groups.partitions import Partitions, partitions_of
from minikafka.groups.records import OffsetCommitted
from minikafka.trials.consumer_ghost import (
    Place,
    SeenConsumer,
    SeenConsumers,
    TrueGroup,
    owners,
)
from minikafka.trials.invariants import Answer, Commanded, Coordinated, check
from minikafka.trials.rules_groups import LATE_MS
from minikafka.wire.versions import ApiKey

__all__ = ["REGISTERED_HERE"]

REGISTERED_HERE = ("G1", "G3", "G5", "G6", "G8", "G10", "L7")


class _Changed(NamedTuple):
    """A group as it was, and as it is."""

    before: SeenConsumers
    group: ConsumerGroup


def _groups(event: Coordinated) -> Iterator[ConsumerGroup]:
    yield from event.groups.coordinator.table.consumers.values()


def _changed(event: Coordinated) -> Iterator[_Changed]:
    for group in _groups(event):
        before = event.offsets.consumers.seen.get(group.group_id)
        if before is not None:
            yield _Changed(before, group)


# --- epochs --------------------------------------------------------------------------------


@check("G1", "coordinated")
def _epochs_only_grow(event: Coordinated) -> str | None:
    """Of a group, and of each member for as long as it is one; but for a static one that is away."""
    if not event.latest:
        return None
    for before, group in _changed(event):
        if group.epoch < before.epoch:
            return f"group {group.group_id}: epoch {group.epoch} follows {before.epoch}"
        for member_id, member in group.members.items():
            known = before.members.get(member_id)
            if known is not None and 0 <= member.epoch < known.member.epoch:
                return (
                    f"group {group.group_id}: {member_id} is in epoch {member.epoch} after "
                    f"{known.member.epoch}"
                )
    return None


@check("G1", "coordinated")
def _coordinators_begin_with_the_true_group(event: Coordinated) -> str | None:
    """What a coordinator has read is the fold of all that is committed."""
    if not event.first or not event.latest:
        return None
    found = {
        group.group_id: (
            group.epoch,
            {
                member_id: (member.epoch, member.assigned, member.pending_revocation)
                for member_id, member in group.members.items()
            },
        )
        for group in _groups(event)
    }
    true = {
        group_id: (
            group.epoch,
            {
                member_id: (each.epoch, each.assigned, each.pending_revocation)
                for member_id, each in group.members.items()
            },
        )
        for group_id, group in event.offsets.consumers.truth.items()
    }
    if found == true:
        return None
    label = next(each for each in (*true, *found) if found.get(each) != true.get(each))
    return (
        f"broker {event.broker} begins with {found.get(label)} for group {label}; committed is "
        f"{true.get(label)}"
    )


# --- commits -------------------------------------------------------------------------------


@check("G3", "commanded")
def _only_the_present_epoch_commits(event: Commanded) -> str | None:
    """A member in its own epoch; others may while the group has no members."""
    command = event.command
    if not isinstance(command, CommitOffsets) or not event.latest:
        return None
    group = event.groups.coordinator.consumer_group(command.group_id)
    if group is None:
        return None
    who = f"group {command.group_id}: {command.member_id!r} commits"
    epoch = command.generation_id
    if epoch < 0:
        return f"{who} without an epoch, the group has members" if group.members else None
    member = group.members.get(command.member_id)
    if member is None:
        return f"{who} and is no member"
    true = event.offsets.consumers.truth.get(command.group_id, TrueGroup())
    present = max(member.epoch, true.told.get(command.member_id, -1))
    return f"{who} in epoch {epoch}, it is {present}" if epoch != present else None


# --- partitions ----------------------------------------------------------------------------


@check("G5", "coordinated")
def _partitions_are_given_up_first(event: Coordinated) -> str | None:
    """Nobody is granted what another may still read: not before that one has said that it is
    rid of it, or is out of the group (NoDoubleClientAssignment).
    """
    if not event.latest:
        return None
    for group in _groups(event):
        now = owners(group.members.values())
        for place, found in now.items():
            if len(found) > 1:
                return f"group {group.group_id}: {place[0]}-{place[1]} is owned by {found}"
        before = event.offsets.consumers.seen.get(group.group_id)
        for place, found in () if before is None else before.owners.items():
            for member_id in found:
                kept = member_id in now.get(place, ())
                if not kept and not _gave_up(event, group, member_id, place):
                    return (
                        f"group {group.group_id}: {place[0]}-{place[1]} is not {member_id}'s any "
                        f"more, who has not given it up; owned by {now.get(place, ())}"
                    )
    return None


def _gave_up(event: Coordinated, group: ConsumerGroup, member_id: str, place: Place) -> bool:
    """Say whether a member is out, away, or says just now that it has a partition no more."""
    member = group.members.get(member_id)
    if member is None or member.epoch < 0:
        return True
    command = event.offsets.command
    if not isinstance(command, ConsumerHeartbeat) or command.member_id != member_id:
        return False
    return command.owned is not None and place[1] not in command.owned.get(place[0], ())


# --- who is put out ------------------------------------------------------------------------


@check("G6", "coordinated")
def _nobody_is_put_out_too_early(event: Coordinated) -> str | None:
    """Who is put out was silent for its session, or has not given up in time what it had to."""
    if not event.latest:
        return None
    command = event.offsets.command
    speaks = command.member_id if isinstance(command, ConsumerHeartbeat) else None
    for before, group in _changed(event):
        session_ms = event.groups.coordinator.table.times_of(group.group_id).session_timeout_ms
        for member_id, known in before.members.items():
            instance_id = known.member.instance_id
            replaced = instance_id is not None and instance_id in group.static_members
            if member_id in group.members or replaced or speaks == member_id:
                continue
            silent_ms = event.now_ms - known.heard_ms
            if silent_ms < session_ms and not _is_late(known, event.now_ms):
                return (
                    f"group {group.group_id}: {member_id} is put out, heard {silent_ms} ms ago, "
                    f"its session is {session_ms} ms"
                )
    return None


def _is_late(known: SeenConsumer, now_ms: int, more_ms: int = 0) -> bool:
    if known.revoking_ms is None:
        return False
    return now_ms - known.revoking_ms >= known.member.rebalance_timeout_ms + more_ms


@check("L7", "coordinated")
def _what_has_to_go_goes_or_who_has_it(event: Coordinated) -> str | None:
    """Nobody keeps what is another's for longer than for its rebalance timeout.

    But for as long as the log takes nothing, and so not that somebody is put out.
    """
    if not event.latest or event.groups.waiting_count:
        return None
    if event.now_ms - event.offsets.refused_ms < LATE_MS:
        return None
    for before, group in _changed(event):
        for member_id, known in before.members.items():
            if group.members.get(member_id) == known.member and _is_late(
                known, event.now_ms, LATE_MS
            ):
                return (
                    f"group {group.group_id}: {member_id} has not given up "
                    f"{known.member.pending_revocation}, its rebalance timeout is "
                    f"{known.member.rebalance_timeout_ms} ms"
                )
    return None


# --- offsets and answers -------------------------------------------------------------------


@check("G8", "coordinated")
def _offsets_of_members_do_not_expire(event: Coordinated) -> str | None:
    """Nothing is deleted of a topic that members read."""
    if event.decision is None or not event.latest or event.world.image is None:
        return None
    for record in event.decision.records:
        if not isinstance(record, OffsetCommitted) or record.value is not None:
            continue
        group = event.groups.coordinator.consumer_group(record.group_id)
        place = TopicPartition(record.topic, record.partition)
        if group is None or event.world.image.partition(place) is None:
            continue
        if group.is_subscribed_to(record.topic):
            return f"group {record.group_id} reads {place}; its offset is deleted"
    return None


@check("G10", "answered", ApiKey.CONSUMER_GROUP_HEARTBEAT)
def _members_are_told_what_is_committed(answer: Answer) -> str | None:
    """The epoch and the partitions that a member hears of are in the true log before."""
    if answer.api_key != ApiKey.CONSUMER_GROUP_HEARTBEAT:
        return None
    request, response = answer.request, answer.response
    if response.get("error_code", ErrorCode.NONE) != ErrorCode.NONE:
        return None
    epoch, member_id = response["member_epoch"], response["member_id"]
    if epoch < 0:
        return None
    true = _truth(answer, request.group_id)
    if true is None:
        return None
    who = f"group {request.group_id}: {member_id} is told of epoch {epoch}"
    stood = true.stood.get((member_id, epoch))
    if stood is None:
        return f"{who}, which is not committed"
    true.told[member_id] = max(true.told.get(member_id, -1), epoch)
    told = _assigned(response["assignment"])
    if told is not None and told not in stood:
        return f"{who} with {told}; committed is {stood}"
    return None


def _truth(answer: Answer, group_id: str) -> TrueGroup | None:
    """Return a group as the true log has it; None where nothing is known for sure."""
    broker = answer.broker
    index = broker.groups.partition_for(group_id)
    partition = broker.replicas.partition(TopicPartition(OFFSETS_TOPIC, index))
    offsets = answer.ghost.groups.of(index)
    if partition is None or answer.ghost.partition(partition.log).may_have_lost:
        return None
    return None if offsets.licensed else offsets.consumers.truth.get(group_id, TrueGroup())


def _assigned(assignment: object) -> Partitions | None:
    if not isinstance(assignment, dict):
        return None
    topics = assignment["topic_partitions"]
    return partitions_of((each["topic_id"], each["partitions"]) for each in topics)
