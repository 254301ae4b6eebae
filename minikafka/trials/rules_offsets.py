"""Rules of what members are told, and of committed offsets: G2, G4, G9.

Members of one generation are told what fits together, whoever tells it; committed offsets are
the fold of the true log. The names are those of docs/invariants.md.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_OFFSET, LeaderEpoch, TopicPartition
from minikafka.broker.group_coordinator import OFFSETS_TOPIC
from minikafka.groups.records import CommittedOffset
from minikafka.trials.group_ghost import OffsetsGhost
from minikafka.trials.invariants import Answer, Coordinated, check
from minikafka.wire.framing import FrameError
from minikafka.wire.primitives import read_legacy_count, read_legacy_string
from minikafka.wire.shapes import optional
from minikafka.wire.versions import ApiKey

__all__ = ["REGISTERED_HERE", "assigned_partitions"]

REGISTERED_HERE = ("G1", "G2", "G4", "G9")

_INDEX = struct.Struct(">i")


class _Told(NamedTuple):
    """Where an answer of a coordinator comes from."""

    offsets: OffsetsGhost
    epoch: LeaderEpoch

    @property
    def latest(self) -> bool:
        """True where nobody has coordinated later."""
        return self.epoch >= self.offsets.epoch


def _told(answer: Answer, group_id: str) -> _Told | None:
    """Return who answers for a group; None where nothing is known for sure."""
    broker = answer.broker
    index = broker.groups.partition_for(group_id)
    partition = broker.replicas.partition(TopicPartition(OFFSETS_TOPIC, index))
    offsets = answer.ghost.groups.of(index)
    if partition is None or answer.ghost.partition(partition.log).may_have_lost:
        return None
    epoch = -1 if partition.leader is None else partition.leader.leader_epoch
    return None if offsets.licensed else _Told(offsets, epoch)


# --- generations ---------------------------------------------------------------------------


@check("G1", "answered", ApiKey.SYNC_GROUP)
def _note_generation(answer: Answer) -> str | None:
    """An assignment that somebody has makes its generation one that may not come back."""
    told = _synced(answer)
    if told is not None:
        history = told.offsets.history(answer.request.group_id)
        history.synced = max(history.synced, answer.request.generation_id)
    return None


def _synced(answer: Answer) -> _Told | None:
    """Return who tells a member its assignment; None where nobody does."""
    if answer.api_key != ApiKey.SYNC_GROUP or answer.response["error_code"] != ErrorCode.NONE:
        return None
    return _told(answer, answer.request.group_id)


@check("G2", "answered", ApiKey.SYNC_GROUP)
def _partitions_have_one_owner(answer: Answer) -> str | None:
    """In a generation each member has what its leader gave, and no partition has two owners."""
    told = _synced(answer)
    if told is None:
        return None
    request, assignment = answer.request, bytes(answer.response["assignment"])
    instance_id = optional(request, "group_instance_id", None)
    member, generation = instance_id or request.member_id, request.generation_id
    history = told.offsets.history(request.group_id)
    where = f"group {request.group_id}, generation {generation}: {member}"
    if history.given.setdefault((generation, member), assignment) != assignment:
        return f"{where} is given {assignment!r} after {history.given[generation, member]!r}"
    for topic, index in assigned_partitions(assignment):
        owner = history.owners.setdefault((generation, topic, index), member)
        if owner != member:
            return f"{where} is given {topic}-{index}, which {owner} has"
    seen = told.offsets.seen.get(request.group_id)
    if seen is None or not told.latest or seen.generation != generation:
        return None
    sent = seen.sent.get((generation, request.member_id))
    if sent is not None and sent != assignment:
        return f"{where} is given {assignment!r}, its leader has sent {sent!r}"
    return None


def assigned_partitions(assignment: bytes) -> Iterator[tuple[str, int]]:
    """Yield the partitions of a ConsumerProtocolAssignment; none of what cannot be read."""
    view = memoryview(assignment)
    try:
        topics, position = read_legacy_count(view, 2)
        for _ in range(topics):
            topic, position = read_legacy_string(view, position)
            count, position = read_legacy_count(view, position)
            for _ in range(count):
                yield topic, _INDEX.unpack_from(view, position)[0]
                position += _INDEX.size
    except (struct.error, IndexError, FrameError):
        return


@check("G9", "answered", ApiKey.JOIN_GROUP)
def _leader_knows_all_members(answer: Answer) -> str | None:
    """A generation has one leader, who is told of everybody who is told of the generation.

    Static members that come back are told of the old leader, who knew their former selves.
    """
    request, response = answer.request, answer.response
    if answer.api_key != ApiKey.JOIN_GROUP or response["error_code"] != ErrorCode.NONE:
        return None
    told = _told(answer, request.group_id)
    if told is None or optional(request, "group_instance_id", None) is not None:
        return None
    history = told.offsets.history(request.group_id)
    label = (told.epoch, response["generation_id"])
    where = f"group {request.group_id}, generation {label[1]}"
    leader = history.leaders.setdefault(label, response["leader"])
    if leader != response["leader"] and not _has_static_members(told, request.group_id):
        return f"{where}: {response['leader']} leads, and {leader}"
    joined = history.joined.setdefault(label, {})
    joined[response["member_id"]] = None
    if response["members"]:
        history.listed[label] = tuple(each["member_id"] for each in response["members"])
    listed = history.listed.get(label)
    missing = [] if listed is None else [each for each in joined if each not in listed]
    if missing:
        return f"{where}: its leader is told of {listed}, not of {missing[0]}"
    return None


def _has_static_members(told: _Told, group_id: str) -> bool:
    seen = told.offsets.seen.get(group_id)
    return seen is None or any(each.instance_id is not None for each in seen.members.values())


# --- offsets -------------------------------------------------------------------------------


@check("G4", "coordinated")
def _coordinators_begin_with_the_true_offsets(event: Coordinated) -> str | None:
    """What a coordinator has read is the fold of all that is committed."""
    if not event.first or not event.latest:
        return None
    found, true = event.groups.coordinator.offsets(), event.offsets.folded()
    if found == true:
        return None
    label = next(each for each in (*true, *found) if found.get(each) != true.get(each))
    return (
        f"broker {event.broker} begins with {found.get(label)} for {label}; committed is "
        f"{true.get(label)}"
    )


@check("G4", "coordinated")
def _only_what_is_committed_is_shown(event: Coordinated) -> str | None:
    """Whoever asks now would be told what is in the true log."""
    if not event.latest or event.decision is None or not event.decision.records:
        return None
    coordinator = event.groups.coordinator
    ids = [group.group_id for group in coordinator.groups()]
    for group_id in (*ids, *coordinator.table.consumers):
        for partition, value in coordinator.committed(group_id).items():
            if value not in event.offsets.commits.get((group_id, partition), ()):
                return f"broker {event.broker} shows {value} of {group_id}, {partition}"
    return None


@check("G4", "coordinated")
def _answers_wait_for_the_log(event: Coordinated) -> str | None:
    """Nothing is answered before all that was written when it was decided is committed."""
    answer, log = event.answer, event.groups.partition.log
    if answer is None or not answer.done or log.high_watermark >= log.log_end_offset:
        return None
    try:
        answer.result()
    except KafkaError:
        return None
    return (
        f"broker {event.broker} answers though {log.partition} is written up to "
        f"{log.log_end_offset} and committed up to {log.high_watermark}"
    )


@check("G4", "answered", ApiKey.OFFSET_COMMIT)
def _acknowledged_offsets_are_committed(answer: Answer) -> str | None:
    """Who was told that an offset is committed may rely on it."""
    if answer.api_key != ApiKey.OFFSET_COMMIT:
        return None
    request = answer.request
    told = _told(answer, request.group_id)
    if told is None:
        return None
    for asked, topic in zip(request.topics, answer.response["topics"], strict=True):
        for wanted, result in zip(asked.partitions, topic["partitions"], strict=True):
            if result["error_code"] != ErrorCode.NONE:
                continue
            label = (request.group_id, TopicPartition(asked.name, wanted.partition_index))
            shown = (wanted.committed_offset, wanted.committed_metadata or "")
            if not _show(told.offsets, label, shown, ordered=told.latest):
                return f"{label}: {shown} is acknowledged, and is not committed"
    return None


@check("G4", "answered", ApiKey.OFFSET_FETCH)
def _offsets_that_are_read_are_the_last_committed(answer: Answer) -> str | None:
    """What is read was committed, and nothing later was read or acknowledged before.

    A coordinator that does not know yet that it was deposed tells what it knows.
    """
    if answer.api_key != ApiKey.OFFSET_FETCH:
        return None
    for group_id, topics in _read(answer):
        told = _told(answer, group_id)
        if told is None:
            continue
        for topic in topics:
            for each in topic["partitions"]:
                if each["error_code"] != ErrorCode.NONE:
                    continue
                label = (group_id, TopicPartition(topic["name"], each["partition_index"]))
                shown = (each["committed_offset"], each["metadata"] or "")
                if not _show(told.offsets, label, shown, ordered=told.latest):
                    return (
                        f"{label}: broker {answer.broker.node_id} tells {shown}, and "
                        f"{told.offsets.commits.get(label, [])[-3:]} were the last committed"
                    )
    return None


def _read(answer: Answer) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    """Yield each group of an OffsetFetch answer with its topics."""
    response = answer.response
    if "groups" not in response:
        yield answer.request.group_id, response["topics"]
        return
    for group in response["groups"]:
        yield group["group_id"], group["topics"]


def _show(
    offsets: OffsetsGhost,
    label: tuple[str, TopicPartition],
    shown: tuple[int, str],
    *,
    ordered: bool,
) -> bool:
    """Note that somebody knows of an offset; False where it is not committed, or too old.

    The same value may have been committed more than once: then whichever time fits is meant.
    """
    commits = offsets.commits.get(label, [])
    least = offsets.shown.get(label, -1)
    places = [index for index, value in enumerate(commits) if _said(value) == shown]
    if shown[0] == NO_OFFSET:
        places.insert(0, -1)
    fitting = [index for index in places if index >= least]
    if fitting:
        offsets.shown[label] = fitting[0]
    return bool(fitting) or (bool(places) and not ordered)


def _said(value: CommittedOffset | None) -> tuple[int, str]:
    return (NO_OFFSET, "") if value is None else (value.offset, value.metadata)
