"""Which brokers hold a partition while it moves, as plain values and rules on them.

While it moves, `replicas` holds the target first, then who is still to go; `adding` and
`removing` say which is which, both ascending. Knows neither leaders nor commands.
Counterpart: PartitionReassignmentReplicas, PartitionReassignmentRevert; KIP-455.

Rules of this file
    A move ends once all its targets are in the ISR.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import BrokerId
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.states import PartitionImage

__all__ = [
    "Assignment",
    "bad_assignment",
    "check_replicas",
    "reassigned",
    "reverted",
    "settled",
]


@dataclass(frozen=True, slots=True)
class Assignment:
    """The replicas of a partition, and which of them come and go.

    Invariant: `adding` and `removing` are parts of `replicas`, empty unless it moves.
    """

    replicas: tuple[BrokerId, ...]
    adding: tuple[BrokerId, ...] = ()
    removing: tuple[BrokerId, ...] = ()

    @classmethod
    def of(cls, partition: PartitionImage) -> Assignment:
        """Return the present assignment of a partition."""
        return cls(partition.replicas, partition.adding, partition.removing)

    @property
    def in_progress(self) -> bool:
        """True while the partition moves."""
        return bool(self.adding or self.removing)


def reassigned(partition: PartitionImage, target: tuple[BrokerId, ...]) -> Assignment:
    """Return the assignment that begins to move `partition` to `target`, in that order.

    A reassignment under way counts with all its replicas as where the partition is now. A side
    to which the new target adds nothing keeps what it held, as in Kafka.
    """
    removing = tuple(sorted(each for each in partition.replicas if each not in target))
    adding = tuple(sorted(each for each in target if each not in partition.replicas))
    return Assignment(
        (*target, *removing), adding or partition.adding, removing or partition.removing
    )


def settled(
    partition: PartitionImage, assignment: Assignment | None, isr: tuple[BrokerId, ...]
) -> tuple[PartitionImage, tuple[BrokerId, ...]]:
    """Return `partition` with its replicas as they are to be from now on, and the ISR then.

    Every change of a partition goes through here, so that a move ends in the very record that
    brings its last target replica into the ISR. It ends only then: as long as one of the
    targets is not in sync the old replicas stay (KAFKA-15665), also where they are not alive.

    Args:
        partition: its present state; of the result only the replicas are new.
        assignment: a new assignment; None keeps the present one.
        isr: the ISR wanted with it.
    """
    wanted = Assignment.of(partition) if assignment is None else assignment
    if wanted.in_progress:
        targets = tuple(each for each in wanted.replicas if each not in wanted.removing)
        left = tuple(each for each in isr if each not in wanted.removing)
        if targets and left and all(each in left for each in targets):
            wanted, isr = Assignment(targets), left
    target = replace(
        partition, replicas=wanted.replicas, adding=wanted.adding, removing=wanted.removing
    )
    return target, isr


def reverted(partition: PartitionImage) -> tuple[Assignment, tuple[BrokerId, ...], bool]:
    """Return the assignment and the ISR once a move is given up, and whether that is unclean.

    Who was being added goes, who was being removed stays. Unclean: only those that go are in
    sync, and the first of the others has to do.
    """
    replicas = tuple(each for each in partition.replicas if each not in partition.adding)
    isr = tuple(each for each in partition.isr if each not in partition.adding)
    if isr:
        return Assignment(replicas), isr, False
    if not replicas:
        raise bad_assignment(
            "Invalid replica assignment: addingReplicas contains all replicas."
        )
    return Assignment(replicas), replicas[:1], True


def check_replicas(image: MetadataImage, replicas: Sequence[BrokerId]) -> None:
    """Raise KafkaError INVALID_REPLICA_ASSIGNMENT unless these are distinct registered brokers."""
    if not replicas:
        raise bad_assignment("The manual partition assignment includes an empty replica list.")
    previous: BrokerId | None = None
    for broker_id in sorted(replicas):
        if broker_id not in image.brokers:
            raise bad_assignment(
                f"The manual partition assignment includes broker {broker_id}, but no such "
                "broker is registered."
            )
        if broker_id == previous:
            raise bad_assignment(
                f"The manual partition assignment includes the broker {broker_id} more than "
                "once."
            )
        previous = broker_id


def bad_assignment(message: str) -> KafkaError:
    """Return the refusal of an assignment."""
    return KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, message)
