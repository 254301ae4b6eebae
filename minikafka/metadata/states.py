"""The parts of a metadata image, each an immutable value: broker, partition, topic, delta.

Counterpart: org.apache.kafka.metadata.BrokerRegistration, PartitionRegistration; KIP-631.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from minikafka.base.ids import NO_LEADER, BrokerId, LeaderEpoch, TopicId, TopicPartition

__all__ = [
    "BROKER_RESOURCE",
    "GROUP_RESOURCE",
    "TOPIC_RESOURCE",
    "BrokerImage",
    "MetadataDelta",
    "PartitionImage",
    "ResourceKey",
    "TopicImage",
]

# Kafka's numbers of config resource types.
TOPIC_RESOURCE = 2
BROKER_RESOURCE = 4
GROUP_RESOURCE = 32

ResourceKey = tuple[int, str]
"""Type and name of a config resource; broker name "" is the default of all brokers."""


@dataclass(frozen=True, slots=True)
class BrokerImage:
    """One registered broker, where clients and brokers reach it, and whether it counts."""

    broker_id: BrokerId
    broker_epoch: int
    incarnation_id: uuid.UUID
    host: str
    port: int
    rack: str | None
    fenced: bool
    in_controlled_shutdown: bool = False
    broker_host: str = ""
    broker_port: int = 0

    @property
    def active(self) -> bool:
        """True when the broker may lead partitions and join ISRs."""
        return not self.fenced and not self.in_controlled_shutdown


@dataclass(frozen=True, slots=True)
class PartitionImage:
    """One partition: who has it, who is in sync, who leads.

    `elr` may lead when the ISR is empty; `last_known_elr` is the last leader of a partition
    that has none (KIP-966). `adding` and `removing` are what a reassignment still has to do;
    `replicas` holds both.

    Invariant: leader is NO_LEADER or in isr; isr and elr are parts of replicas, and disjoint.
    """

    leader: BrokerId
    leader_epoch: LeaderEpoch
    partition_epoch: int
    replicas: tuple[BrokerId, ...]
    isr: tuple[BrokerId, ...]
    elr: tuple[BrokerId, ...] = ()
    recovering: bool = False
    last_known_elr: tuple[BrokerId, ...] = ()
    adding: tuple[BrokerId, ...] = ()
    removing: tuple[BrokerId, ...] = ()

    @property
    def preferred_leader(self) -> BrokerId:
        """First of the replicas."""
        return self.replicas[0]

    @property
    def has_leader(self) -> bool:
        """False when neither an in-sync nor an eligible replica is alive."""
        return self.leader != NO_LEADER


@dataclass(frozen=True, slots=True)
class TopicImage:
    """One topic; `partitions[n]` is partition n."""

    name: str
    topic_id: TopicId
    partitions: tuple[PartitionImage, ...]


@dataclass(frozen=True, slots=True)
class MetadataDelta:
    """What one `apply` changed, each item once, in the order of the first record on it.

    `partitions_changed` holds new partitions too, never those of a removed topic. A topic that
    was removed and created again under the same name stands in both lists.
    """

    topics_created: tuple[str, ...] = ()
    topics_removed: tuple[tuple[str, TopicId], ...] = ()
    partitions_changed: tuple[TopicPartition, ...] = ()
    brokers_changed: tuple[BrokerId, ...] = ()
    configs_changed: tuple[ResourceKey, ...] = ()

    @property
    def empty(self) -> bool:
        """True when nothing changed that a broker acts on."""
        return not (
            self.topics_created
            or self.topics_removed
            or self.partitions_changed
            or self.brokers_changed
            or self.configs_changed
        )
