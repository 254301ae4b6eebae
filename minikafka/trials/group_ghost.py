"""What a run knows of consumer groups: the true fold of each partition of `__consumer_offsets`,
what members were told, and how each coordinator looked when it had last done something.

The rules of `rules_groups` and `rules_offsets` compare coordinators with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from minikafka.base.ids import LeaderEpoch, Offset, ProducerId, TopicPartition
from minikafka.groups.classic import ClassicGroup
from minikafka.groups.commands import (
    Command,
    CommitOffsets,
    Heartbeat,
    JoinGroup,
    SyncGroup,
)
from minikafka.groups.consumer_commands import ConsumerHeartbeat
from minikafka.groups.consumer_records import CONSUMER_RECORDS
from minikafka.groups.records import (
    CommittedOffset,
    GroupMetadata,
    OffsetCommitted,
    decode_record,
)
from minikafka.groups.states import GroupState
from minikafka.records.batch import Batch
from minikafka.records.markers import decode_marker
from minikafka.records.records import decode_records
from minikafka.trials.consumer_ghost import ConsumerWorld

if TYPE_CHECKING:
    from minikafka.log.partition_log import PartitionLog

__all__ = [
    "GroupHistory",
    "GroupWorld",
    "OffsetsGhost",
    "SeenGroup",
    "SeenMember",
]

Label: TypeAlias = tuple[str, TopicPartition]
"""A group and a partition that it reads."""


class _PendingCommits:
    """Offsets in transactions that go on, by producer id."""

    def __init__(self) -> None:
        self._open: dict[ProducerId, list[tuple[Label, Offset, CommittedOffset | None]]] = {}

    def add(
        self,
        producer_id: ProducerId,
        label: Label,
        place: Offset,
        value: CommittedOffset | None,
    ) -> None:
        """Keep one until its marker comes."""
        self._open.setdefault(producer_id, []).append((label, place, value))

    def end(
        self, batch: Batch, commit: Callable[[Label, Offset, CommittedOffset | None], None]
    ) -> None:
        """Commit what a marker ends, or let it go."""
        marker, found = decode_marker(batch), self._open.pop(batch.producer_id, [])
        if marker is not None and marker.committed:
            for each in found:
                commit(*each)


@dataclass
class GroupHistory:
    """What the members of a group were told, by whichever coordinator.

    A member is known by its instance id, if it has one: that one stays (KIP-345).

    Attributes:
        synced: the latest generation whose assignment somebody has; -1 before.
        given: assignment by generation and member.
        owners: who was given a partition in which generation.
        leaders: who leads in a generation, by the coordinator's epoch.
        joined: who was told of a generation, by the coordinator's epoch.
        listed: whom its leader was told of.
    """

    synced: int = -1
    given: dict[tuple[int, str], bytes] = field(default_factory=dict)
    owners: dict[tuple[int, str, int], str] = field(default_factory=dict)
    leaders: dict[tuple[LeaderEpoch, int], str] = field(default_factory=dict)
    joined: dict[tuple[LeaderEpoch, int], dict[str, None]] = field(default_factory=dict)
    listed: dict[tuple[LeaderEpoch, int], tuple[str, ...]] = field(default_factory=dict)


@dataclass
class SeenMember:
    """A member as it was when its coordinator had last done something.

    Attributes:
        heard_ms: when it was last heard, or answered; its session counts from then.
        joining, syncing: it waits for the answer of its JoinGroup, or SyncGroup.
        asked: the latest generation for which it has sent SyncGroup.
    """

    instance_id: str | None
    session_ms: int
    heard_ms: int
    is_new: bool
    joining: bool
    syncing: bool
    asked: int = -1


@dataclass
class SeenGroup:
    """A group as it was when its coordinator had last done something.

    Attributes:
        since_ms: since when it is in its state.
        began_ms: when its generation began.
        join_ms, sync_ms: how long members had to join, from the first, and to sync, from the second
            of these on: the longest that one of them wanted then.
        sent: what the leader of the group has sent, by generation and member id.
        fenced: ids of static members that others have replaced.
    """

    state: GroupState
    generation: int
    since_ms: int
    began_ms: int
    join_ms: int
    sync_ms: int
    members: dict[str, SeenMember] = field(default_factory=dict)
    sent: dict[tuple[int, str], bytes] = field(default_factory=dict)
    fenced: dict[str, None] = field(default_factory=dict)


class OffsetsGhost:
    """One partition of `__consumer_offsets`.

    Attributes:
        epoch: the latest leader epoch whose leader has coordinated.
        tenure: of the coordinator that `seen` is of.
        seen: the groups of the latest coordinator.
        command: what it was last asked for, until that is carried out.
        commits: the committed records of each offset in the order of the log, deletions as None.
        shown: how far in `commits` somebody has read, or was answered.
        histories: of each group.
        consumers: the groups of the consumer protocol.
        refused_ms: when fewer replicas were in sync, last, than acks=all needs: nothing is written
            then.
        licensed: something was lost that was allowed to be: nothing is known for sure.
    """

    def __init__(self) -> None:
        self.epoch: LeaderEpoch = -1
        self.tenure: object = None
        self.seen: dict[str, SeenGroup] = {}
        self.command: Command | None = None
        self.commits: dict[Label, list[CommittedOffset | None]] = {}
        self.shown: dict[Label, int] = {}
        self.histories: dict[str, GroupHistory] = {}
        self.licensed = False
        self.consumers = ConsumerWorld()
        self.refused_ms = -(2**62)
        self._folded: Offset = 0
        self._pending = _PendingCommits()
        self._places: dict[Label, Offset] = {}

    def history(self, group_id: str) -> GroupHistory:
        """Return what the members of a group were told."""
        return self.histories.setdefault(group_id, GroupHistory())

    def fold(self, log: PartitionLog, end: Offset) -> None:
        """Take over what the true log holds up to `end`, from a log that has it."""
        start, self._folded = self._folded, end
        while start < end:
            batch = log.read(start, 1, end, at_least_one=True).batches[0]
            start = batch.next_offset
            if batch.is_control:
                self._pending.end(batch, self._commit)
            for record in () if batch.is_control else decode_records(batch):
                found = decode_record(record.key, record.value)
                if isinstance(found, OffsetCommitted):
                    label = (found.group_id, TopicPartition(found.topic, found.partition))
                    if batch.is_transactional:
                        self._pending.add(batch.producer_id, label, record.offset, found.value)
                    else:
                        self._commit(label, record.offset, found.value)
                elif isinstance(found, CONSUMER_RECORDS):
                    self.consumers.fold(found)
                elif isinstance(found, GroupMetadata) and found.value is None:
                    # It begins anew, if it comes back.
                    self.histories.pop(found.group_id, None)

    def _commit(self, label: Label, place: Offset, value: CommittedOffset | None) -> None:
        """Take over an offset that counts now; what lies later in the log wins (KAFKA-5247)."""
        if place > self._places.get(label, -1):
            self._places[label] = place
            self.commits.setdefault(label, []).append(value)

    def folded(self) -> dict[Label, CommittedOffset]:
        """Return the last offset of each group and partition."""
        return {
            label: found[-1] for label, found in self.commits.items() if found[-1] is not None
        }

    def enter(self, tenure: object, epoch: LeaderEpoch) -> bool:
        """Say whether a coordinator is the latest one; forget what its predecessor looked like."""
        if epoch < self.epoch:
            return False
        self.epoch = epoch
        if tenure is not self.tenure:
            self.tenure = tenure
            self.seen = {}
            self.consumers.seen = {}
        return True

    def commanded(self, command: Command, groups: Iterable[ClassicGroup], now_ms: int) -> None:
        """Keep what a coordinator was asked for, and what follows for who asked."""
        self.command = command
        if isinstance(command, ConsumerHeartbeat):
            self.consumers.commanded(command, now_ms)
            return
        seen = self.seen.get(command.group_id)
        group = next((each for each in groups if each.group_id == command.group_id), None)
        if seen is None or group is None:
            return
        if isinstance(command, SyncGroup):
            self._asked(seen, group, command)
        elif isinstance(command, (Heartbeat, CommitOffsets)):
            member = seen.members.get(command.member_id)
            if member is not None:
                member.heard_ms = now_ms
        elif isinstance(command, JoinGroup) and command.group_instance_id is not None:
            for member_id, member in seen.members.items():
                if (
                    member.instance_id == command.group_instance_id
                    and member_id not in group.members
                ):
                    seen.fenced[member_id] = None

    def _asked(self, seen: SeenGroup, group: ClassicGroup, command: SyncGroup) -> None:
        """Keep who has asked for its assignment, and what the leader of the group has sent."""
        if command.generation_id != group.generation_id:
            return
        member = seen.members.get(command.member_id)
        if member is not None:
            member.asked = command.generation_id
        leads = command.member_id == group.leader
        if leads and group.state is GroupState.COMPLETING_REBALANCE:
            for member_id, assignment in command.assignments:
                seen.sent.setdefault((command.generation_id, member_id), assignment)

    def look(self, groups: Iterable[ClassicGroup], now_ms: int) -> None:
        """Keep how the groups of the latest coordinator look now."""
        self.seen = {
            group.group_id: self._look(self.seen.get(group.group_id), group, now_ms)
            for group in groups
        }

    def _look(self, before: SeenGroup | None, group: ClassicGroup, now_ms: int) -> SeenGroup:
        longest_ms = group.rebalance_timeout_ms()
        seen = before or SeenGroup(
            group.state, group.generation_id, now_ms, now_ms, longest_ms, longest_ms
        )
        if group.state is not seen.state or group.generation_id != seen.generation:
            seen.since_ms, seen.join_ms = now_ms, longest_ms
        if group.generation_id != seen.generation:
            seen.began_ms, seen.sync_ms = now_ms, longest_ms
            seen.sent.clear()
        seen.state, seen.generation = group.state, group.generation_id
        former = seen.members
        seen.members = {}
        for member_id, member in group.members.items():
            known = former.get(member_id)
            joining = member.awaiting_join is not None
            syncing = member.awaiting_sync is not None
            # Who takes a static member's place while the group is stable is heard once (KIP-345).
            joined = group.state is not GroupState.STABLE
            if (
                known is None
                or (known.joining and not joining and joined)
                or (known.syncing and not syncing)
            ):
                heard_ms = now_ms
            else:
                heard_ms = known.heard_ms
            seen.members[member_id] = SeenMember(
                member.group_instance_id,
                member.session_timeout_ms,
                heard_ms,
                member.is_new,
                joining,
                syncing,
                -1 if known is None else known.asked,
            )
        return seen


class GroupWorld:
    """All partitions of `__consumer_offsets`, by index.

    Attributes:
        busy: members commit, so that its replicas are hardly ever the same.
    """

    def __init__(self) -> None:
        self.partitions: dict[int, OffsetsGhost] = {}
        self.busy = False

    def of(self, index: int) -> OffsetsGhost:
        """Return one partition."""
        return self.partitions.setdefault(index, OffsetsGhost())

    def committed(self, log: PartitionLog, end: Offset, *, licensed: bool) -> None:
        """Hear that a partition is committed up to `end`, which is in this log."""
        found = self.of(log.partition.partition)
        found.licensed = found.licensed or licensed
        if not found.licensed:
            found.fold(log, end)
