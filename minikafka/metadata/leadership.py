"""Who leads a partition: the one rule by which ISR, ELR and leader change, and its record.

Pure. A leader comes from the ISR; where that is empty, from the eligible leader replicas (ELR):
members that left while the ISR fell below min.insync.replicas, so that the high watermark stood
still and they lack nothing. From outside of both it comes only by an unclean election.
Counterpart: org.apache.kafka.controller.PartitionChangeBuilder; KIP-497, KIP-704, KIP-966.

Rules of this file
    partition_epoch grows by one with every change.
    leader_epoch grows by one when the leader changes, to or from NO_LEADER included, and when
    a replica is removed.
    leader is NO_LEADER or in the ISR. ISR and ELR have no member in common, and both are part
    of the replicas. The ELR is empty while the ISR has min.insync.replicas members.
    A leader comes from the ISR, or from the ELR where the ISR is empty, while one of them lives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from minikafka.base.ids import NO_LEADER, BrokerId, TopicId
from minikafka.metadata.assignments import Assignment, settled
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.records import PartitionChanged, PartitionCreated
from minikafka.metadata.states import PartitionImage

__all__ = [
    "change_partition",
    "created_partition",
    "elect",
    "eligible_leader_replicas",
    "fence_changes",
    "is_unclean",
    "last_known_leader",
    "min_isr",
    "unclean_shutdown_changes",
    "unfence_changes",
]

IsAlive = Callable[[BrokerId], bool]


def min_isr(image: MetadataImage, topic: str) -> int:
    """Return how many in-sync replicas count as enough in an existing topic.

    Never more than there are replicas; like Kafka this takes those of partition 0.
    """
    replica_count = len(image.topics[topic].partitions[0].replicas)
    return min(image.topic_config(topic).min_insync_replicas, replica_count)


def eligible_leader_replicas(
    partition: PartitionImage,
    isr: tuple[BrokerId, ...],
    min_isr: int,
    unclean_shutdown: tuple[BrokerId, ...] = (),
) -> tuple[BrokerId, ...]:
    """Return the ELR that goes with a new ISR, ascending.

    KIP-966: a replica that leaves an ISR which is, or falls, below min.insync.replicas becomes
    eligible, since the high watermark cannot move past what it has; the ELR is emptied when
    the ISR is large enough again; who shut down uncleanly is in it no more.
    """
    if len(isr) >= min_isr:
        return ()
    candidates = dict.fromkeys((*partition.elr, *partition.isr))
    return tuple(
        replica
        for replica in sorted(candidates)
        if replica in partition.replicas
        and replica not in isr
        and replica not in unclean_shutdown
    )


def elect(
    partition: PartitionImage,
    isr: tuple[BrokerId, ...],
    is_alive: IsAlive,
    *,
    elr: tuple[BrokerId, ...] = (),
    unclean: bool = False,
    preferred: bool = False,
) -> tuple[BrokerId, bool]:
    """Return the leader that `partition` should have, and whether the choice is unclean.

    KIP-966: the leader is taken from the ISR, and from the ELR when the ISR is empty. When
    both are empty the last known leader may lead again, if it is alive (KAFKA-19522): it has
    as much as anyone, yet it may have lost records.

    Args:
        partition: its present state; the present leader stays if it may.
        isr: the ISR from which to choose; may be empty.
        is_alive: may this broker lead? False for fenced ones and those shutting down.
        elr: who may lead where `isr` is empty.
        unclean: allow any live replica when nobody else may lead.
        preferred: move to the first of the replicas if that may lead.

    Returns:
        Broker id, or NO_LEADER; and True when the leader may lack committed records.
    """
    electable = isr or elr

    def may_lead(broker_id: BrokerId) -> bool:
        return broker_id in electable and is_alive(broker_id)

    first = (partition.preferred_leader,) if preferred else ()
    for replica in (*first, partition.leader, *partition.replicas):
        if may_lead(replica):
            return replica, False
    if not electable and len(partition.last_known_elr) == 1:
        [last] = partition.last_known_elr
        if is_alive(last):
            return last, True
    if unclean:
        for replica in partition.replicas:
            if is_alive(replica):
                return replica, True
    return NO_LEADER, False


def last_known_leader(
    partition: PartitionImage, isr: tuple[BrokerId, ...], leader: BrokerId
) -> tuple[BrokerId, ...]:
    """Return who led last: one broker while the partition is without a leader, else nobody.

    KIP-966: the last known leader is noted when the partition first has neither ISR nor
    leader, and forgotten as soon as it is led again.
    """
    if leader != NO_LEADER:
        return ()
    if not isr and partition.has_leader:
        return (partition.leader,)
    return partition.last_known_elr


def change_partition(
    topic_id: TopicId,
    number: int,
    partition: PartitionImage,
    isr: tuple[BrokerId, ...],
    is_alive: IsAlive,
    *,
    min_isr: int,
    unclean: bool = False,
    preferred: bool = False,
    recovering: bool | None = None,
    assignment: Assignment | None = None,
    unclean_shutdown: tuple[BrokerId, ...] = (),
) -> PartitionChanged | None:
    """Return the record that gives `partition` this ISR, and the ELR and leader that follow.

    It also ends a reassignment whose time has come, and then the ISR loses whom that removes.

    Args:
        topic_id: of the partition.
        number: of the partition.
        partition: its present state.
        isr: the ISR wanted; may be empty, then nobody or one of the ELR leads.
        is_alive: as for `elect`.
        min_isr: from how many members on the ISR is large enough; see `min_isr`.
        unclean: as for `elect`.
        preferred: as for `elect`.
        recovering: the new recovery state; None keeps it, unless an unclean election sets it.
        assignment: new replicas, and how they come and go; None keeps them.
        unclean_shutdown: brokers whose logs may have lost something, and so are not eligible.

    Returns:
        None when nothing changes.
    """
    target, isr = settled(partition, assignment, isr)
    elr = eligible_leader_replicas(target, isr, min_isr, unclean_shutdown)
    leader, was_unclean = elect(
        target, isr, is_alive, elr=elr, unclean=unclean, preferred=preferred
    )
    recovering = partition.recovering if recovering is None else recovering
    if was_unclean:
        isr, elr, recovering = (leader,), (), True
    elif leader in elr:
        isr = (leader,)
        # DIVERGENCE(elr-after-election): where one is enough nobody else is eligible beside it.
        elr = () if min_isr <= 1 else tuple(replica for replica in elr if replica != leader)
    last_known = last_known_leader(target, isr, leader)
    state = _State(leader, isr, elr, recovering, last_known)
    return _changed(topic_id, number, partition, target, state)


def _changed(
    topic_id: TopicId, number: int, old: PartitionImage, target: PartitionImage, new: _State
) -> PartitionChanged | None:
    """Return the record that leads from `old` to `new`; None where they are the same.

    Args:
        target: whose replicas, and how they come and go, are the new ones.
    """
    state = (old.leader, old.isr, old.elr, old.recovering, old.last_known_elr)
    if target == old and new == state:
        return None
    # Whoever is removed must not be taken for a follower any more.
    shrinks = any(replica not in target.replicas for replica in old.replicas)
    return PartitionChanged(
        topic_id,
        number,
        new.isr,
        new.leader,
        old.leader_epoch + (shrinks or new.leader != old.leader),
        old.partition_epoch + 1,
        new.recovering,
        replicas=() if target.replicas == old.replicas else target.replicas,
        elr=new.elr,
        last_known_elr=new.last_known_elr,
        adding=target.adding,
        removing=target.removing,
    )


def is_unclean(old: PartitionImage | PartitionChanged, new_leader: BrokerId) -> bool:
    """Say whether a change of leader took one from outside ISR and ELR: records may be lost."""
    if new_leader in (NO_LEADER, old.leader):
        return False
    return new_leader not in old.isr and new_leader not in old.elr


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

    return [
        record
        for each in _partitions(image)
        if gone in each.state.isr and (record := each.change(_without(each, gone), is_alive))
    ]


def unclean_shutdown_changes(image: MetadataImage, broker: BrokerId) -> list[PartitionChanged]:
    """Return the records that take `broker` out of every ISR and ELR: its log may lack its tail.

    KIP-966: before a broker that did not shut down cleanly is registered, it is removed from
    all ISRs and ELRs. Others are elected as for `fence_changes`.
    """

    def is_alive(broker_id: BrokerId) -> bool:
        return broker_id != broker and image.is_active(broker_id)

    return [
        record
        for each in _partitions(image)
        if broker in (*each.state.isr, *each.state.elr)
        and (record := each.change(_without(each, broker), is_alive, (broker,)))
    ]


def unfence_changes(image: MetadataImage, back: BrokerId) -> list[PartitionChanged]:
    """Return the records that give a leader to partitions without one, now that `back` may lead."""

    def is_alive(broker_id: BrokerId) -> bool:
        return broker_id == back or image.is_active(broker_id)

    return [
        record
        for each in _partitions(image)
        if not each.state.has_leader
        and back in each.state.replicas
        and (record := each.change(each.state.isr, is_alive))
    ]


class _State(NamedTuple):
    """What an ISR change or an election decides about a partition."""

    leader: BrokerId
    isr: tuple[BrokerId, ...]
    elr: tuple[BrokerId, ...]
    recovering: bool
    last_known_elr: tuple[BrokerId, ...]


class _Partition(NamedTuple):
    """One partition of an image, and what its topic says of it."""

    image: MetadataImage
    topic: str
    topic_id: TopicId
    number: int
    state: PartitionImage

    def change(
        self,
        isr: tuple[BrokerId, ...],
        is_alive: IsAlive,
        unclean_shutdown: tuple[BrokerId, ...] = (),
    ) -> PartitionChanged | None:
        """Return the record of another ISR under the topic's configs; None without a change."""
        return change_partition(
            self.topic_id,
            self.number,
            self.state,
            isr,
            is_alive,
            min_isr=min_isr(self.image, self.topic),
            unclean=self.image.topic_config(self.topic).unclean_leader_election_enable,
            unclean_shutdown=unclean_shutdown,
        )


def _without(partition: _Partition, gone: BrokerId) -> tuple[BrokerId, ...]:
    return tuple(replica for replica in partition.state.isr if replica != gone)


def _partitions(image: MetadataImage) -> Iterator[_Partition]:
    """Yield every partition in order."""
    for name, topic in sorted(image.topics.items()):
        for number, partition in enumerate(topic.partitions):
            yield _Partition(image, name, topic.topic_id, number, partition)
