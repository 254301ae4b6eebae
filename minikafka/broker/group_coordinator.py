"""The groups that this broker coordinates: those of the partitions of `__consumer_offsets` it leads.

Knows which broker coordinates which group; what a group is, the room `groups` knows.
Counterpart: GroupCoordinatorService. KIP-848.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from minikafka.base.config import ConfigError
from minikafka.broker.coordinators import Coordinators
from minikafka.broker.group_partition import GroupPartition
from minikafka.broker.group_topics import GroupTopics
from minikafka.broker.partition import Partition
from minikafka.groups.consumer_checks import check_heartbeat
from minikafka.groups.consumer_commands import ConsumerHeartbeat
from minikafka.groups.consumer_limits import GroupTimes
from minikafka.groups.coordinator import GroupCoordinator
from minikafka.groups.table import GroupLimits
from minikafka.metadata.image import GROUP_RESOURCE, MetadataDelta, MetadataImage

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["OFFSETS_TOPIC", "GroupCoordinators"]

OFFSETS_TOPIC = "__consumer_offsets"


class GroupCoordinators(Coordinators[GroupCoordinator]):
    """All coordinators of groups of one broker, by partition."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker, OFFSETS_TOPIC, broker.config.offsets_topic_num_partitions)
        self._limits = GroupLimits.of(broker.config)
        self._topics = GroupTopics()
        self._times: Mapping[str, GroupTimes] = {}
        self._configs: object = None

    def _coordinate(self, partition: Partition, leader_epoch: int) -> GroupPartition:
        broker, index = self._broker, partition.topic_partition.partition
        seeds = broker.seeds.child(f"groups:{index}:{leader_epoch}")
        coordinator = GroupCoordinator(self._limits, seeds)
        coordinator.on_topics(self._topics.topics, ())
        coordinator.on_times(self._times)
        return GroupPartition(
            partition,
            coordinator,
            broker.replicas,
            commit_timeout_ms=broker.config.offsets_commit_timeout_ms,
            observer=broker.observer,
        )

    def of(self, key: str) -> GroupPartition:
        """Return who coordinates the group here; raises KafkaError NOT_COORDINATOR."""
        found = super().of(key)
        assert isinstance(found, GroupPartition)
        return found

    def check_heartbeat(self, command: ConsumerHeartbeat) -> None:
        """Refuse what no coordinator would take, before one is looked for."""
        check_heartbeat(command, self._limits.consumer.assignors)

    def on_metadata(self, image: MetadataImage, delta: MetadataDelta) -> None:
        """Show groups the topics as they are now; what they committed for others is deleted."""
        changed = self._topics.update(image, delta)
        if image.configs is not self._configs:
            self._configs = image.configs
            self._follow_configs(image)
        removed = [name for name, _ in delta.topics_removed]
        topic_ids = [topic_id for _, topic_id in delta.topics_removed]
        for each in self.all():
            each.coordinator.on_topics(self._topics.topics, changed)
            if removed and not each.loading:
                each.write(
                    lambda coordinator, now: coordinator.topics_removed(removed, topic_ids)
                )

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
            each.coordinator.on_times(self._times)
