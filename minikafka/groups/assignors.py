"""What an assignor is asked and answers, the one called `range`, and which there are by name.

Pure: from who wants what to who is to have what. Counterpart: ConsumerGroupPartitionAssignor,
GroupSpec, RangeAssignor. KIP-848.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from minikafka.base.ids import TopicId
from minikafka.groups.partitions import Partitions

__all__ = ["Assignor", "GroupSpec", "MemberSpec", "assign_ranges", "is_assigned"]


@dataclass(frozen=True, slots=True)
class MemberSpec:
    """One member: the topics it wants, ascending, and what it was to have up to now."""

    topic_ids: tuple[TopicId, ...]
    assigned: Partitions = field(default_factory=dict)
    instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class GroupSpec:
    """A group: its members by id, and how many partitions each topic has.

    `homogeneous`: all members are subscribed to the same.
    """

    members: Mapping[str, MemberSpec]
    partition_counts: Mapping[TopicId, int]
    homogeneous: bool


Assignor: TypeAlias = Callable[[GroupSpec], dict[str, Partitions]]


def is_assigned(spec: GroupSpec) -> dict[tuple[TopicId, int], str]:
    """Return who was to have each partition up to now."""
    return {
        (topic_id, number): member_id
        for member_id, member in spec.members.items()
        for topic_id, numbers in member.assigned.items()
        for number in numbers
    }


class _Ranges:
    """The partitions of one topic, handed out from the first on."""

    def __init__(self, partition_count: int, member_count: int) -> None:
        self._quota, self._extra = divmod(partition_count, member_count)
        self._next = 0

    def take(self) -> tuple[int, ...]:
        """Return the next member's share."""
        start = self._next
        self._next = start + self._quota + (1 if self._extra > 0 else 0)
        self._extra -= 1
        return tuple(range(start, self._next))


def assign_ranges(spec: GroupSpec) -> dict[str, Partitions]:
    """Give each member a contiguous range of each topic it wants.

    Static members come first, by their instance id, then the others by member id. With the same
    number of partitions in each topic, a member has the same numbers in all of them.
    """
    order = sorted(
        spec.members, key=lambda member_id: _rank(member_id, spec.members[member_id])
    )
    wanted: dict[TopicId, int] = {}
    for member_id in order:
        for topic_id in spec.members[member_id].topic_ids:
            wanted[topic_id] = wanted.get(topic_id, 0) + 1
    ranges = {
        topic_id: _Ranges(spec.partition_counts[topic_id], count)
        for topic_id, count in wanted.items()
    }
    return {
        member_id: _nonempty(
            {
                topic_id: ranges[topic_id].take()
                for topic_id in spec.members[member_id].topic_ids
            }
        )
        for member_id in order
    }


def _rank(member_id: str, member: MemberSpec) -> tuple[bool, bytes]:
    name = member_id if member.instance_id is None else member.instance_id
    # By UTF-16 code units, as Java compares.
    return member.instance_id is None, name.encode("utf-16-be", "surrogatepass")


def _nonempty(partitions: Partitions) -> Partitions:
    return {topic_id: numbers for topic_id, numbers in partitions.items() if numbers}
