"""What a run knows of groups of the consumer protocol (KIP-848): the true fold of their records,
what members were told, and how each group looked when its coordinator had last done something.

The rules of `rules_consumers` compare coordinators with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from minikafka.base.ids import TopicId
from minikafka.groups.consumer_commands import ConsumerHeartbeat
from minikafka.groups.consumer_group import ConsumerGroup
from minikafka.groups.consumer_members import ConsumerMember, MemberState
from minikafka.groups.consumer_records import (
    ConsumerRecord,
    CurrentAssignment,
    GroupEpoch,
    MemberMetadata,
    StoredAssignment,
)
from minikafka.groups.partitions import Partitions

__all__ = [
    "ConsumerWorld",
    "Place",
    "SeenConsumer",
    "SeenConsumers",
    "TrueGroup",
    "held",
    "owners",
]

Place: TypeAlias = tuple[TopicId, int]


@dataclass
class TrueGroup:
    """A group as the true log has it.

    Attributes:
        members: what each has now.
        stood: what each had in each of its epochs, ever.
        told: the greatest epoch that each was told.
    """

    epoch: int = 0
    members: dict[str, StoredAssignment] = field(default_factory=dict)
    stood: dict[tuple[str, int], list[Partitions]] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)


@dataclass
class SeenConsumer:
    """A member as it was when its coordinator had last done something.

    Attributes:
        heard_ms: when it was last heard; its session counts from then.
        revoking_ms: since when it is to give up what is pending; None where nothing is.
    """

    member: ConsumerMember
    heard_ms: int
    revoking_ms: int | None


@dataclass
class SeenConsumers:
    """A group as it was when its coordinator had last done something."""

    epoch: int
    members: dict[str, SeenConsumer]
    owners: dict[Place, tuple[str, ...]]


class ConsumerWorld:
    """The groups of one partition of `__consumer_offsets`.

    Attributes:
        truth: by group id.
        seen: the groups of the latest coordinator.
    """

    def __init__(self) -> None:
        self.truth: dict[str, TrueGroup] = {}
        self.seen: dict[str, SeenConsumers] = {}
        self._joined: tuple[str, int] | None = None

    def has(self, group_id: str, member_id: str) -> bool:
        """Say whether somebody is a member in the true log."""
        group = self.truth.get(group_id)
        return group is not None and member_id in group.members

    def fold(self, record: ConsumerRecord) -> None:
        """Take over what is committed."""
        if isinstance(record, GroupEpoch) and record.value is None:
            self.truth.pop(record.group_id, None)
            return
        if record.value is None and record.group_id not in self.truth:
            return
        group = self.truth.setdefault(record.group_id, TrueGroup())
        if isinstance(record, GroupEpoch) and record.value is not None:
            group.epoch = record.value.epoch
        elif isinstance(record, MemberMetadata) and record.value is None:
            group.members.pop(record.member_id, None)
        elif isinstance(record, CurrentAssignment):
            if record.value is None:
                group.members.pop(record.member_id, None)
                return
            group.members[record.member_id] = record.value
            label = (record.member_id, record.value.epoch)
            group.stood.setdefault(label, []).append(record.value.assigned)

    def commanded(self, command: ConsumerHeartbeat, now_ms: int) -> None:
        """Keep that a member was heard; who is away for a while is so from its last heartbeat on."""
        seen = self.seen.get(command.group_id)
        known = None if seen is None else seen.members.get(command.member_id)
        if known is None:
            self._joined = (command.member_id, now_ms)
        elif command.member_epoch >= 0:
            known.heard_ms = now_ms

    def look(self, groups: Iterable[ConsumerGroup], now_ms: int) -> None:
        """Keep how the groups of the latest coordinator look now."""
        self.seen = {
            group.group_id: _look(self.seen.get(group.group_id), group, now_ms, self._joined)
            for group in groups
        }
        self._joined = None


def _look(
    before: SeenConsumers | None,
    group: ConsumerGroup,
    now_ms: int,
    joined: tuple[str, int] | None,
) -> SeenConsumers:
    former = {} if before is None else before.members
    members: dict[str, SeenConsumer] = {}
    for member_id, member in group.members.items():
        known = former.get(member_id)
        revoking_ms = None
        if member.state is MemberState.UNREVOKED_PARTITIONS:
            same = known is not None and known.member == member
            revoking_ms = known.revoking_ms if known is not None and same else now_ms
        if known is not None:
            heard_ms = known.heard_ms
        elif joined is not None and joined[0] == member_id:
            heard_ms = joined[1]  # writing it down may have taken a while
        else:
            heard_ms = now_ms
        members[member_id] = SeenConsumer(member, heard_ms, revoking_ms)
    return SeenConsumers(group.epoch, members, owners(group.members.values()))


def owners(members: Iterable[ConsumerMember]) -> dict[Place, tuple[str, ...]]:
    """Return who may read each partition, or has not given it up yet."""
    found: dict[Place, tuple[str, ...]] = {}
    for member in members:
        for place in held(member):
            found[place] = (*found.get(place, ()), member.member_id)
    return found


def held(member: ConsumerMember) -> Iterator[Place]:
    """Yield what a member may read, or has not given up yet."""
    for partitions in (member.assigned, member.pending_revocation):
        for topic_id, numbers in partitions.items():
            for number in numbers:
                yield topic_id, number
