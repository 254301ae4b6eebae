"""A look into a running cluster: leaders, ISR, offsets, records, without a request.

`ClusterView` reads what the brokers of this process know, at this turn of the loop, and
changes nothing. It must not know how brokers are started or stopped. Kafka counterpart: none;
its tests reach into the brokers' ReplicaManager.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_LEADER, TopicPartition
from minikafka.broker.partition import Partition
from minikafka.cluster.consumer_records import (
    ISOLATION_LEVELS,
    Isolation,
    committed,
    consumer_records,
)
from minikafka.cluster.node import Node
from minikafka.cluster.partition_state import PartitionState, Record, ReplicaState
from minikafka.log.partition_log import PartitionLog
from minikafka.metadata.image import MetadataImage, PartitionImage
from minikafka.records.batch import Batch

__all__ = ["ClusterView", "partition_state"]

# More than any log in memory holds: "all of it" where a byte limit is asked for.
_EVERYTHING_BYTES = 1 << 60


class ClusterView:
    """Read-only view of the brokers in this process.

    Args:
        nodes: the brokers that are up, by id; the cluster's own table, so always current.
    """

    def __init__(self, nodes: Mapping[int, Node]) -> None:
        self.nodes = nodes

    def image(self) -> MetadataImage:
        """Return the newest applied metadata of any broker that is up.

        Raises:
            KafkaError: BROKER_NOT_AVAILABLE where none is.
        """
        images = [self.nodes[broker].broker.image for broker in sorted(self.nodes)]
        if not images:
            raise KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, "no broker is running")
        return max(images, key=lambda image: image.offset)

    def partition_image(self, topic: str, partition: int) -> PartitionImage:
        """Return what the controller decided about a partition.

        Raises:
            KafkaError: UNKNOWN_TOPIC_OR_PARTITION.
        """
        found = self.image().partition(TopicPartition(topic, partition))
        if found is None:
            raise KafkaError(
                ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
                f"there is no partition {topic}-{partition}",
            )
        return found

    def partitions(self, topic: str) -> list[int]:
        """Return the partition numbers of a topic, ascending.

        Raises:
            KafkaError: UNKNOWN_TOPIC_OR_PARTITION.
        """
        found = self.image().topics.get(topic)
        if found is None:
            raise KafkaError(
                ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"there is no topic {topic!r}"
            )
        return list(range(len(found.partitions)))

    def leader(self, topic: str, partition: int) -> int | None:
        """Return the broker id of the leader, None while there is none."""
        leader = self.partition_image(topic, partition).leader
        return None if leader == NO_LEADER else leader

    def isr(self, topic: str, partition: int) -> frozenset[int]:
        """Return the in-sync replicas as last recorded by the controller."""
        return frozenset(self.partition_image(topic, partition).isr)

    def describe(self, topic: str, partition: int) -> PartitionState:
        """Return the state of a partition and of its replicas that are up."""
        image = self.partition_image(topic, partition)
        return partition_state(topic, partition, image, self.logs(topic, partition))

    def logs(self, topic: str, partition: int) -> dict[int, PartitionLog]:
        """Return the logs of a partition by broker, ascending; only of brokers that are up."""
        found = {}
        for broker in sorted(self.nodes):
            log = self._log(broker, topic, partition)
            if log is not None:
                found[broker] = log
        return found

    def records(
        self,
        topic: str,
        partition: int | None = None,
        *,
        isolation: Isolation = "read_committed",
    ) -> list[Record]:
        """Return the records a consumer from the beginning would get, by partition and offset.

        Read from the leader's log, below its high watermark; of transactions `read_committed`
        has those that are committed, below the first one that goes on (KIP-98).

        Raises:
            KafkaError: UNKNOWN_TOPIC_OR_PARTITION; LEADER_NOT_AVAILABLE where a partition has
                no leader that is up.
            ValueError: an unknown isolation level.
        """
        if isolation not in ISOLATION_LEVELS:
            raise ValueError(
                f"isolation is read_committed or read_uncommitted, not {isolation!r}"
            )
        numbers = self.partitions(topic) if partition is None else [partition]
        found: list[Record] = []
        for number in numbers:
            log = self._leader_log(topic, number)
            for batch in _readable(log, isolation):
                place = TopicPartition(topic, number)
                found += consumer_records(place, batch, log.log_start_offset)
        return found

    def committed_everywhere(self, topic: str) -> Callable[[], bool]:
        """Return a question: do all in-sync replicas know of what is committed now?"""
        watermarks = {
            partition: max(
                (each.high_watermark for each in self._states(topic, partition)), default=0
            )
            for partition in self.partitions(topic)
        }

        def known() -> bool:
            return all(
                state.high_watermark >= watermark
                for partition, watermark in watermarks.items()
                for state in self._states(topic, partition)
            )

        return known

    def _states(self, topic: str, partition: int) -> Collection[ReplicaState]:
        """Return the states of the in-sync replicas that are up."""
        isr = self.isr(topic, partition)
        logs = self.logs(topic, partition)
        return [_replica_state(log) for broker, log in logs.items() if broker in isr]

    def compacted_replicas(self, topic: str) -> Iterator[tuple[Node, Partition]]:
        """Yield the replicas of a compacted topic that are up; raises KafkaError if it is none."""
        partitions = self.partitions(topic)
        if not self.image().topic_config(topic).compacted:
            message = f"topic {topic!r} has a cleanup.policy without compact"
            raise KafkaError(ErrorCode.INVALID_CONFIG, message)
        for _, node in sorted(self.nodes.items()):
            for partition in partitions:
                name = TopicPartition(topic, partition)
                replica = node.broker.replicas.partition(name)
                if replica is not None:
                    yield node, replica

    def log_bytes(self, broker_id: int, topic: str, partition: int) -> bytes:
        """Return every byte of one replica's log, to compare replicas with.

        Raises:
            KafkaError: BROKER_NOT_AVAILABLE, REPLICA_NOT_AVAILABLE.
        """
        if broker_id not in self.nodes:
            raise KafkaError(
                ErrorCode.BROKER_NOT_AVAILABLE, f"broker {broker_id} is not running"
            )
        log = self._log(broker_id, topic, partition)
        if log is None:
            raise KafkaError(
                ErrorCode.REPLICA_NOT_AVAILABLE,
                f"broker {broker_id} has no replica of {topic}-{partition}",
            )
        return log.all_bytes()

    def controller(self) -> int | None:
        """Return the broker that leads the metadata quorum, None while there is none.

        Where one does not know yet that it was deposed, the other is named.
        """
        quorums = {broker: node.broker.quorum for broker, node in sorted(self.nodes.items())}
        active = [broker for broker, quorum in quorums.items() if quorum.controller is not None]
        return max(active, key=lambda broker: quorums[broker].machine.epoch, default=None)

    def status(self) -> str:
        """Return the cluster in a few lines for people, as shown when a wait fails."""
        if not self.nodes:
            return "no broker is running"
        image = self.image()
        lines = [f"metadata offset {image.offset}"]
        lines += [
            f"broker {broker}: applied {self.nodes[broker].broker.image.offset}, "
            + ("fenced" if self._fenced(image, broker) else "unfenced")
            for broker in sorted(self.nodes)
        ]
        lines += [
            str(self.describe(topic, partition))
            for topic in sorted(image.topics)
            for partition in self.partitions(topic)
        ]
        return "\n".join(lines)

    @staticmethod
    def _fenced(image: MetadataImage, broker: int) -> bool:
        registered = image.brokers.get(broker)
        return registered is None or registered.fenced

    def _log(self, broker_id: int, topic: str, partition: int) -> PartitionLog | None:
        replica = self.nodes[broker_id].broker.replicas.partition((topic, partition))
        return None if replica is None else replica.log

    def _leader_log(self, topic: str, partition: int) -> PartitionLog:
        leader = self.leader(topic, partition)
        log = None
        if leader is not None and leader in self.nodes:
            log = self._log(leader, topic, partition)
        if log is None:
            raise KafkaError(
                ErrorCode.LEADER_NOT_AVAILABLE, f"{topic}-{partition} has no leader that is up"
            )
        return log


def partition_state(
    topic: str, partition: int, image: PartitionImage, logs: Mapping[int, PartitionLog]
) -> PartitionState:
    """Return what the controller decided about a partition, and where its replicas stand."""
    return PartitionState(
        topic=topic,
        partition=partition,
        leader=None if image.leader == NO_LEADER else image.leader,
        leader_epoch=image.leader_epoch,
        partition_epoch=image.partition_epoch,
        replicas=tuple(image.replicas),
        isr=frozenset(image.isr),
        elr=tuple(image.elr),
        replica_states={
            broker: _replica_state(log)
            for broker, log in logs.items()
            if broker in image.replicas
        },
    )


def _replica_state(log: PartitionLog) -> ReplicaState:
    return ReplicaState(
        log.log_start_offset, log.log_end_offset, log.high_watermark, log.last_stable_offset
    )


def _readable(log: PartitionLog, isolation: Isolation) -> Sequence[Batch]:
    """Return the batches of a log that readers are shown."""
    start, end = log.log_start_offset, log.high_watermark
    if isolation == "read_committed":
        end = log.last_stable_offset
    if start >= end:
        return ()
    batches = log.read(start, _EVERYTHING_BYTES, end, at_least_one=True).batches
    if isolation == "read_uncommitted":
        return batches
    return committed(batches, log.producers.transactions.aborted_within(start, end))
