"""One share group: a fold of its records, and nothing else.

Like a group of the consumer protocol, but that several members may read one partition, so that
nobody waits for anybody; and that partitions are assigned once their share state has begun.
Counterpart: org.apache.kafka.coordinator.group.modern.share.ShareGroup, ShareGroupMember. KIP-932.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from minikafka.base.errors import BrokerBug, ErrorCode, KafkaError
from minikafka.groups.partitions import NO_PARTITIONS, Partitions, partitions_of
from minikafka.groups.share_records import (
    ShareAssignment,
    ShareEpoch,
    ShareGroupRecord,
    ShareMemberMetadata,
    ShareStatePartitions,
    ShareTarget,
    ShareTargetEpoch,
    StoredShareAssignment,
    StoredShareMember,
    StoredStatePartitions,
)

__all__ = ["ShareGroup", "ShareMember", "replay_share_record"]


@dataclass(frozen=True, slots=True)
class ShareMember:
    """A member.

    Attributes:
        epoch: of the group, as far as this member has heard of it.
        previous_epoch: the one before; its answer may have been lost on the way.
        topic_names: ascending.
    """

    member_id: str
    epoch: int = 0
    previous_epoch: int = -1
    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    topic_names: tuple[str, ...] = ()
    assigned: Partitions = field(default_factory=dict)

    def metadata_record(self, group_id: str) -> ShareMemberMetadata:
        """Return the record of what the member has said of itself."""
        stored = StoredShareMember(
            self.rack_id, self.client_id, self.client_host, self.topic_names
        )
        return ShareMemberMetadata(group_id, self.member_id, stored)

    def assignment_record(self, group_id: str) -> ShareAssignment:
        """Return the record of what the member reads."""
        stored = StoredShareAssignment(self.epoch, self.previous_epoch, self.assigned)
        return ShareAssignment(group_id, self.member_id, stored)


class ShareGroup:
    """A group.

    Attributes:
        epoch: 0 before the first member is in.
        metadata_hash: over its topics, as of `epoch`.
        assignment_epoch: the group epoch that `targets` are for.
        targets: what each member is to read.
        state: the partitions for which share coordinators keep state.
        fresh_epoch: the group epoch for which the topics were last looked at; -1 to do so at
            the next heartbeat. Not in the log.
    """

    def __init__(self, group_id: str) -> None:
        self.group_id = group_id
        self.epoch = 0
        self.metadata_hash = 0
        self.assignment_epoch = 0
        self.members: dict[str, ShareMember] = {}
        self.targets: dict[str, Partitions] = {}
        self.state = StoredStatePartitions()
        self.fresh_epoch = -1

    @property
    def state_name(self) -> str:
        """What the group is up to, as clients are shown."""
        return "Stable" if self.members else "Empty"

    @property
    def has_stale_metadata(self) -> bool:
        """Say whether topics have to be looked at; also where that was decided, but not kept."""
        return self.fresh_epoch < 0 or self.epoch < self.fresh_epoch

    def member(self, member_id: str) -> ShareMember:
        """Return a member; raises KafkaError UNKNOWN_MEMBER_ID."""
        found = self.members.get(member_id)
        if found is None:
            raise KafkaError(
                ErrorCode.UNKNOWN_MEMBER_ID,
                f"Member {member_id} is not a member of group {self.group_id}.",
            )
        return found

    def subscribed(
        self, changed: ShareMember | None = None, gone: str | None = None
    ) -> dict[str, None]:
        """Return every topic name that a member is subscribed to.

        Args:
            changed: in place of the member with this id, or new.
            gone: id of a member to leave out.
        """
        members = dict(self.members)
        if gone is not None:
            members.pop(gone, None)
        if changed is not None:
            members[changed.member_id] = changed
        return dict.fromkeys(name for each in members.values() for name in each.topic_names)

    def assigned(self) -> Partitions:
        """Return what somebody is to read."""
        return partitions_of(
            each for target in self.targets.values() for each in target.items()
        )

    # --- the log ---------------------------------------------------------------------------

    def replay(self, record: ShareGroupRecord) -> None:
        """Take over what is in the log."""
        match record:
            case ShareEpoch(_, epoch):
                assert epoch is not None, "a group's tombstone is for the table"
                self.epoch, self.metadata_hash = epoch
            case ShareTargetEpoch(_, number):
                self.assignment_epoch = -1 if number is None else number
            case ShareTarget(_, member_id, None):
                self.targets.pop(member_id, None)
            case ShareTarget(_, member_id, partitions) if partitions is not None:
                self.targets[member_id] = partitions
            case ShareMemberMetadata(_, member_id, None):
                self.members.pop(member_id, None)
            case ShareMemberMetadata(_, member_id, StoredShareMember() as stored):
                self.members[member_id] = replace(
                    self._known(member_id),
                    rack_id=stored.rack_id,
                    client_id=stored.client_id,
                    client_host=stored.client_host,
                    topic_names=tuple(sorted(stored.topic_names)),
                )
            case ShareAssignment(_, member_id, current):
                self._replay_assignment(member_id, current)
            case ShareStatePartitions(_, state):
                self.state = StoredStatePartitions() if state is None else state

    def _known(self, member_id: str) -> ShareMember:
        return self.members.get(member_id) or ShareMember(member_id)

    def _replay_assignment(self, member_id: str, current: StoredShareAssignment | None) -> None:
        if current is None:
            if member_id in self.members:
                gone = replace(self.members[member_id], epoch=-1, assigned=NO_PARTITIONS)
                self.members[member_id] = gone
            return
        self.members[member_id] = replace(
            self._known(member_id),
            epoch=current.epoch,
            previous_epoch=current.previous_epoch,
            assigned=current.assigned,
        )

    def removal(self, member_id: str) -> tuple[ShareGroupRecord, ...]:
        """Return what deletes a member."""
        group_id = self.group_id
        return (
            ShareAssignment(group_id, member_id, None),
            ShareTarget(group_id, member_id, None),
            ShareMemberMetadata(group_id, member_id, None),
        )

    def tombstones(self) -> tuple[ShareGroupRecord, ...]:
        """Return what deletes the group, which has no members."""
        group_id = self.group_id
        state: tuple[ShareGroupRecord, ...] = ()
        if self.state != StoredStatePartitions():
            state = (ShareStatePartitions(group_id, None),)
        return (*state, ShareTargetEpoch(group_id, None), ShareEpoch(group_id, None))

    def check_invariants(self) -> None:
        """Assert what must hold between two commands."""
        assert self.assignment_epoch <= self.epoch
        assert self.targets.keys() <= self.members.keys()
        for member_id, member in self.members.items():
            assert member.member_id == member_id
            assert member.epoch <= self.epoch


def replay_share_record(groups: dict[str, ShareGroup], record: ShareGroupRecord) -> None:
    """Take a record over into `groups`: the first makes its group, the tombstone deletes it.

    A tombstone for what is not there says nothing: its group, or member, is gone already.
    """
    group = groups.get(record.group_id)
    if isinstance(record, ShareEpoch) and record.value is None:
        if group is not None and group.members:
            raise BrokerBug(f"group {record.group_id} is deleted, but not empty")
        groups.pop(record.group_id, None)
        return
    if group is None:
        if record.value is None:
            return
        group = groups[record.group_id] = ShareGroup(record.group_id)
    group.replay(record)
