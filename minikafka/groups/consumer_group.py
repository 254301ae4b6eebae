"""One group of the consumer protocol: a fold of its records, and nothing else.

Every change is a record that is in the log already; who decides on it is `consumer_heartbeat`,
`consumer_leaving`, `expressions` and, for members of the classic protocol, `mixed_joining`.
Counterpart: org.apache.kafka.coordinator.group.modern.consumer.ConsumerGroup. KIP-848.

Rules of this file
    A partition has one owner: who has it assigned, or has not yet given it up.
    The group epoch counts what members and topics are; the target assignment is for an epoch;
    a member is in the epoch up to which it has followed.
    Members keep the order in which they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import TypeVar

from minikafka.base.errors import BrokerBug, ErrorCode, KafkaError
from minikafka.base.ids import TopicId
from minikafka.groups.consumer_members import LEAVE_EPOCH, ConsumerMember
from minikafka.groups.consumer_records import (
    ConsumerRecord,
    CurrentAssignment,
    GroupEpoch,
    MemberMetadata,
    PartitionMetadata,
    RegularExpression,
    StoredExpression,
    TargetAssignment,
    TargetEpoch,
)
from minikafka.groups.partitions import NO_PARTITIONS, Partitions

__all__ = ["ConsumerGroup", "ConsumerState", "replay_consumer_record"]

T = TypeVar("T")


class ConsumerState(Enum):
    """State of a group, by the names that clients are shown."""

    EMPTY = "Empty"
    ASSIGNING = "Assigning"
    """A new target assignment is due."""
    RECONCILING = "Reconciling"
    """Members are on their way to it."""
    STABLE = "Stable"
    DEAD = "Dead"


class ConsumerGroup:
    """A group.

    Attributes:
        epoch: 0 before the first member is in.
        metadata_hash: over its topics, as of `epoch`.
        assignment_epoch: the group epoch that `targets` are for; -1 while it is being deleted.
        targets: what each member is to have in the end.
        owners: member id of who owns a partition.
        expressions: what regular expressions stand for, as last resolved.
        fresh_epoch: the group epoch for which the topics were last looked at; -1 to do so at
            the next heartbeat. Not in the log: who loads a group looks again.
        has_partition_metadata: there is a record of a former release, to be deleted.
    """

    def __init__(self, group_id: str) -> None:
        self.group_id = group_id
        self.epoch = 0
        self.metadata_hash = 0
        self.assignment_epoch = 0
        self.members: dict[str, ConsumerMember] = {}
        self.static_members: dict[str, str] = {}
        self.targets: dict[str, Partitions] = {}
        self.owners: dict[tuple[TopicId, int], str] = {}
        self.expressions: dict[str, StoredExpression] = {}
        self.fresh_epoch = -1
        self.has_partition_metadata = False

    # --- looking in ------------------------------------------------------------------------

    @property
    def state(self) -> ConsumerState:
        """What the group is up to."""
        if not self.members:
            return ConsumerState.EMPTY
        if self.epoch > self.assignment_epoch:
            return ConsumerState.ASSIGNING
        if all(
            member.is_reconciled_to(self.assignment_epoch) for member in self.members.values()
        ):
            return ConsumerState.STABLE
        return ConsumerState.RECONCILING

    @property
    def has_stale_metadata(self) -> bool:
        """Say whether topics have to be looked at; also where that was decided, but not kept."""
        return self.fresh_epoch < 0 or self.epoch < self.fresh_epoch

    def member(self, member_id: str) -> ConsumerMember:
        """Return a member; raises KafkaError UNKNOWN_MEMBER_ID."""
        found = self.members.get(member_id)
        if found is None:
            raise KafkaError(
                ErrorCode.UNKNOWN_MEMBER_ID,
                f"Member {member_id} is not a member of group {self.group_id}.",
            )
        return found

    def static_member(self, instance_id: str | None) -> ConsumerMember | None:
        """Return who has this group.instance.id, None where nobody has."""
        member_id = None if instance_id is None else self.static_members.get(instance_id)
        return None if member_id is None else self.members[member_id]

    def target_of(self, member_id: str, instance_id: str | None) -> Partitions:
        """Return what a member is to have; a static one has what its former self was to."""
        if instance_id is not None:
            member_id = self.static_members.get(instance_id, member_id)
        return self.targets.get(member_id, NO_PARTITIONS)

    def topics_of(self, member: ConsumerMember) -> tuple[str, ...]:
        """Return all topic names that a member is subscribed to, by name and by expression."""
        found = self.expressions.get(member.regex) if member.regex else None
        if found is None:
            return member.topic_names
        return tuple(dict.fromkeys((*member.topic_names, *found.topics)))

    def subscribed(
        self,
        changed: ConsumerMember | None = None,
        gone: Iterable[str] = (),
        expressions: Mapping[str, StoredExpression] | None = None,
    ) -> dict[str, None]:
        """Return every topic name that a member is subscribed to.

        Args:
            changed: in place of the member with this id, or new.
            gone: ids of members to leave out.
            expressions: what expressions stand for in place of what is known.
        """
        known = self.expressions if expressions is None else expressions
        names: dict[str, None] = {}
        for member in self._with(changed, gone):
            names.update(dict.fromkeys(member.topic_names))
            found = known.get(member.regex) if member.regex else None
            if found is not None:
                names.update(dict.fromkeys(found.topics))
        return names

    def regexes(
        self, changed: ConsumerMember | None = None, gone: Iterable[str] = ()
    ) -> dict[str, int]:
        """Return the regular expressions in use, with how many members use each."""
        counts: dict[str, int] = {}
        for member in self._with(changed, gone):
            if member.regex:
                counts[member.regex] = counts.get(member.regex, 0) + 1
        return counts

    def check_commit(self, member_id: str, member_epoch: int, *, speaks_epochs: bool) -> None:
        """Let members commit in their epoch, and anybody while there are none (G3).

        Raises:
            KafkaError: UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH; ILLEGAL_GENERATION to a member of
                the classic protocol; UNSUPPORTED_VERSION where the request cannot name an epoch.
        """
        if member_epoch < 0 and not self.members:
            return
        member = self.member(member_id)
        if member.classic is None and not speaks_epochs:
            raise KafkaError(
                ErrorCode.UNSUPPORTED_VERSION,
                "OffsetCommit version 9 or above must be used by members using the modern "
                "group protocol",
            )
        _check_epoch(member, member_epoch)

    def check_fetch(self, member_id: str | None, member_epoch: int) -> None:
        """Let members ask for offsets in their epoch, and whoever does not say that it is one.

        Raises:
            KafkaError: as `check_commit`.
        """
        if member_id is None and member_epoch < 0:
            return
        _check_epoch(self.member(member_id or ""), member_epoch)

    def is_subscribed_to(self, topic: str) -> bool:
        """Say whether a member may want the topic."""
        return topic in self.subscribed()

    def _with(
        self, changed: ConsumerMember | None, gone: Iterable[str]
    ) -> Iterable[ConsumerMember]:
        members = dict(self.members)
        for member_id in gone:
            members.pop(member_id, None)
        if changed is not None:
            members[changed.member_id] = changed
        return members.values()

    @property
    def classic_count(self) -> int:
        """How many members speak the classic protocol."""
        return sum(member.classic is not None for member in self.members.values())

    def is_waiting(self, member: ConsumerMember) -> bool:
        """Say whether somebody else still owns what the member is to have."""
        return any(
            number not in member.assigned.get(topic_id, ())
            and (topic_id, number) in self.owners
            for topic_id, numbers in self.targets.get(member.member_id, NO_PARTITIONS).items()
            for number in numbers
        )

    def preferred_assignor(self, changed: ConsumerMember | None = None) -> str | None:
        """Return the assignor that most members name, of several the first; None for none."""
        votes: dict[str, int] = {}
        for member in self._with(changed, ()):
            name = member.server_assignor
            if name is not None:
                votes[name] = votes.get(name, 0) + 1
        return max(votes, key=lambda name: votes[name]) if votes else None

    # --- the log ---------------------------------------------------------------------------

    def replay(self, record: ConsumerRecord) -> None:
        """Take over what is in the log."""
        match record:
            case GroupEpoch(_, epoch):
                assert epoch is not None, "a group's tombstone is for the table"
                self.epoch, self.metadata_hash = epoch
            case PartitionMetadata(_, raw):
                self.has_partition_metadata = raw is not None
            case TargetEpoch(_, number):
                self._replay_target_epoch(number)
            case TargetAssignment(_, member_id, partitions):
                _put(self.targets, member_id, partitions)
            case RegularExpression(_, regex, found):
                _put(self.expressions, regex, found)
            case MemberMetadata(_, member_id, stored):
                if stored is None:
                    self._remove(member_id)
                else:
                    self._set(self._known(member_id).with_metadata(stored))
            case CurrentAssignment(_, member_id, current):
                if current is not None or member_id in self.members:
                    self._release(self.members.get(member_id))
                    self._set(self._known(member_id).with_assignment(current))
                    self._claim(self.members[member_id])

    def _known(self, member_id: str) -> ConsumerMember:
        return self.members.get(member_id) or ConsumerMember(member_id)

    def _replay_target_epoch(self, number: int | None) -> None:
        if number is None and self.targets:
            raise BrokerBug(f"group {self.group_id} has targets, but no epoch of them")
        self.assignment_epoch = -1 if number is None else number

    def _set(self, member: ConsumerMember) -> None:
        self.members[member.member_id] = member
        if member.instance_id is not None:
            self.static_members[member.instance_id] = member.member_id

    def _claim(self, member: ConsumerMember) -> None:
        """Let a member own what its assignment says, of which the later record holds.

        Another owner is there only where the record by which it gave up is not: lost in an
        unclean election, or taken by compaction together with what came before it, on another
        replica, while this one was away and kept the older record (KAFKA-19862).
        """
        for partitions in (member.assigned, member.pending_revocation):
            for topic_id, numbers in partitions.items():
                for number in numbers:
                    self.owners[topic_id, number] = member.member_id

    def _release(self, member: ConsumerMember | None) -> None:
        if member is None:
            return
        for partitions in (member.assigned, member.pending_revocation):
            for topic_id, numbers in partitions.items():
                for number in numbers:
                    if self.owners.get((topic_id, number)) == member.member_id:
                        del self.owners[topic_id, number]

    def _remove(self, member_id: str) -> None:
        member = self.members.get(member_id)
        if member is None:
            return
        if member.epoch != LEAVE_EPOCH or member_id in self.targets:
            raise BrokerBug(f"member {member_id} of {self.group_id} goes, its assignment stays")
        del self.members[member_id]
        instance_id = member.instance_id
        # The one who took the place over may be there already.
        if instance_id is not None and self.static_members.get(instance_id) == member_id:
            del self.static_members[instance_id]

    def tombstones(self, renamed: tuple[str, str] | None = None) -> tuple[ConsumerRecord, ...]:
        """Return what deletes the group, in the order in which it can be replayed.

        Args:
            renamed: (old, new) id of a static member that was replaced in the same batch.
        """
        old, new = renamed or ("", "")
        ids = [new if member_id == old else member_id for member_id in self.members]
        group_id = self.group_id
        records: list[ConsumerRecord] = [
            CurrentAssignment(group_id, each, None) for each in ids
        ]
        records += [TargetAssignment(group_id, each, None) for each in ids]
        records.append(TargetEpoch(group_id, None))
        records += [MemberMetadata(group_id, each, None) for each in ids]
        records += [RegularExpression(group_id, regex, None) for regex in self.expressions]
        records.append(PartitionMetadata(group_id, None))
        records.append(GroupEpoch(group_id, None))
        return tuple(records)

    def check_invariants(self) -> None:
        """Assert what must hold between two commands."""
        owned: dict[tuple[TopicId, int], str] = {}
        for member_id, member in self.members.items():
            assert member.member_id == member_id
            for partitions in (member.assigned, member.pending_revocation):
                for topic_id, numbers in partitions.items():
                    for number in numbers:
                        assert (topic_id, number) not in owned, "two owners"
                        owned[topic_id, number] = member_id
            assert member.epoch <= self.epoch
        assert owned == self.owners
        for instance_id, member_id in self.static_members.items():
            assert self.members[member_id].instance_id == instance_id
        given = [
            (topic_id, number)
            for target in self.targets.values()
            for topic_id, numbers in target.items()
            for number in numbers
        ]
        assert len(given) == len(set(given)), "two targets"
        assert self.assignment_epoch <= self.epoch


def _put(into: dict[str, T], key: str, value: T | None) -> None:
    if value is None:
        into.pop(key, None)
    else:
        into[key] = value


def _check_epoch(member: ConsumerMember, received: int) -> None:
    if received == member.epoch:
        return
    if member.classic is None:
        code, name = ErrorCode.STALE_MEMBER_EPOCH, "member epoch"
    else:
        code, name = ErrorCode.ILLEGAL_GENERATION, "generation id"
    raise KafkaError(
        code,
        f"The received {name} {received} does not match the expected member epoch "
        f"{member.epoch}.",
    )


def replay_consumer_record(groups: dict[str, ConsumerGroup], record: ConsumerRecord) -> None:
    """Take a record over into `groups`: the first makes its group, the tombstone deletes it.

    A tombstone for what is not there says nothing: its group, or member, is gone already.
    """
    group = groups.get(record.group_id)
    if isinstance(record, GroupEpoch) and record.value is None:
        if group is None:
            return
        if group.members or group.targets or group.assignment_epoch != -1:
            raise BrokerBug(f"group {record.group_id} is deleted, but not empty")
        del groups[record.group_id]
        return
    if group is None:
        if record.value is None:
            return
        group = groups[record.group_id] = ConsumerGroup(record.group_id)
    group.replay(record)
