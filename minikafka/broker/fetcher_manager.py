"""Which fetcher follows which partition. Counterpart: kafka.server.ReplicaFetcherManager."""

from __future__ import annotations

from collections.abc import Callable

from minikafka.base.ids import BrokerId, TopicPartition
from minikafka.broker.partition import Partition
from minikafka.broker.replica_fetcher import ReplicaFetcher
from minikafka.replication.follower import PartitionFollower

__all__ = ["FetcherManager"]


class FetcherManager:
    """One fetcher per leader broker, made when it is needed first.

    Args:
        make: returns a fetcher for a leader.
    """

    def __init__(self, make: Callable[[BrokerId], ReplicaFetcher]) -> None:
        self._make = make
        self._fetchers: dict[BrokerId, ReplicaFetcher] = {}
        self._following: dict[TopicPartition, PartitionFollower] = {}

    def on_role(self, partition: Partition) -> None:
        """Follow, follow someone else, or stop, as the partition's role now says."""
        name = partition.topic_partition
        before, now = self._following.get(name), partition.follower
        if before is now:
            return
        if before is not None and (now is None or now.leader_id != before.leader_id):
            self._fetchers[before.leader_id].remove(name)
        if now is None:
            del self._following[name]
            return
        self._following[name] = now
        fetcher = self._fetchers.get(now.leader_id)
        if fetcher is None:
            fetcher = self._fetchers[now.leader_id] = self._make(now.leader_id)
        fetcher.add(partition)

    def close(self) -> None:
        """Stop all."""
        for fetcher in self._fetchers.values():
            fetcher.close()
        self._fetchers.clear()
        self._following.clear()
