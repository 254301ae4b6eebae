"""Rules of committed metadata as brokers apply it: C2, C3.

The names are those of docs/invariants.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikafka.base.ids import NO_LEADER, BrokerId, TopicPartition
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.states import PartitionImage
from minikafka.trials.invariants import Applied, check

__all__ = ["REGISTERED_HERE"]

REGISTERED_HERE = ("C2", "C3")


@check("C2", "applied")
def _leader_isr_and_elr_fit(applied: Applied) -> str | None:
    """The leader is in the ISR or there is none; ISR and ELR are disjoint parts of the replicas.

    The ELR is empty while the ISR has min.insync.replicas members (KIP-966).
    """
    image = applied.image
    for name in applied.delta.partitions_changed:
        partition = image.partition(name)
        if partition is None:
            continue
        isr, elr, replicas = partition.isr, partition.elr, partition.replicas
        enough = min(
            image.topic_config(name.topic).min_insync_replicas,
            len(image.topics[name.topic].partitions[0].replicas),
        )
        members = (*isr, *elr)
        sound = (
            len(dict.fromkeys(members)) == len(members)
            and all(member in replicas for member in members)
            and not (elr and len(isr) >= enough)
        )
        if not sound or partition.leader not in (*isr, NO_LEADER):
            return (
                f"broker {applied.broker} applied {name}: leader {partition.leader}, "
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
