"""The coordinators of one broker: one for each partition of an internal topic that it leads.

Follows leadership: a partition is loaded when this broker becomes its leader and unloaded when it
is no longer. What is coordinated, the subclasses know.
Counterpart: CoordinatorRuntime, and the services above it. KIP-848, KIP-932.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_LEADER, BrokerId, TopicPartition
from minikafka.base.java_hash import java_hash
from minikafka.broker.coordinator_partition import Coordinator, CoordinatorPartition
from minikafka.broker.partition import Partition
from minikafka.groups.commands import Decision, Moment

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["Coordinators"]

C = TypeVar("C", bound=Coordinator)
T = TypeVar("T")


class Coordinators(Generic[C]):
    """All coordinators of one topic on this broker, by partition.

    Args:
        topic: whose partitions they keep.
        new_partition_count: how many partitions it will have, while it is not there.
    """

    def __init__(self, broker: Broker, topic: str, new_partition_count: int) -> None:
        self.topic = topic
        self._broker = broker
        self._new_partition_count = new_partition_count
        self._partitions: dict[int, CoordinatorPartition[C]] = {}

    def _coordinate(self, partition: Partition, leader_epoch: int) -> CoordinatorPartition[C]:
        """Return a new coordinator for a partition that this broker leads."""
        raise NotImplementedError

    # --- who coordinates what ----------------------------------------------------------------

    def partition_for(self, key: str) -> int:
        """Return the partition that holds a key, wherever it is led."""
        topic = self._broker.image.topics.get(self.topic)
        count = self._new_partition_count if topic is None else len(topic.partitions)
        code = java_hash(key)
        # Java has no positive counterpart of its smallest number; Kafka takes 0.
        return 0 if code == -(1 << 31) else abs(code) % count

    def coordinator_of(self, key: str) -> BrokerId | None:
        """Return the broker that coordinates a key; None while there is none."""
        image = self._broker.image
        state = image.partition(TopicPartition(self.topic, self.partition_for(key)))
        if state is None or state.leader == NO_LEADER:
            return None
        return state.leader

    def of(self, key: str) -> CoordinatorPartition[C]:
        """Return who coordinates the key here; raises KafkaError NOT_COORDINATOR."""
        found = self._partitions.get(self.partition_for(key))
        if found is None:
            raise KafkaError(ErrorCode.NOT_COORDINATOR)
        return found

    def at(self, index: int) -> CoordinatorPartition[C]:
        """Return who coordinates what a partition holds, ready to.

        Raises:
            KafkaError: NOT_LEADER_OR_FOLLOWER, COORDINATOR_LOAD_IN_PROGRESS.
        """
        found = self._partitions.get(index)
        if found is None:
            raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        if found.loading:
            raise KafkaError(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
        return found

    def all(self) -> Sequence[CoordinatorPartition[C]]:
        """Return every coordinator here, by partition."""
        return [each for _, each in sorted(self._partitions.items())]

    def write(self, key: str, decide: Callable[[C, Moment], Decision[T]]) -> Deferred[T]:
        """Let the key's coordinator decide; see `CoordinatorPartition.write`."""
        return self.of(key).write(decide)

    # --- what the metadata says --------------------------------------------------------------

    def on_role(self, partition: Partition) -> None:
        """Follow a partition's role: coordinate what this broker leads, and nothing else."""
        topic, index = partition.topic_partition
        if topic != self.topic:
            return
        leader = partition.leader
        present = self._partitions.get(index)
        if present is not None and (leader is None or leader.tenure is not present.tenure):
            del self._partitions[index]
            present.close()
            present = None
        if leader is not None and present is None:
            self._partitions[index] = self._coordinate(partition, leader.leader_epoch)
