"""Who may look on while a broker works: what it applies, leads and answers, and its logs.

For the invariants of simulated runs. A broker works without one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from minikafka.base.ids import TopicPartition
from minikafka.broker.group_partition import GroupObserver
from minikafka.log.observer import LogObserver
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.states import MetadataDelta

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker
    from minikafka.broker.partition import Partition
    from minikafka.quorum.snapshots import SnapshotId
    from minikafka.replication.leader import IsrWish, PartitionLeader
    from minikafka.transactions.commands import EndTransaction

__all__ = ["BrokerObserver"]


class BrokerObserver(LogObserver, GroupObserver, Protocol):
    """Told of what one broker does after it did it; must not change anything."""

    def started(self, broker: Broker) -> None:
        """Hear of the broker before it does anything."""
        ...

    def stopped(self, broker: Broker) -> None:
        """Hear that the broker has shut down, and its logs are durable."""
        ...

    def unclean_election(self, broker: Broker, partition: TopicPartition) -> None:
        """Hear, where this broker is the controller, of a leader from outside ISR and ELR."""
        ...

    def applied(self, broker: Broker, image: MetadataImage, delta: MetadataDelta) -> None:
        """Hear of committed metadata that the broker has taken over."""
        ...

    def snapshotted(self, broker: Broker, snapshot: SnapshotId, image: MetadataImage) -> None:
        """Hear of a snapshot that the broker has made of its metadata."""
        ...

    def led(self, broker: Broker, partition: Partition) -> None:
        """Hear that the broker leads a partition in a new leader epoch."""
        ...

    def produced(self, partition: Partition, acks: int) -> None:
        """Hear of a producer's batch that a leader has just written, and who waits for it."""
        ...

    def isr_considered(
        self, partition: Partition, leader: PartitionLeader, wish: IsrWish | None, now_ms: int
    ) -> None:
        """Hear which ISR a leader asks for, before it is sent; None where today's is right."""
        ...

    def end_asked(self, command: EndTransaction) -> None:
        """Hear that the end of a transaction is asked for, and about to be decided."""
        ...

    def answered(
        self,
        broker: Broker,
        api_key: int,
        version: int,
        request: Any,
        response: Any,
        from_broker: bool,
    ) -> None:
        """Hear of a response that is about to leave; None where acks=0 gets none."""
        ...
