"""The throttles of replication on one broker, as its dynamic configs say.

Rates are configs of brokers, the replicas throttled are configs of topics; both can change at
any time. Counterpart: TopicConfigHandler and BrokerConfigHandler, for QuotaFactory's leader and
follower. KIP-73.
"""

from __future__ import annotations

from minikafka.base.config import BrokerConfig
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.states import TOPIC_RESOURCE, MetadataDelta
from minikafka.replication.quota import ReplicationQuota, throttled_partitions

__all__ = ["FOLLOWER_RATE", "LEADER_RATE", "Throttles"]

LEADER_RATE = "leader.replication.throttled.rate"
FOLLOWER_RATE = "follower.replication.throttled.rate"
"""Dynamic configs of a broker, in bytes per second; no static config has these names."""


class Throttles:
    """What this broker sends and takes as a replica of throttled partitions."""

    def __init__(self, config: BrokerConfig) -> None:
        self._node_id = config.node_id
        count = config.value("replication.quota.window.num")
        seconds = config.value("replication.quota.window.size.seconds")
        assert isinstance(count, int)
        assert isinstance(seconds, int)
        self.leader = ReplicationQuota(count, seconds * 1000)
        self.follower = ReplicationQuota(count, seconds * 1000)

    def apply(self, image: MetadataImage, delta: MetadataDelta) -> None:
        """Take over configs that changed, and forget topics that are gone."""
        topics = [name for kind, name in delta.configs_changed if kind == TOPIC_RESOURCE]
        topics += [name for name, _ in delta.topics_removed]
        for name in dict.fromkeys(topics):
            config = image.topic_config(name)
            leading = config.leader_replication_throttled_replicas
            following = config.follower_replication_throttled_replicas
            self.leader.throttle(name, throttled_partitions(leading, self._node_id))
            self.follower.throttle(name, throttled_partitions(following, self._node_id))
        if len(topics) < len(delta.configs_changed):
            values = image.broker_overrides(self._node_id)
            self.leader.bound = _rate(values.get(LEADER_RATE))
            self.follower.bound = _rate(values.get(FOLLOWER_RATE))


def _rate(text: str | None) -> int | None:
    """Return a bound; what is no number bounds nothing."""
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
