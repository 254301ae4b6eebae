"""Uniform assignment for members that want different topics: balance first, then stickiness.

Members keep what they still want; what is free goes to whoever has least; then, topic by topic,
who has most gives to who has least, until that changes nothing.
Counterpart: UniformHeterogeneousAssignmentBuilder. KIP-848.
"""

from __future__ import annotations

from minikafka.base.ids import TopicId
from minikafka.groups.assignors import GroupSpec
from minikafka.groups.partitions import Partitions, partitions_of

__all__ = ["assign_mixed"]

_ROUNDS_MAX = 16
"""Bound of the balancing: where subscriptions overlap, each round about halves what is left."""


def assign_mixed(spec: GroupSpec) -> dict[str, Partitions]:
    """Share all partitions among those that want them, about evenly."""
    sharing = _Sharing(spec)
    sharing.keep()
    sharing.hand_out()
    sharing.balance()
    return sharing.result()


class _Sharing:
    """Who has what at the moment; members by their number, in the order of the group."""

    def __init__(self, spec: GroupSpec) -> None:
        self._spec = spec
        self._members = list(spec.members)
        self._sizes = [0] * len(self._members)
        self._subscribers: dict[TopicId, list[int]] = {}
        for number, member in enumerate(spec.members.values()):
            for topic_id in member.topic_ids:
                self._subscribers.setdefault(topic_id, []).append(number)
        self._owners: dict[TopicId, list[int | None]] = {
            topic_id: [None] * spec.partition_counts[topic_id] for topic_id in self._subscribers
        }
        # The topic with most partitions for each of its subscribers comes first.
        self._topics = sorted(self._subscribers, key=self._rank)

    def _rank(self, topic_id: TopicId) -> tuple[float, int, TopicId]:
        count = len(self._subscribers[topic_id])
        return -self._spec.partition_counts[topic_id] / count, count, topic_id

    def keep(self) -> None:
        """Let everybody keep what it still wants."""
        for member, spec in enumerate(self._spec.members.values()):
            for topic_id, partitions in spec.assigned.items():
                if topic_id in spec.topic_ids:
                    for partition in partitions:
                        self._give(topic_id, partition, member)

    def _give(self, topic_id: TopicId, partition: int, member: int) -> None:
        former = self._owners[topic_id][partition]
        if former is not None:
            self._sizes[former] -= 1
        self._owners[topic_id][partition] = member
        self._sizes[member] += 1

    def _least(self, topic_id: TopicId) -> int:
        return min(
            self._subscribers[topic_id], key=lambda member: (self._sizes[member], member)
        )

    def hand_out(self) -> None:
        """Give what is free to whoever has least."""
        for topic_id in self._topics:
            for partition, owner in enumerate(self._owners[topic_id]):
                if owner is None:
                    self._give(topic_id, partition, self._least(topic_id))

    def balance(self) -> None:
        """Move partitions while that makes things more even."""
        topics = [topic_id for topic_id in self._topics if len(self._subscribers[topic_id]) > 1]
        for _ in range(_ROUNDS_MAX):
            if not sum(self._balance(topic_id) for topic_id in topics):
                return

    def _balance(self, topic_id: TopicId) -> int:
        """Even a topic's subscribers out with its own partitions; return how many moved."""
        owned: dict[int, list[int]] = {}
        for partition, owner in enumerate(self._owners[topic_id]):
            assert owner is not None
            owned.setdefault(owner, []).append(partition)
        moved = 0
        while True:
            givers = [member for member, partitions in owned.items() if partitions]
            most = max(givers, key=lambda member: (self._sizes[member], member), default=None)
            least = self._least(topic_id)
            if most is None or self._sizes[most] - self._sizes[least] <= 1:
                return moved
            partition = owned[most].pop()
            self._give(topic_id, partition, least)
            moved += 1

    def result(self) -> dict[str, Partitions]:
        """Return who is to have what."""
        pairs: list[list[tuple[TopicId, tuple[int]]]] = [[] for _ in self._members]
        for topic_id, owners in self._owners.items():
            for partition, owner in enumerate(owners):
                assert owner is not None
                pairs[owner].append((topic_id, (partition,)))
        return {
            member_id: partitions_of(mine)
            for member_id, mine in zip(self._members, pairs, strict=True)
        }
