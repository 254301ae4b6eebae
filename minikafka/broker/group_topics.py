"""What group coordinators see of topics, kept up with metadata.

A topic that has not changed for a group stays the same object, so that its hash is computed once.
Counterpart: GroupMetadataManager.onNewMetadataImage. KIP-848, KIP-1101.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from minikafka.base.ids import BrokerId
from minikafka.groups.topics import NO_TOPICS, Topic, Topics
from minikafka.metadata.image import MetadataDelta, MetadataImage, TopicImage

__all__ = ["GroupTopics"]


class GroupTopics:
    """The topics of one broker's metadata, for all its coordinators."""

    def __init__(self) -> None:
        self.topics: Topics = NO_TOPICS
        self._racks: Mapping[BrokerId, str] = {}

    def update(self, image: MetadataImage, delta: MetadataDelta) -> tuple[str, ...]:
        """Follow metadata; return the names of topics that came, went or changed."""
        by_name = dict(self.topics.by_name)
        changed: dict[str, None] = {}
        for name in self._touched(image, delta):
            former = by_name.pop(name, None)
            topic = image.topics.get(name)
            if topic is not None:
                by_name[name] = self._seen(topic, former)
            if by_name.get(name) is not former:
                changed[name] = None
        new_at = image.offset if delta.topics_created else self.topics.new_at
        if changed:
            self.topics = Topics.of(by_name.values(), image.offset, new_at)
        else:
            self.topics = Topics(by_name, self.topics.by_id, image.offset, new_at)
        return tuple(changed)

    def _touched(self, image: MetadataImage, delta: MetadataDelta) -> Iterable[str]:
        racks = {
            broker_id: broker.rack
            for broker_id, broker in image.brokers.items()
            if broker.rack is not None
        }
        if racks != self._racks:
            self._racks = racks
            return (*self.topics.by_name, *image.topics)
        changed = (partition.topic for partition in delta.partitions_changed)
        # A snapshot does not say which topics are gone.
        unlike = sorted(self.topics.by_name.keys() ^ image.topics.keys())
        return dict.fromkeys((*changed, *unlike))

    def _seen(self, topic: TopicImage, former: Topic | None) -> Topic:
        known = self._racks
        racks = tuple(
            tuple(known[replica] for replica in partition.replicas if replica in known)
            for partition in topic.partitions
        )
        if former is not None and former.topic_id == topic.topic_id and former.racks == racks:
            return former
        return Topic(topic.name, topic.topic_id, racks)
