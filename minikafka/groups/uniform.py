"""The assignor called `uniform`: everybody the same number, and as little moved as possible.

Where all members want the same topics it is settled here; else `uniform_mixed` does it.
DIVERGENCE(member-order): of members that cannot have the same number, the first have one more.
Counterpart: UniformAssignor, UniformHomogeneousAssignmentBuilder. KIP-848.
"""

from __future__ import annotations

from minikafka.base.ids import TopicId
from minikafka.groups.assignors import GroupSpec, is_assigned
from minikafka.groups.partitions import Partitions, partitions_of
from minikafka.groups.uniform_mixed import assign_mixed

__all__ = ["assign_uniformly"]


def assign_uniformly(spec: GroupSpec) -> dict[str, Partitions]:
    """Share all partitions; members differ by one at most where they want the same topics."""
    if not spec.members:
        return {}
    return _assign_same(spec) if spec.homogeneous else assign_mixed(spec)


def _assign_same(spec: GroupSpec) -> dict[str, Partitions]:
    topic_ids = next(iter(spec.members.values())).topic_ids
    if not topic_ids:
        return {}
    taken = is_assigned(spec)
    free = [
        (topic_id, number)
        for topic_id in topic_ids
        for number in range(spec.partition_counts[topic_id])
        if (topic_id, number) not in taken
    ]
    total = sum(spec.partition_counts[topic_id] for topic_id in topic_ids)
    quota, extra = divmod(total, len(spec.members))
    kept: dict[str, list[tuple[TopicId, int]]] = {}
    room: dict[str, int] = {}
    for member_id, member in spec.members.items():
        mine = quota + (1 if extra > 0 else 0)
        extra -= 1
        had = [
            (topic_id, number)
            for topic_id, numbers in member.assigned.items()
            if topic_id in topic_ids
            for number in numbers
        ]
        kept[member_id] = had[:mine]
        free += had[mine:]
        room[member_id] = mine - len(kept[member_id])
    handed = iter(free)
    for member_id, count in room.items():
        kept[member_id] += [pair for _, pair in zip(range(count), handed, strict=False)]
    return {
        member_id: partitions_of((topic_id, (number,)) for topic_id, number in pairs)
        for member_id, pairs in kept.items()
    }
