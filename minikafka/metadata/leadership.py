"""Who leads a partition: the one rule by which ISR and leader change, and its record.

Pure. A leader comes from the ISR; from outside it only where the topic allows an unclean
election and no member of the ISR is alive. The last member of the ISR stays in it, alive or
not, because it alone is known to have every committed record.
Counterpart: org.apache.kafka.controller.PartitionChangeBuilder; KIP-497, KIP-704.

Rules of this file
    partition_epoch grows by one with every change.
    leader_epoch grows by one when the leader changes, to or from NO_LEADER included, and when
    a replica is removed.
    leader is NO_LEADER or in the ISR; the ISR is never empty and part of the replicas.

DIVERGENCE(eligible-leader-replicas): KIP-966 is not done; the ISR never gets empty, `elr` stays
empty, as in Apache Kafka with eligible.leader.replicas.version=0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from minikafka.base.ids import NO_LEADER, BrokerId, TopicId
from minikafka.metadata.assignments import Assignment, settled
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.records import PartitionChanged, PartitionCreated
from minikafka.metadata.states import PartitionImage

__all__ = ["change_partition", "created_partition", "elect", "fence_changes", "unfence_changes"]

IsAlive = Callable[[BrokerId], bool]


def elect(
    partition: PartitionImage,
    isr: tuple[BrokerId, ...],
    is_alive: IsAlive,
    *,
    unclean: bool = False,
    preferred: bool = False,
) -> tuple[BrokerId, bool]:
    """Return the leader that `partition` should have, and whether the choice is unclean.

    Args:
        partition: its present state; the present leader stays if it may.
        isr: the ISR from which to choose; may be empty, then only `unclean` finds a leader.
        is_alive: may this broker lead? False for fenced ones and those shutting down.
        unclean: allow a leader from outside `isr` when nobody in it is alive.
        preferred: move to the first of the replicas if that may lead.

    Returns:
        Broker id, or NO_LEADER; and True when the leader may lack committed records.
    """

    def may_lead(broker_id: BrokerId) -> bool:
        return broker_id in isr and is_alive(broker_id)

    if preferred and may_lead(partition.preferred_leader):
        return partition.preferred_leader, False
    if may_lead(partition.leader):
        return partition.leader, False
    for replica in partition.replicas:
        if may_lead(replica):
            return replica, False
    if unclean:
        for replica in partition.replicas:
            if is_alive(replica):
                return replica, True
    return NO_LEADER, False


def change_partition(
    topic_id: TopicId,
    number: int,
    partition: PartitionImage,
    isr: tuple[BrokerId, ...],
    is_alive: IsAlive,
    *,
    unclean: bool = False,
    preferred: bool = False,
    recovering: bool | None = None,
    assignment: Assignment | None = None,
) -> PartitionChanged | None:
    """Return the record that gives `partition` this ISR and the leader that follows from it.

    It also ends a reassignment whose time has come, and then the ISR loses whom that removes.

    Args:
        topic_id: of the partition.
        number: of the partition.
        partition: its present state.
        isr: the ISR wanted; empty means "nobody else is left", and keeps the old one.
        is_alive: as for `elect`.
        unclean: as for `elect`.
        preferred: as for `elect`.
        recovering: the new recovery state; None keeps it, unless an unclean election sets it.
        assignment: new replicas, and how they come and go; None keeps them.

    Returns:
        None when nothing changes.
    """
    target, isr = settled(partition, assignment, isr)
    leader, was_unclean = elect(target, isr, is_alive, unclean=unclean, preferred=preferred)
    recovering = partition.recovering if recovering is None else recovering
    if was_unclean:
        isr, recovering = (leader,), True
    elif not isr:
        isr = partition.isr
    if target == partition and (leader, isr, recovering) == (
        partition.leader,
        partition.isr,
        partition.recovering,
    ):
        return None
    # Whoever is removed must not be taken for a follower any more.
    shrinks = any(replica not in target.replicas for replica in partition.replicas)
    return PartitionChanged(
        topic_id,
        number,
        isr,
        leader,
        partition.leader_epoch + (shrinks or leader != partition.leader),
        partition.partition_epoch + 1,
        recovering,
        replicas=() if target.replicas == partition.replicas else target.replicas,
        elr=partition.elr,
        last_known_elr=partition.last_known_elr,
        adding=target.adding,
        removing=target.removing,
    )


def created_partition(
    topic_id: TopicId, number: int, replicas: tuple[BrokerId, ...], is_alive: IsAlive
) -> PartitionCreated | None:
    """Return the record of a new partition, led by its first live replica; None if all are dead."""
    isr = tuple(replica for replica in replicas if is_alive(replica))
    if not isr:
        return None
    return PartitionCreated(topic_id, number, replicas, isr, isr[0], 0, 0)


def fence_changes(image: MetadataImage, gone: BrokerId) -> list[PartitionChanged]:
    """Return the records that take `gone` out of every ISR and leadership it has.

    Partitions come by topic name and number. Whether `gone` counts as alive in `image` does
    not matter.
    """

    def is_alive(broker_id: BrokerId) -> bool:
        return broker_id != gone and image.is_active(broker_id)

    records = []
    for topic_id, number, partition, unclean in _partitions(image):
        if gone in partition.isr:
            rest = tuple(replica for replica in partition.isr if replica != gone)
            record = change_partition(
                topic_id, number, partition, rest, is_alive, unclean=unclean()
            )
            if record is not None:
                records.append(record)
    return records


def unfence_changes(image: MetadataImage, back: BrokerId) -> list[PartitionChanged]:
    """Return the records that give a leader to partitions without one, now that `back` may lead."""

    def is_alive(broker_id: BrokerId) -> bool:
        return broker_id == back or image.is_active(broker_id)

    records = []
    for topic_id, number, partition, unclean in _partitions(image):
        if not partition.has_leader and back in partition.replicas:
            record = change_partition(
                topic_id, number, partition, partition.isr, is_alive, unclean=unclean()
            )
            if record is not None:
                records.append(record)
    return records


def _partitions(
    image: MetadataImage,
) -> Iterator[tuple[TopicId, int, PartitionImage, Callable[[], bool]]]:
    """Yield every partition in order, with a look-up of its unclean.leader.election.enable."""
    for name, topic in sorted(image.topics.items()):

        def unclean(name: str = name) -> bool:
            return image.topic_config(name).unclean_leader_election_enable

        for number, partition in enumerate(topic.partitions):
            yield topic.topic_id, number, partition, unclean
