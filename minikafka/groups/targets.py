"""The next target assignment of a group, as records. Counterpart: TargetAssignmentBuilder. KIP-848."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from minikafka.base.ids import TopicId
from minikafka.groups.assignors import Assignor, GroupSpec, MemberSpec, assign_ranges
from minikafka.groups.consumer_group import ConsumerGroup
from minikafka.groups.consumer_members import ConsumerMember
from minikafka.groups.consumer_records import ConsumerRecord, TargetAssignment, TargetEpoch
from minikafka.groups.partitions import NO_PARTITIONS, Partitions
from minikafka.groups.topics import Topics
from minikafka.groups.uniform import assign_uniformly

__all__ = ["ASSIGNORS", "next_targets"]

ASSIGNORS: Mapping[str, Assignor] = MappingProxyType(
    {"uniform": assign_uniformly, "range": assign_ranges}
)
"""The assignors of the server by the names that members and configs use."""


def next_targets(
    group: ConsumerGroup,
    epoch: int,
    changed: ConsumerMember,
    topics: Topics,
    default_assignor: str,
) -> tuple[list[ConsumerRecord], Partitions]:
    """Return the records of a new target assignment, and what `changed` is to have.

    Args:
        epoch: the group epoch that it is for.
        changed: the member that has changed or come; it may take the place of a static one.
    """
    replaced = group.static_member(changed.instance_id)
    members: dict[str, ConsumerMember] = {}
    for member_id, member in group.members.items():
        if replaced is not None and member_id == replaced.member_id:
            members[changed.member_id] = changed
        elif member_id != changed.member_id:
            members[member_id] = member
        else:
            members[member_id] = changed
    members[changed.member_id] = changed
    former = {member_id: group.targets.get(member_id, NO_PARTITIONS) for member_id in members}
    if replaced is not None:
        former[changed.member_id] = group.targets.get(replaced.member_id, NO_PARTITIONS)
    name = group.preferred_assignor(changed) or default_assignor
    found = ASSIGNORS[name](_spec(group, members, former, topics))
    records: list[ConsumerRecord] = []
    for member_id in members:
        target = found.get(member_id, NO_PARTITIONS)
        if target != group.targets.get(member_id):
            records.append(TargetAssignment(group.group_id, member_id, target))
    records.append(TargetEpoch(group.group_id, epoch))
    return records, found.get(changed.member_id, NO_PARTITIONS)


def _spec(
    group: ConsumerGroup,
    members: Mapping[str, ConsumerMember],
    former: Mapping[str, Partitions],
    topics: Topics,
) -> GroupSpec:
    specs = {
        member_id: MemberSpec(
            topics.ids(group.topics_of(member)), former[member_id], member.instance_id
        )
        for member_id, member in members.items()
    }
    counts: dict[TopicId, int] = {}
    for spec in specs.values():
        for topic_id in spec.topic_ids:
            counts[topic_id] = topics.by_id[topic_id].partition_count
    subscriptions = {(member.topic_names, member.regex or "") for member in members.values()}
    return GroupSpec(specs, counts, len(subscriptions) <= 1)
