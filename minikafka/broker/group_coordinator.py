"""The groups that this broker coordinates: those of the partitions of `__consumer_offsets` it leads.

Follows leadership: a partition is loaded when this broker becomes its leader and unloaded when it
is no longer. Knows which broker coordinates which group; what a group is, the room `groups` knows.
Counterpart: GroupCoordinatorService. KIP-848.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from minikafka.base.config import ConfigError
from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_LEADER, BrokerId, TopicPartition
from minikafka.broker.group_partition import GroupPartition
from minikafka.broker.group_topics import GroupTopics
from minikafka.broker.partition import Partition
from minikafka.groups.commands import Decision, Moment
from minikafka.groups.consumer_checks import check_heartbeat
from minikafka.groups.consumer_commands import ConsumerHeartbeat
from minikafka.groups.consumer_limits import GroupTimes
from minikafka.groups.coordinator import GroupCoordinator
from minikafka.groups.table import GroupLimits
from minikafka.metadata.image import GROUP_RESOURCE, MetadataDelta, MetadataImage

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["OFFSETS_TOPIC", "GroupCoordinators", "java_hash"]

T = TypeVar("T")

OFFSETS_TOPIC = "__consumer_offsets"


class GroupCoordinators:
    """All coordinators of one broker, by partition."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._limits = GroupLimits.of(broker.config)
        self._partitions: dict[int, GroupPartition] = {}
        self._topics = GroupTopics()
        self._times: Mapping[str, GroupTimes] = {}
        self._configs: object = None

    # --- who coordinates what ----------------------------------------------------------------

    def partition_for(self, group_id: str) -> int:
        """Return the partition that holds a group, wherever it is led."""
        topic = self._broker.image.topics.get(OFFSETS_TOPIC)
        count = (
            self._broker.config.offsets_topic_num_partitions
            if topic is None
            else len(topic.partitions)
        )
        code = java_hash(group_id)
        # Java has no positive counterpart of its smallest number; Kafka takes 0.
        return 0 if code == -(1 << 31) else abs(code) % count

    def coordinator_of(self, group_id: str) -> BrokerId | None:
        """Return the broker that coordinates a group; None while there is none."""
        image = self._broker.image
        state = image.partition(TopicPartition(OFFSETS_TOPIC, self.partition_for(group_id)))
        if state is None or state.leader == NO_LEADER:
            return None
        return state.leader

    def of(self, group_id: str) -> GroupPartition:
        """Return who coordinates the group here; raises KafkaError NOT_COORDINATOR."""
        found = self._partitions.get(self.partition_for(group_id))
        if found is None:
            raise KafkaError(ErrorCode.NOT_COORDINATOR)
        return found

    def all(self) -> Sequence[GroupPartition]:
        """Return every coordinator here, by partition."""
        return [each for _, each in sorted(self._partitions.items())]

    def write(
        self, group_id: str, decide: Callable[[GroupCoordinator, Moment], Decision[T]]
    ) -> Deferred[T]:
        """Let the group's coordinator decide; see `GroupPartition.write`."""
        return self.of(group_id).write(decide)

    def check_heartbeat(self, command: ConsumerHeartbeat) -> None:
        """Refuse what no coordinator would take, before one is looked for."""
        check_heartbeat(command, self._limits.consumer.assignors)

    # --- what the metadata says --------------------------------------------------------------

    def on_role(self, partition: Partition) -> None:
        """Follow a partition's role: coordinate what this broker leads, and nothing else."""
        topic, index = partition.topic_partition
        if topic != OFFSETS_TOPIC:
            return
        leader = partition.leader
        present = self._partitions.get(index)
        if present is not None and (leader is None or leader.tenure is not present.tenure):
            del self._partitions[index]
            present.close()
            present = None
        if leader is not None and present is None:
            broker = self._broker
            seeds = broker.seeds.child(f"groups:{index}:{leader.leader_epoch}")
            coordinator = GroupCoordinator(self._limits, seeds)
            coordinator.on_topics(self._topics.topics, ())
            coordinator.on_times(self._times)
            self._partitions[index] = GroupPartition(
                partition,
                coordinator,
                broker.replicas,
                commit_timeout_ms=broker.config.offsets_commit_timeout_ms,
                observer=broker.observer,
            )

    def on_metadata(self, image: MetadataImage, delta: MetadataDelta) -> None:
        """Show groups the topics as they are now; what they committed for others is deleted."""
        changed = self._topics.update(image, delta)
        if image.configs is not self._configs:
            self._configs = image.configs
            self._follow_configs(image)
        removed = [name for name, _ in delta.topics_removed]
        for each in self.all():
            each.on_topics(self._topics.topics, changed)
            if removed and not each.loading:
                each.write(lambda coordinator, now: coordinator.topics_removed(removed))

    def _follow_configs(self, image: MetadataImage) -> None:
        times = {}
        for (kind, name), overrides in image.configs.items():
            if kind != GROUP_RESOURCE:
                continue
            try:
                times[name] = GroupTimes.of(image.broker_config(), overrides)
            except ConfigError:
                # The controller's bounds are others than ours; then ours count.
                continue
        self._times = times
        for each in self.all():
            each.on_times(self._times)


def java_hash(text: str) -> int:
    """Return what Java's String.hashCode gives, by which Kafka spreads groups.

    >>> java_hash("group")
    98629247
    >>> java_hash("my-consumer-group")
    1513705513
    """
    value = 0
    data = text.encode("utf-16-be", "surrogatepass")
    for position in range(0, len(data), 2):
        value = (value * 31 + (data[position] << 8) + data[position + 1]) & 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value
