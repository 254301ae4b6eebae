"""An image as the records that come to it, and what tells two images apart.

So a snapshot is read like a log: from nothing, record by record. Counterparts: ImageWriter and
the write methods of org.apache.kafka.image.*, MetadataDelta.finishSnapshot. KIP-630.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from minikafka.base.ids import TopicPartition
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.records import (
    BrokerRegistered,
    BrokerShuttingDown,
    ConfigChanged,
    MetadataRecord,
    PartitionCreated,
    ProducerIdsAllocated,
    TopicCreated,
)
from minikafka.metadata.states import BrokerImage, MetadataDelta, TopicImage

__all__ = ["difference", "image_records"]

K = TypeVar("K")
V = TypeVar("V")


def image_records(image: MetadataImage) -> list[MetadataRecord]:
    """Return records which, applied to the empty image, make `image` but for its offset."""
    records: list[MetadataRecord] = []
    for broker in image.brokers.values():
        records += _of_broker(broker)
    for topic in image.topics.values():
        records += _of_topic(topic)
    for (resource_type, resource_name), values in image.configs.items():
        records += [
            ConfigChanged(resource_type, resource_name, name, value)
            for name, value in values.items()
        ]
    if image.next_producer_id:
        records.append(ProducerIdsAllocated(-1, -1, image.next_producer_id))
    return records


def _of_broker(broker: BrokerImage) -> list[MetadataRecord]:
    records: list[MetadataRecord] = [
        BrokerRegistered(
            broker.broker_id,
            broker.broker_epoch,
            broker.incarnation_id,
            broker.host,
            broker.port,
            broker.rack,
            broker.fenced,
            broker.broker_host,
            broker.broker_port,
        )
    ]
    if broker.in_controlled_shutdown:
        records.append(BrokerShuttingDown(broker.broker_id, broker.broker_epoch))
    return records


def _of_topic(topic: TopicImage) -> list[MetadataRecord]:
    partitions = [
        PartitionCreated(
            topic.topic_id,
            number,
            partition.replicas,
            partition.isr,
            partition.leader,
            partition.leader_epoch,
            partition.partition_epoch,
            partition.elr,
            partition.recovering,
            partition.last_known_elr,
            partition.adding,
            partition.removing,
        )
        for number, partition in enumerate(topic.partitions)
    ]
    return [TopicCreated(topic.name, topic.topic_id), *partitions]


def difference(old: MetadataImage, new: MetadataImage) -> MetadataDelta:
    """Return what is different in `new`, as if records had come one by one.

    A topic that was deleted and made anew meanwhile stands in both lists, as in any delta.
    """
    removed: list[TopicImage] = []
    created: list[str] = []
    changed: list[TopicPartition] = []
    for name, topic in old.topics.items():
        other = new.topics.get(name)
        if other is None or other.topic_id != topic.topic_id:
            removed.append(topic)
    for name, topic in new.topics.items():
        former = old.topics.get(name)
        if former is topic:
            continue
        if former is None or former.topic_id != topic.topic_id:
            created.append(name)
            former = None
        before = () if former is None else former.partitions
        changed += [
            TopicPartition(name, number)
            for number, partition in enumerate(topic.partitions)
            if number >= len(before) or before[number] != partition
        ]
    return MetadataDelta(
        topics_created=tuple(created),
        topics_removed=tuple((topic.name, topic.topic_id) for topic in removed),
        partitions_changed=tuple(changed),
        brokers_changed=tuple(_changed(old.brokers, new.brokers)),
        configs_changed=tuple(_changed(old.configs, new.configs)),
    )


def _changed(old: Mapping[K, V], new: Mapping[K, V]) -> list[K]:
    gone = [key for key in old if key not in new]
    return [key for key, value in new.items() if old.get(key) != value] + gone
