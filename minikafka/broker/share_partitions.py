"""The share-partitions of this broker: those of the partitions it leads that members read.

Counterpart: SharePartitionManager, SharePartitionCache. KIP-932.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from minikafka.base.config import ConfigError
from minikafka.base.config_groups import resolve_group_config
from minikafka.base.config_keys import ConfigValue
from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.live_share import LiveShare
from minikafka.broker.partition import Partition
from minikafka.broker.share_sessions import SessionKey, ShareSession, ShareSessions
from minikafka.metadata.image import GROUP_RESOURCE
from minikafka.shares.records import ShareKey
from minikafka.shares.share_partition import AcknowledgementBatch, ShareLimits

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["SharePartitions"]


class SharePartitions:
    """All share-partitions that are read here, loaded with the first fetch."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        config = broker.config
        self.sessions = ShareSessions(config.whole("group.share.max.share.sessions"))
        self._limits = ShareLimits(
            config.whole("group.share.delivery.count.limit"),
            config.whole("group.share.record.lock.duration.ms"),
            config.whole("group.share.partition.max.record.locks"),
        )
        self._live: dict[ShareKey, LiveShare] = {}
        self._ending: dict[ShareKey, LiveShare] = {}

    def record_lock_duration_ms(self, group_id: str) -> int:
        """Return how long a member of a group holds what it gets."""
        value = self.group_config(group_id)["share.record.lock.duration.ms"]
        assert isinstance(value, int)
        return value

    def group_config(self, group_id: str) -> Mapping[str, ConfigValue]:
        """Return the configs of a group: its own, or the broker's."""
        image = self._broker.image
        overrides = image.configs.get((GROUP_RESOURCE, group_id), {})
        try:
            return resolve_group_config(image.broker_config(), overrides)
        except ConfigError:
            # The controller's bounds are others than ours; then ours count.
            return resolve_group_config(image.broker_config(), {})

    def find(self, key: ShareKey) -> LiveShare | None:
        """Return a share-partition that is read here, or None."""
        return self._live.get(key)

    def open(self, key: ShareKey, topic: str) -> LiveShare:
        """Return a share-partition; where it is not there yet it begins to load.

        Raises:
            KafkaError: as `ReplicaManager.leading`.
        """
        partition = self._broker.replicas.leading(topic, key.partition)
        live = self._live.get(key)
        if live is None:
            former = self._ending.pop(key, None)
            live = LiveShare(self._broker, key, partition, self._limits, self._forget, former)
            self._live[key] = live
            self._broker.work.spawn(live.load())
        return live

    def _forget(self, live: LiveShare) -> None:
        if self._live.get(live.key) is live:
            del self._live[live.key]
        if live.is_writing:
            self._ending[live.key] = live
        elif self._ending.get(live.key) is live:
            del self._ending[live.key]

    # --- acknowledging ---------------------------------------------------------------------

    def acknowledge(
        self, key: ShareKey, member_id: str, batches: Iterable[AcknowledgementBatch]
    ) -> Deferred[None]:
        """Let a member say what is to become of what it holds; see `LiveShare.acknowledge`.

        Raises:
            KafkaError: UNKNOWN_TOPIC_OR_PARTITION for what is not read here.
        """
        live = self._live.get(key)
        if live is None:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, _NOT_HERE)
        return live.acknowledge(member_id, batches)

    # --- the end ---------------------------------------------------------------------------

    def end_session(self, key: SessionKey) -> None:
        """Forget a member's session, and take back what it holds."""
        session = self.sessions.remove(key)
        if session is not None:
            self._release(session)

    def on_disconnect(self, connection_id: int) -> None:
        """End the sessions of a connection that is gone; without members nothing is kept."""
        for session_key in self.sessions.disconnected(connection_id):
            self.end_session(session_key)
            group_id = session_key.group_id
            if not self.sessions.has_group(group_id):
                self._drop([key for key in self._live if key.group_id == group_id])

    def _release(self, session: ShareSession) -> None:
        group_id, member_id = session.key
        for topic_id, index in session.places:
            live = self._live.get(ShareKey(group_id, topic_id, index))
            if live is not None:
                # A write that fails leaves the locks, which end by themselves.
                live.release(member_id)

    # --- what the metadata says --------------------------------------------------------------

    def on_role(self, partition: Partition) -> None:
        """Drop the share-partitions of a partition that is led no longer, or anew."""
        leader = partition.leader
        self._drop(
            [
                key
                for key, live in self._live.items()
                if live.partition is partition
                and (leader is None or leader.leader_epoch != live.leader_epoch)
            ]
        )

    def _drop(self, keys: Iterable[ShareKey]) -> None:
        for key in keys:
            self._live[key].drop()


_NOT_HERE = "This server does not host this topic-partition."
