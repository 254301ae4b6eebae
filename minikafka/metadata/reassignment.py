"""Moving partitions to other brokers: what an administrator may ask, and what becomes of it.

Pure functions on an image. A move begins with one record that adds the new replicas, and ends
with the record that brings the last of them into the ISR (`assignments.settled`). A new target
takes the place of the old one; there is never more than one.
Counterpart: the reassignment parts of ReplicationControlManager; KIP-455, KIP-860.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import BrokerId
from minikafka.metadata.assignments import (
    Assignment,
    bad_assignment,
    check_replicas,
    reassigned,
    reverted,
)
from minikafka.metadata.commands import Decision
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.leadership import change_partition, min_isr
from minikafka.metadata.records import MetadataRecord, PartitionChanged
from minikafka.metadata.states import PartitionImage, TopicImage

__all__ = [
    "AlterReassignments",
    "MovedPartition",
    "OngoingReassignment",
    "Reassignment",
    "alter_reassignments",
    "ongoing_reassignments",
]


@dataclass(frozen=True, slots=True)
class Reassignment:
    """Where one partition is to be; `replicas` None gives up the move under way."""

    topic: str
    partition: int
    replicas: tuple[BrokerId, ...] | None


@dataclass(frozen=True, slots=True)
class AlterReassignments:
    """Partitions to move; each on its own.

    `allow_factor_change` False refuses a target of another size (KIP-860).
    """

    moves: tuple[Reassignment, ...]
    allow_factor_change: bool = True


@dataclass(frozen=True, slots=True)
class MovedPartition:
    """What became of the wish for one partition; done is not yet moved."""

    topic: str
    partition: int
    error: ErrorCode = ErrorCode.NONE
    message: str | None = None


@dataclass(frozen=True, slots=True)
class OngoingReassignment:
    """A partition that moves."""

    topic: str
    partition: int
    assignment: Assignment


def alter_reassignments(
    image: MetadataImage, command: AlterReassignments
) -> Decision[tuple[MovedPartition, ...]]:
    """Decide which moves begin and which are given up; results are in the order of the moves.

    Refusals in the results: UNKNOWN_TOPIC_OR_PARTITION, INVALID_REPLICA_ASSIGNMENT,
    NO_REASSIGNMENT_IN_PROGRESS, INVALID_REPLICATION_FACTOR. Repeating a target changes nothing.
    """
    records: list[MetadataRecord] = []
    pending: dict[tuple[str, int], list[MetadataRecord]] = {}
    results = []
    for move in command.moves:
        before = pending.get((move.topic, move.partition))
        # Named twice: the second wish finds the partition as the first one leaves it.
        seen = image if not before else image.apply(before, image.offset)[0]
        try:
            record = _altered(seen, move, allow_factor_change=command.allow_factor_change)
        except KafkaError as error:
            results.append(
                MovedPartition(move.topic, move.partition, error.code, error.message)
            )
            continue
        if record is not None:
            records.append(record)
            pending.setdefault((move.topic, move.partition), []).append(record)
        results.append(MovedPartition(move.topic, move.partition))
    return Decision(tuple(records), tuple(results))


def _altered(
    image: MetadataImage, move: Reassignment, *, allow_factor_change: bool
) -> PartitionChanged | None:
    topic = image.topics.get(move.topic)
    if topic is None:
        raise KafkaError(
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"Unable to find a topic named {move.topic}."
        )
    if not 0 <= move.partition < len(topic.partitions):
        raise KafkaError(
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
            f"Unable to find partition {move.topic}:{move.partition}.",
        )
    partition = topic.partitions[move.partition]
    if move.replicas is None:
        return _cancelled(image, topic, move.partition, partition)
    check_replicas(image, move.replicas)
    if not allow_factor_change:
        _check_factor(partition, move.replicas)
    return change_partition(
        topic.topic_id,
        move.partition,
        partition,
        partition.isr,
        image.is_active,
        min_isr=min_isr(image, topic.name),
        assignment=reassigned(partition, move.replicas),
    )


def _cancelled(
    image: MetadataImage, topic: TopicImage, number: int, partition: PartitionImage
) -> PartitionChanged | None:
    if not Assignment.of(partition).in_progress:
        raise KafkaError(ErrorCode.NO_REASSIGNMENT_IN_PROGRESS)
    assignment, isr, is_unclean = reverted(partition)
    unclean = image.topic_config(topic.name).unclean_leader_election_enable
    if is_unclean and not unclean:
        raise bad_assignment(
            f"Unable to revert partition assignment for {topic.name}:{number} because it would "
            "require an unclean leader election."
        )
    if is_unclean and not any(map(image.is_active, assignment.replicas)):
        # DIVERGENCE(revert-to-the-living): Kafka makes a fenced replica the ISR, without a leader.
        raise bad_assignment(
            f"Unable to revert partition assignment for {topic.name}:{number} because none of "
            "its former replicas is alive."
        )
    return change_partition(
        topic.topic_id,
        number,
        partition,
        isr,
        image.is_active,
        min_isr=min_isr(image, topic.name),
        unclean=unclean,
        assignment=assignment,
    )


def _check_factor(partition: PartitionImage, target: tuple[BrokerId, ...]) -> None:
    """Raise unless `target` has as many replicas as the partition has, once it is at rest."""
    present = sum(each not in partition.removing for each in partition.replicas)
    if present != len(target):
        raise KafkaError(
            ErrorCode.INVALID_REPLICATION_FACTOR,
            f"The replication factor is changed from {present} to {len(target)}",
        )


def ongoing_reassignments(
    image: MetadataImage, wanted: Iterable[tuple[str, int]] | None
) -> list[OngoingReassignment]:
    """Return the partitions that move, of those wanted; None wants all, by topic and number.

    What does not exist is passed over.
    """
    if wanted is None:
        wanted = [
            (name, number)
            for name, topic in sorted(image.topics.items())
            for number in range(len(topic.partitions))
        ]
    found = []
    for name, number in wanted:
        topic = image.topics.get(name)
        if topic is None or not 0 <= number < len(topic.partitions):
            continue
        assignment = Assignment.of(topic.partitions[number])
        if assignment.in_progress:
            found.append(OngoingReassignment(name, number, assignment))
    return found
