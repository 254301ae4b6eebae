"""Where the leader is, told along with NOT_LEADER_OR_FOLLOWER (KIP-951)."""

from __future__ import annotations

from collections.abc import Sequence

from minikafka.base.ids import NO_LEADER, BrokerId, LeaderEpoch, TopicPartition
from minikafka.metadata.image import MetadataImage
from minikafka.wire.endpoints import NodeEndpoint

__all__ = ["current_leader", "endpoints"]


def current_leader(
    image: MetadataImage, topic_partition: TopicPartition
) -> tuple[BrokerId, LeaderEpoch] | None:
    """Return the leader and its epoch as far as this broker knows, or None."""
    state = image.partition(topic_partition)
    return None if state is None else (state.leader, state.leader_epoch)


def endpoints(
    image: MetadataImage, known: Sequence[NodeEndpoint], leader: BrokerId
) -> Sequence[NodeEndpoint]:
    """Return `known` and the leader's address, once."""
    broker = image.brokers.get(leader)
    if leader == NO_LEADER or broker is None or any(e.node_id == leader for e in known):
        return known
    return [*known, NodeEndpoint(leader, broker.host, broker.port, broker.rack)]
