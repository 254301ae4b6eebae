"""How each kind of metadata record turns one image into the next.

The maps of the old image are copied once per call and only where a record touches them, and
the partitions of a touched topic once, so that n records cost O(n) and not n times the cluster.
Counterpart: the replay methods of org.apache.kafka.image.*Delta.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from minikafka.base.errors import BrokerBug
from minikafka.base.ids import BrokerId, ProducerId, TopicId, TopicPartition
from minikafka.metadata.records import (
    BrokerFenced,
    BrokerRegistered,
    BrokerShuttingDown,
    BrokerUnfenced,
    BrokerUnregistered,
    ConfigChanged,
    MetadataRecord,
    PartitionChanged,
    PartitionCreated,
    ProducerIdsAllocated,
    TopicCreated,
    TopicRemoved,
)
from minikafka.metadata.states import (
    TOPIC_RESOURCE,
    BrokerImage,
    MetadataDelta,
    PartitionImage,
    ResourceKey,
    TopicImage,
)

__all__ = ["ImageBuilder"]


@dataclass(slots=True)
class _Topic:
    """A topic under change."""

    name: str
    topic_id: TopicId
    partitions: list[PartitionImage]


class ImageBuilder:
    """Takes the records of one `apply`; then its maps are those of the new image. Used once.

    The maps given in are never written to: a map is replaced by a copy when a record touches
    it, so one that is still the same object after `finish` did not change.
    """

    def __init__(
        self,
        brokers: Mapping[BrokerId, BrokerImage],
        topics: Mapping[str, TopicImage],
        topic_names: Mapping[TopicId, str],
        configs: Mapping[ResourceKey, Mapping[str, str]],
        next_producer_id: ProducerId,
    ) -> None:
        self.brokers = brokers
        self.topics = topics
        self.topic_names = topic_names
        self.configs = configs
        self.next_producer_id = next_producer_id
        self._new_brokers: dict[BrokerId, BrokerImage] | None = None
        self._new_topics: dict[str, TopicImage] | None = None
        self._new_names: dict[TopicId, str] | None = None
        self._new_configs: dict[ResourceKey, Mapping[str, str]] | None = None
        self._touched: dict[TopicId, _Topic] = {}
        # Used as ordered sets.
        self._created: dict[str, None] = {}
        self._removed: dict[tuple[str, TopicId], None] = {}
        self._partitions_changed: dict[TopicPartition, None] = {}
        self._brokers_changed: dict[BrokerId, None] = {}
        self._configs_changed: dict[ResourceKey, None] = {}

    def apply(self, record: MetadataRecord) -> None:
        """Take one record; raises BrokerBug when it does not fit."""
        _APPLY[type(record)](self, record)

    def finish(self) -> MetadataDelta:
        """Put the touched topics in their map, and return what changed."""
        if self._touched:
            topics = self._topic_map()
            for topic in self._touched.values():
                topics[topic.name] = TopicImage(
                    topic.name, topic.topic_id, tuple(topic.partitions)
                )
        return MetadataDelta(
            topics_created=tuple(self._created),
            topics_removed=tuple(self._removed),
            partitions_changed=tuple(self._partitions_changed),
            brokers_changed=tuple(self._brokers_changed),
            configs_changed=tuple(self._configs_changed),
        )

    # brokers

    def _broker_map(self) -> dict[BrokerId, BrokerImage]:
        if self._new_brokers is None:
            self._new_brokers = self.brokers = dict(self.brokers)
        return self._new_brokers

    def _on_registered(self, record: BrokerRegistered) -> None:
        self._broker_map()[record.broker_id] = BrokerImage(
            record.broker_id,
            record.broker_epoch,
            record.incarnation_id,
            record.host,
            record.port,
            record.rack,
            record.fenced,
            broker_host=record.broker_host,
            broker_port=record.broker_port,
        )
        self._brokers_changed[record.broker_id] = None

    def _broker(self, broker_id: BrokerId, broker_epoch: int) -> BrokerImage:
        broker = self._broker_map().get(broker_id)
        if broker is None or broker.broker_epoch != broker_epoch:
            raise BrokerBug(f"no broker {broker_id} with epoch {broker_epoch}")
        self._brokers_changed[broker_id] = None
        return broker

    def _on_fenced(self, record: BrokerFenced) -> None:
        broker = self._broker(record.broker_id, record.broker_epoch)
        self._broker_map()[record.broker_id] = replace(broker, fenced=True)

    def _on_unfenced(self, record: BrokerUnfenced) -> None:
        broker = self._broker(record.broker_id, record.broker_epoch)
        self._broker_map()[record.broker_id] = replace(
            broker, fenced=False, in_controlled_shutdown=False
        )

    def _on_shutting_down(self, record: BrokerShuttingDown) -> None:
        broker = self._broker(record.broker_id, record.broker_epoch)
        self._broker_map()[record.broker_id] = replace(broker, in_controlled_shutdown=True)

    def _on_unregistered(self, record: BrokerUnregistered) -> None:
        self._broker(record.broker_id, record.broker_epoch)
        del self._broker_map()[record.broker_id]

    # topics and partitions

    def _topic_map(self) -> dict[str, TopicImage]:
        if self._new_topics is None:
            self._new_topics = self.topics = dict(self.topics)
        return self._new_topics

    def _name_map(self) -> dict[TopicId, str]:
        if self._new_names is None:
            self._new_names = self.topic_names = dict(self.topic_names)
        return self._new_names

    def _topic(self, topic_id: TopicId) -> _Topic:
        topic = self._touched.get(topic_id)
        if topic is None:
            name = self.topic_names.get(topic_id)
            if name is None:
                raise BrokerBug(f"no topic with id {topic_id}")
            topic = _Topic(name, topic_id, list(self._topic_map()[name].partitions))
            self._touched[topic_id] = topic
        return topic

    def _on_topic_created(self, record: TopicCreated) -> None:
        topics, names = self._topic_map(), self._name_map()
        if record.topic in topics or record.topic_id in names:
            raise BrokerBug(f"topic {record.topic} ({record.topic_id}) exists already")
        # Holds the name; the partitions come in build().
        topics[record.topic] = TopicImage(record.topic, record.topic_id, ())
        names[record.topic_id] = record.topic
        self._touched[record.topic_id] = _Topic(record.topic, record.topic_id, [])
        self._created[record.topic] = None

    def _on_topic_removed(self, record: TopicRemoved) -> None:
        topic = self._topic(record.topic_id)
        del self._touched[record.topic_id]
        del self._topic_map()[topic.name]
        del self._name_map()[record.topic_id]
        if (TOPIC_RESOURCE, topic.name) in self.configs:
            del self._config_map()[TOPIC_RESOURCE, topic.name]
        for number in range(len(topic.partitions)):
            self._partitions_changed.pop(TopicPartition(topic.name, number), None)
        if topic.name in self._created:
            del self._created[topic.name]
        else:
            self._removed[topic.name, topic.topic_id] = None

    def _on_partition_created(self, record: PartitionCreated) -> None:
        topic = self._topic(record.topic_id)
        if record.partition != len(topic.partitions):
            raise BrokerBug(f"{topic.name} has no partition before {record.partition}")
        topic.partitions.append(
            PartitionImage(
                record.leader,
                record.leader_epoch,
                record.partition_epoch,
                record.replicas,
                record.isr,
                record.elr,
                record.recovering,
                record.last_known_elr,
                record.adding,
                record.removing,
            )
        )
        self._partitions_changed[TopicPartition(topic.name, record.partition)] = None

    def _on_partition_changed(self, record: PartitionChanged) -> None:
        topic = self._topic(record.topic_id)
        if not 0 <= record.partition < len(topic.partitions):
            raise BrokerBug(f"no partition {topic.name}-{record.partition}")
        old = topic.partitions[record.partition]
        begins_epoch = record.leader != old.leader or (
            record.replicas != ()
            and any(replica not in record.replicas for replica in old.replicas)
        )
        if record.partition_epoch != old.partition_epoch + 1 or (
            record.leader_epoch != old.leader_epoch + begins_epoch
        ):
            raise BrokerBug(f"{topic.name}-{record.partition}: {record} does not follow {old}")
        topic.partitions[record.partition] = PartitionImage(
            record.leader,
            record.leader_epoch,
            record.partition_epoch,
            record.replicas or old.replicas,
            record.isr,
            record.elr,
            record.recovering,
            record.last_known_elr,
            record.adding,
            record.removing,
        )
        self._partitions_changed[TopicPartition(topic.name, record.partition)] = None

    # configs and producer ids

    def _config_map(self) -> dict[ResourceKey, Mapping[str, str]]:
        if self._new_configs is None:
            self._new_configs = self.configs = dict(self.configs)
        return self._new_configs

    def _on_config_changed(self, record: ConfigChanged) -> None:
        key = (record.resource_type, record.resource_name)
        configs = self._config_map()
        values = dict(configs.get(key, {}))
        if record.value is None:
            values.pop(record.name, None)
        else:
            values[record.name] = record.value
        if values:
            configs[key] = values
        else:
            configs.pop(key, None)
        self._configs_changed[key] = None

    def _on_producer_ids(self, record: ProducerIdsAllocated) -> None:
        if record.next_producer_id <= self.next_producer_id:
            raise BrokerBug(f"producer ids below {self.next_producer_id} given twice")
        self.next_producer_id = record.next_producer_id


_APPLY: dict[type, Callable[[ImageBuilder, Any], None]] = {
    BrokerRegistered: ImageBuilder._on_registered,
    BrokerFenced: ImageBuilder._on_fenced,
    BrokerUnfenced: ImageBuilder._on_unfenced,
    BrokerShuttingDown: ImageBuilder._on_shutting_down,
    BrokerUnregistered: ImageBuilder._on_unregistered,
    TopicCreated: ImageBuilder._on_topic_created,
    TopicRemoved: ImageBuilder._on_topic_removed,
    PartitionCreated: ImageBuilder._on_partition_created,
    PartitionChanged: ImageBuilder._on_partition_changed,
    ConfigChanged: ImageBuilder._on_config_changed,
    ProducerIdsAllocated: ImageBuilder._on_producer_ids,
}
