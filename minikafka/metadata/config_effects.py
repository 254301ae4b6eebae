"""What a change of configs means for partitions at once, and not only at their next change.

Pure functions on an image. With min.insync.replicas the eligible leader replicas go: where the
ISR is large enough now, nobody else may lead. With unclean.leader.election.enable a partition
without a leader gets one. The records belong into the batch of the change.
Counterpart: ReplicationControlManager.getPartitionElrUpdatesForConfigChanges; KIP-966.

DIVERGENCE(unclean-election-at-once): Kafka elects at the next turn of a timer of 5 minutes.
"""

from __future__ import annotations

from collections.abc import Sequence

from minikafka.metadata.image import MetadataImage, TopicImage
from minikafka.metadata.leadership import change_partition, min_isr
from minikafka.metadata.records import ConfigChanged, MetadataRecord, PartitionChanged

__all__ = ["config_effects"]

_NAMES = ("min.insync.replicas", "unclean.leader.election.enable")


def config_effects(
    image: MetadataImage, records: Sequence[MetadataRecord]
) -> list[PartitionChanged]:
    """Return the partition changes that follow from config changes about to be made.

    Args:
        image: the state before `records`.
        records: of one decision; others than `ConfigChanged` have no effects here.
    """
    if not any(isinstance(each, ConfigChanged) and each.name in _NAMES for each in records):
        return []
    after, _ = image.apply(records, image.offset + len(records))
    changes = []
    for name, topic in sorted(after.topics.items()):
        if name in image.topics and after.topic_config(name) != image.topic_config(name):
            changes += _topic_effects(after, name, topic)
    return changes


def _topic_effects(
    image: MetadataImage, name: str, topic: TopicImage
) -> list[PartitionChanged]:
    changes = []
    allowed = image.topic_config(name).unclean_leader_election_enable
    for number, partition in enumerate(topic.partitions):
        unclean = allowed and not partition.has_leader
        if not partition.elr and not unclean:
            continue
        record = change_partition(
            topic.topic_id,
            number,
            partition,
            partition.isr,
            image.is_active,
            min_isr=min_isr(image, name),
            unclean=unclean,
        )
        if record is not None:
            changes.append(record)
    return changes
