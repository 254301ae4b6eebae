"""Rules of committed metadata as brokers apply it: C2, C3.

The names are those of docs/invariants.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from minikafka.base.ids import NO_LEADER, BrokerId, TopicPartition
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.records import PartitionChanged, PartitionCreated
from minikafka.metadata.states import PartitionImage
from minikafka.trials.invariants import Applied, check

if TYPE_CHECKING:
    from minikafka.trials.metadata_history import Recorded

__all__ = ["REGISTERED_HERE"]

REGISTERED_HERE = ("C2", "C3")


@check("C2", "recorded")
def _leader_isr_and_elr_fit(recorded: Recorded) -> str | None:
    """The leader is in the ISR or there is none; ISR and ELR are disjoint parts of the replicas.

    The ELR is empty while the ISR has min.insync.replicas members (KIP-966), by the configs and
    the replicas of that moment.
    """
    record, image = recorded.record, recorded.after
    if not isinstance(record, (PartitionCreated, PartitionChanged)):
        return None
    topic = image.topic_by_id(record.topic_id)
    if topic is None:
        return None
    partition = topic.partitions[record.partition]
    isr, elr, replicas = partition.isr, partition.elr, partition.replicas
    enough = min(
        image.topic_config(topic.name).min_insync_replicas, len(topic.partitions[0].replicas)
    )
    members = (*isr, *elr)
    sound = (
        len(dict.fromkeys(members)) == len(members)
        and all(member in replicas for member in members)
        and not (elr and len(isr) >= enough)
    )
    if not sound or partition.leader not in (*isr, NO_LEADER):
        return (
            f"{topic.name}-{record.partition}: leader {partition.leader}, "
            f"ISR {isr}, ELR {elr}, replicas {replicas}, min.insync.replicas {enough}"
        )
    return None


@check("C3", "applied")
def _isr_is_alive(applied: Applied) -> str | None:
    """Nobody who is fenced or shutting down is in an ISR: nobody is spared as the last one."""
    for name, partition in _looked_at(applied):
        dead = [member for member in partition.isr if not _is_alive(applied.image, member)]
        if dead:
            return (
                f"broker {applied.broker} applied {name}: ISR {partition.isr}, of which {dead} "
                "are fenced, shutting down or not registered"
            )
    return None


def _looked_at(applied: Applied) -> Iterator[tuple[TopicPartition, PartitionImage]]:
    """Yield the partitions that changed; all where a broker changed."""
    image, delta = applied.image, applied.delta
    names = delta.partitions_changed
    if delta.brokers_changed:
        names = image.everything().partitions_changed
    for name in names:
        partition = image.partition(name)
        if partition is not None:
            yield name, partition


def _is_alive(image: MetadataImage, broker_id: BrokerId) -> bool:
    broker = image.brokers.get(broker_id)
    return broker is not None and not broker.fenced and not broker.in_controlled_shutdown
