"""Who leads what, as a trial's own member was told last."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from random import Random

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.cluster.connection import ConnectionLost
from minikafka.cluster.remote import RemoteCluster, RemoteTopic, check
from minikafka.trials.coordinator_link import Backoff

__all__ = ["TopicLeaders"]


class TopicLeaders:
    """The leaders of some topics' partitions, and the ids of the topics."""

    def __init__(self, cluster: RemoteCluster, names: Iterable[str]) -> None:
        self._cluster = cluster
        self._names = tuple(names)
        self._topics: dict[str, RemoteTopic] = {}
        self._ids: dict[str, uuid.UUID] = {}

    @property
    def known(self) -> bool:
        """Say whether leaders are known; not whether they still lead."""
        return bool(self._topics)

    def forget(self) -> None:
        """Look for leaders anew before they are asked for anything."""
        self._topics = {}

    async def refresh(self) -> None:
        """Learn who leads; raises ConnectionLost, and KafkaError for a topic that is not there."""
        found = await self._cluster.topics(self._names)
        for topic in found.values():
            check(topic.error)
            assert topic.topic_id is not None
            self._ids[topic.name] = uuid.UUID(topic.topic_id)
        self._topics = found

    async def learn(self, draws: Random) -> None:
        """Return once all topics are known: from then on their names and ids are."""
        backoff = Backoff(draws)
        while not self.known:
            try:
                await self.refresh()
            except (ConnectionLost, KafkaError):
                await backoff.wait()

    def topic_id(self, name: str) -> uuid.UUID:
        """Return the id of a topic that is known."""
        return self._ids[name]

    def name(self, topic_id: uuid.UUID) -> str:
        """Return the name of a topic that is known."""
        return next(name for name, known in self._ids.items() if known == topic_id)

    def leader(self, place: TopicPartition) -> int:
        """Return who leads a partition; raises KafkaError LEADER_NOT_AVAILABLE."""
        topic = self._topics.get(place.topic)
        for partition in () if topic is None else topic.partitions:
            if partition.number == place.partition and partition.leader >= 0:
                return partition.leader
        raise KafkaError(ErrorCode.LEADER_NOT_AVAILABLE)
