"""The transaction coordinators of this broker: of the partitions of `__transaction_state` it leads.

Counterpart: TransactionCoordinator, TransactionStateManager. KIP-98.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from minikafka.base.deferred import Deferred
from minikafka.base.ids import LeaderEpoch, ProducerId
from minikafka.broker.coordinator_partition import Codec, CoordinatorPartition
from minikafka.broker.coordinators import Coordinators
from minikafka.broker.marker_sender import MarkerSender
from minikafka.broker.partition import Partition
from minikafka.broker.purgatory import settled
from minikafka.broker.replica_manager import ReplicaManager
from minikafka.groups.commands import Decision, Moment
from minikafka.transactions.commands import ProducerIdNeeded, TransactionLimits
from minikafka.transactions.coordinator import TransactionCoordinator
from minikafka.transactions.records import decode_transaction, encode_transaction

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = [
    "TRANSACTIONS_TOPIC",
    "TRANSACTION_VERSION",
    "TransactionCoordinators",
    "TransactionPartition",
]

T = TypeVar("T")
TRANSACTIONS_TOPIC = "__transaction_state"
TRANSACTION_VERSION = 2
"""The level of transaction.version, at which Kafka 4.1 begins a cluster (KIP-890)."""
_CODEC = Codec(
    partial(encode_transaction, value_version=min(TRANSACTION_VERSION, 1)), decode_transaction
)


class TransactionPartition(CoordinatorPartition[TransactionCoordinator]):
    """The coordinator of one partition's transactional ids; see `CoordinatorPartition`.

    Args:
        sender: is given what comes to be owed.
        leader_epoch: in which this broker leads; markers carry it as the coordinator's epoch.
    """

    __slots__ = ("_sender", "leader_epoch")

    def __init__(
        self,
        partition: Partition,
        coordinator: TransactionCoordinator,
        replicas: ReplicaManager,
        sender: MarkerSender,
        leader_epoch: LeaderEpoch,
        *,
        commit_timeout_ms: int,
    ) -> None:
        self._sender = sender
        self.leader_epoch = leader_epoch
        super().__init__(
            partition, coordinator, _CODEC, replicas, commit_timeout_ms=commit_timeout_ms
        )

    def _coordinated(
        self, decision: Decision[Any] | None, answer: Deferred[Any] | None
    ) -> None:
        for owed in self.coordinator.take_owed():
            self._sender.send(self, owed, self.leader_epoch)


class TransactionCoordinators(Coordinators[TransactionCoordinator]):
    """All transaction coordinators of one broker, by partition."""

    def __init__(self, broker: Broker) -> None:
        count = broker.config.transaction_state_log_num_partitions
        super().__init__(broker, TRANSACTIONS_TOPIC, count)
        self._limits = TransactionLimits.of(broker.config)
        self._sender = MarkerSender(broker)

    def _coordinate(self, partition: Partition, leader_epoch: int) -> TransactionPartition:
        broker = self._broker
        coordinator = TransactionCoordinator(self._limits, TRANSACTION_VERSION)
        if broker.observer is not None:
            coordinator.hear = broker.observer.end_asked
        return TransactionPartition(
            partition,
            coordinator,
            broker.replicas,
            self._sender,
            leader_epoch,
            commit_timeout_ms=broker.config.request_timeout_ms,
        )

    async def write_with_id(
        self,
        key: str,
        decide: Callable[[TransactionCoordinator, ProducerId | None, Moment], Decision[T]],
    ) -> T:
        """Let the key's coordinator decide, with a new producer id if it turns out to need one.

        Raises:
            KafkaError: as `CoordinatorPartition.write`, and as `Broker.next_producer_id`.
        """
        try:
            answer = self.write(key, lambda machine, now: decide(machine, None, now))
        except ProducerIdNeeded:
            producer_id = await self._broker.next_producer_id()
            answer = self.write(key, lambda machine, now: decide(machine, producer_id, now))
        return await settled(answer)
