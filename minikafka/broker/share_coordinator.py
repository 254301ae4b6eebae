"""The share coordinators of this broker: of the partitions of `__share_group_state` it leads.

Counterpart: ShareCoordinatorService. KIP-932.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikafka.base.ids import TopicId, TopicPartition
from minikafka.broker.coordinator_partition import Codec, CoordinatorPartition
from minikafka.broker.coordinators import Coordinators
from minikafka.broker.partition import Partition
from minikafka.metadata.image import MetadataDelta, MetadataImage
from minikafka.shares.records import decode_share_record, encode_share_record
from minikafka.shares.state_coordinator import ShareCoordinator

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["SHARE_STATE_TOPIC", "ShareCoordinators"]

SHARE_STATE_TOPIC = "__share_group_state"
_CODEC = Codec(encode_share_record, decode_share_record)


class ShareCoordinators(Coordinators[ShareCoordinator]):
    """All share coordinators of one broker, by partition; a key is the text of a `ShareKey`."""

    def __init__(self, broker: Broker) -> None:
        count = broker.config.whole("share.coordinator.state.topic.num.partitions")
        super().__init__(broker, SHARE_STATE_TOPIC, count)
        self._updates = broker.config.whole(
            "share.coordinator.snapshot.update.records.per.snapshot"
        )

    def _coordinate(
        self, partition: Partition, leader_epoch: int
    ) -> CoordinatorPartition[ShareCoordinator]:
        broker = self._broker
        return CoordinatorPartition(
            partition,
            ShareCoordinator(self._updates, self._exists),
            _CODEC,
            broker.replicas,
            commit_timeout_ms=broker.config.whole("share.coordinator.write.timeout.ms"),
        )

    def _exists(self, topic_id: TopicId, partition: int) -> bool:
        image = self._broker.image
        name = image.topic_names.get(topic_id)
        return name is not None and image.partition(TopicPartition(name, partition)) is not None

    def on_metadata(self, image: MetadataImage, delta: MetadataDelta) -> None:
        """Forget what was known of topics that are gone."""
        removed = [topic_id for _, topic_id in delta.topics_removed]
        for each in self.all():
            if removed and not each.loading:
                each.write(lambda coordinator, now: coordinator.topics_removed(removed))
