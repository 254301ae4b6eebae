"""What can be seen of a cluster in this process, without a request."""

from __future__ import annotations

from minikafka.base.clock import Clock
from minikafka.cluster.consumer_records import Isolation
from minikafka.cluster.observe import ClusterView
from minikafka.cluster.overview import Overview, overview
from minikafka.cluster.partition_state import PartitionState, Record

__all__ = ["VisibleCluster"]


class VisibleCluster:
    """A cluster that can be looked into; `AsyncCluster` is one."""

    # The cluster's own.
    _view: ClusterView
    _cluster_id: str
    _ids: tuple[int, ...]
    _clock: Clock | None

    def leader(self, topic: str, partition: int) -> int | None:
        """Return the broker id of the leader, None while there is none."""
        return self._view.leader(topic, partition)

    def controller(self) -> int | None:
        """Return the broker id of the controller, None while there is none."""
        return self._view.controller()

    def isr(self, topic: str, partition: int) -> frozenset[int]:
        """Return the in-sync replicas as last recorded by the controller."""
        return self._view.isr(topic, partition)

    def describe(self, topic: str, partition: int) -> PartitionState:
        """Return the state of a partition and of its replicas that are up."""
        return self._view.describe(topic, partition)

    def records(
        self,
        topic: str,
        partition: int | None = None,
        *,
        isolation: Isolation = "read_committed",
    ) -> list[Record]:
        """Return what a consumer would read from the beginning, by partition and offset.

        Raises:
            KafkaError: UNKNOWN_TOPIC_OR_PARTITION; LEADER_NOT_AVAILABLE.
        """
        return self._view.records(topic, partition, isolation=isolation)

    def log_bytes(self, broker_id: int, topic: str, partition: int) -> bytes:
        """Return every byte of one replica's log, to compare replicas with."""
        return self._view.log_bytes(broker_id, topic, partition)

    def overview(self) -> Overview:
        """Return the whole cluster as it is now: brokers, topics, partitions, replicas."""
        now_ms = 0 if self._clock is None else self._clock.wall_ms()
        return overview(self._view, self._cluster_id, self._ids, now_ms)

    def status(self) -> str:
        """Return the cluster's state in a few lines, for people."""
        return self._view.status()
