"""The state of the cluster after all metadata records so far, as an immutable value.

`apply` makes a new image and says what changed; the old one stays as it was, and what no
record touched is shared between the two. Brokers act on images only, never on records.
Knows neither who wrote the records nor what a broker does about them.
Counterpart: org.apache.kafka.image.MetadataImage, MetadataDelta; KIP-500, KIP-631.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from minikafka.base.config import BROKER_KEYS, BrokerConfig, LogConfig
from minikafka.base.errors import BrokerBug
from minikafka.base.ids import BrokerId, Offset, ProducerId, TopicId, TopicPartition
from minikafka.metadata.builder import ImageBuilder
from minikafka.metadata.records import MetadataRecord
from minikafka.metadata.states import (
    BROKER_RESOURCE,
    GROUP_RESOURCE,
    TOPIC_RESOURCE,
    BrokerImage,
    MetadataDelta,
    PartitionImage,
    ResourceKey,
    TopicImage,
)

__all__ = [
    "BROKER_RESOURCE",
    "GROUP_RESOURCE",
    "TOPIC_RESOURCE",
    "BrokerImage",
    "MetadataDelta",
    "MetadataImage",
    "PartitionImage",
    "ResourceKey",
    "TopicImage",
]


@dataclass(slots=True, eq=False)
class _Cache:
    """Configs resolved so far; shared by images that have the same `configs`."""

    broker: BrokerConfig | None = None
    topic_default: LogConfig | None = None
    topics: dict[str, LogConfig] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MetadataImage:
    """The cluster below metadata offset `offset`, seen with the static config of one broker.

    `offset` is exclusive: the records of all smaller offsets are in. `epoch` is the quorum
    epoch of the last of them. `configs` holds dynamic configs only; `static_config` is that of
    the broker that holds this image and lets `topic_config` answer. Treat all maps as frozen.
    """

    static_config: BrokerConfig
    offset: Offset = 0
    epoch: int = 0
    brokers: Mapping[BrokerId, BrokerImage] = field(default_factory=dict)
    topics: Mapping[str, TopicImage] = field(default_factory=dict)
    topic_names: Mapping[TopicId, str] = field(default_factory=dict)
    configs: Mapping[ResourceKey, Mapping[str, str]] = field(default_factory=dict)
    next_producer_id: ProducerId = 0
    _cache: _Cache = field(default_factory=_Cache, repr=False, compare=False)

    @classmethod
    def empty(cls, static_config: BrokerConfig) -> MetadataImage:
        """Return the image before the first record."""
        return cls(static_config)

    def apply(
        self, records: Iterable[MetadataRecord], end_offset: Offset, epoch: int | None = None
    ) -> tuple[MetadataImage, MetadataDelta]:
        """Return the image with `records` on top, and what they changed.

        Args:
            records: in log order; all of offsets from `self.offset` to `end_offset`, control
                records of the quorum left out.
            end_offset: exclusive, at least `self.offset`.
            epoch: quorum epoch of the last batch; None keeps the old one.

        Raises:
            BrokerBug: a record does not fit the state, e.g. an unknown topic id or a partition
                epoch that is not the next one.
        """
        if end_offset < self.offset:
            raise BrokerBug(f"metadata goes back from {self.offset} to {end_offset}")
        builder = ImageBuilder(
            self.brokers, self.topics, self.topic_names, self.configs, self.next_producer_id
        )
        for record in records:
            builder.apply(record)
        delta = builder.finish()
        image = MetadataImage(
            static_config=self.static_config,
            offset=end_offset,
            epoch=self.epoch if epoch is None else epoch,
            brokers=builder.brokers,
            topics=builder.topics,
            topic_names=builder.topic_names,
            configs=builder.configs,
            next_producer_id=builder.next_producer_id,
            _cache=self._cache if builder.configs is self.configs else _Cache(),
        )
        return image, delta

    def everything(self) -> MetadataDelta:
        """Return the delta from nothing to this image."""
        return MetadataDelta(
            topics_created=tuple(self.topics),
            partitions_changed=tuple(
                TopicPartition(name, number)
                for name, topic in self.topics.items()
                for number in range(len(topic.partitions))
            ),
            brokers_changed=tuple(self.brokers),
            configs_changed=tuple(self.configs),
        )

    def partition(self, partition: TopicPartition) -> PartitionImage | None:
        """Return the partition, or None where topic or number is unknown."""
        topic = self.topics.get(partition.topic)
        if topic is None or not 0 <= partition.partition < len(topic.partitions):
            return None
        return topic.partitions[partition.partition]

    def topic_by_id(self, topic_id: TopicId) -> TopicImage | None:
        """Return the topic with this id, or None."""
        name = self.topic_names.get(topic_id)
        return None if name is None else self.topics[name]

    def alive_brokers(self) -> list[BrokerImage]:
        """Return the unfenced brokers by ascending id; what clients are shown."""
        return [broker for _, broker in sorted(self.brokers.items()) if not broker.fenced]

    def is_active(self, broker_id: BrokerId) -> bool:
        """True when the broker is registered, unfenced and not shutting down."""
        broker = self.brokers.get(broker_id)
        return broker is not None and broker.active

    def topic_overrides(self, name: str) -> Mapping[str, str]:
        """Return the configs that the topic sets itself, as text."""
        return self.configs.get((TOPIC_RESOURCE, name), {})

    def broker_overrides(self, broker_id: BrokerId) -> Mapping[str, str]:
        """Return the broker's dynamic configs: its own over the default of all (KIP-226)."""
        default = self.configs.get((BROKER_RESOURCE, ""), {})
        own = self.configs.get((BROKER_RESOURCE, str(broker_id)), {})
        return {**default, **own}

    def broker_config(self) -> BrokerConfig:
        """Return the static config with this broker's dynamic configs on top."""
        if self._cache.broker is None:
            # Kafka keeps dynamic names it does not know; they govern nothing.
            known = {
                name: value
                for name, value in self.broker_overrides(self.static_config.node_id).items()
                if name in BROKER_KEYS
            }
            self._cache.broker = self.static_config.with_overrides(known)
        return self._cache.broker

    def topic_config(self, name: str) -> LogConfig:
        """Return the topic's effective config; defaults for a topic that sets none."""
        overrides = self.configs.get((TOPIC_RESOURCE, name))
        if overrides is None:
            if self._cache.topic_default is None:
                self._cache.topic_default = LogConfig.resolve(self.broker_config())
            return self._cache.topic_default
        config = self._cache.topics.get(name)
        if config is None:
            config = LogConfig.resolve(self.broker_config(), overrides)
            self._cache.topics[name] = config
        return config
