"""The markers that decided transactions owe their partitions, and what comes of sending them.

A marker is written by the leader of the partition, who knows nothing of transactions as a whole; so
the coordinator asks until every partition has its own. Leaders change meanwhile, partitions vanish.
Counterpart: TransactionMarkerChannelManager, TransactionMarkerRequestCompletionHandler. KIP-98.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from minikafka.base.errors import ErrorCode
from minikafka.base.ids import NO_LEADER, BrokerId, ProducerId, TopicPartition
from minikafka.transactions.metadata import TransactionMetadata
from minikafka.transactions.states import TransactionState

__all__ = ["MarkerOutcome", "MarkersOwed", "by_leader", "outcome_of"]


@dataclass(frozen=True, slots=True)
class MarkersOwed:
    """One decided transaction: who wrote, how it ends, and where that must be said.

    `producer_epoch` is the one in the markers, and in the decision.
    """

    transactional_id: str
    producer_id: ProducerId
    producer_epoch: int
    committed: bool
    partitions: tuple[TopicPartition, ...]
    version: int

    @classmethod
    def of(cls, transactional_id: str, known: TransactionMetadata) -> MarkersOwed:
        """Return what a decision owes."""
        return cls(
            transactional_id,
            known.producer_id,
            known.producer_epoch,
            known.state is TransactionState.PREPARE_COMMIT,
            known.topic_partitions,
            known.client_transaction_version,
        )


class MarkerOutcome(Enum):
    """What follows for a partition from the answer of its leader."""

    WRITTEN = "written"
    AGAIN = "again"
    """After a moment, to whoever leads the partition then."""
    NEEDLESS = "needless"
    """The partition cannot have one."""
    FENCED = "fenced"
    """Somebody else coordinates the transactional id by now: send nothing more of it."""


_OUTCOMES: Mapping[ErrorCode, MarkerOutcome] = MappingProxyType(
    {
        ErrorCode.NONE: MarkerOutcome.WRITTEN,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION: MarkerOutcome.AGAIN,
        ErrorCode.NOT_LEADER_OR_FOLLOWER: MarkerOutcome.AGAIN,
        ErrorCode.NOT_ENOUGH_REPLICAS: MarkerOutcome.AGAIN,
        ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND: MarkerOutcome.AGAIN,
        ErrorCode.REQUEST_TIMED_OUT: MarkerOutcome.AGAIN,
        ErrorCode.KAFKA_STORAGE_ERROR: MarkerOutcome.AGAIN,
        ErrorCode.COORDINATOR_LOAD_IN_PROGRESS: MarkerOutcome.AGAIN,
        ErrorCode.COORDINATOR_NOT_AVAILABLE: MarkerOutcome.AGAIN,
        ErrorCode.NOT_COORDINATOR: MarkerOutcome.AGAIN,
        ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT: MarkerOutcome.NEEDLESS,
        ErrorCode.INVALID_PRODUCER_EPOCH: MarkerOutcome.FENCED,
        ErrorCode.TRANSACTION_COORDINATOR_FENCED: MarkerOutcome.FENCED,
    }
)


def outcome_of(error: ErrorCode) -> MarkerOutcome:
    """Return what follows from an answer; what nobody knows of is asked again."""
    return _OUTCOMES.get(error, MarkerOutcome.AGAIN)


def by_leader(
    partitions: Iterable[TopicPartition],
    leader_of: Callable[[TopicPartition], BrokerId | None],
) -> tuple[Mapping[BrokerId, tuple[TopicPartition, ...]], tuple[TopicPartition, ...]]:
    """Return whom to ask for which partitions, and the partitions that are gone.

    Args:
        leader_of: NO_LEADER where there is none now, None where there is no such partition.
            Partitions without a leader are in neither part: they wait.
    """
    asked: dict[BrokerId, list[TopicPartition]] = {}
    gone = []
    for partition in partitions:
        leader = leader_of(partition)
        if leader is None:
            gone.append(partition)
        elif leader != NO_LEADER:
            asked.setdefault(leader, []).append(partition)
    return {leader: tuple(each) for leader, each in sorted(asked.items())}, tuple(gone)
