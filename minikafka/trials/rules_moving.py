"""Rules of replicas that join and go: C9, R9.

The names are those of docs/invariants.md. Each looks at one step of one partition in committed
metadata, when the first broker applies it; several steps applied at once are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from minikafka.base.ids import BrokerId, TopicPartition
from minikafka.metadata.states import PartitionImage
from minikafka.trials.ghost import GhostPartition
from minikafka.trials.invariants import Applied, check

__all__ = ["REGISTERED_HERE"]

REGISTERED_HERE = ("C9", "R9")


class _Step(NamedTuple):
    name: TopicPartition
    old: PartitionImage
    new: PartitionImage
    ghost: GhostPartition | None


def _steps(applied: Applied) -> Iterator[_Step]:
    before, ghost = applied.before, applied.world
    if before is None:
        return
    for name in applied.delta.partitions_changed:
        old, new = before.partition(name), applied.image.partition(name)
        topic = applied.image.topics.get(name.topic)
        known = before.topics.get(name.topic)
        if old is None or new is None or topic is None or known is None:
            continue
        if topic.topic_id == known.topic_id and new.partition_epoch == old.partition_epoch + 1:
            yield _Step(name, old, new, ghost.find(topic.topic_id, name.partition))


def _lacks(ghost: GhostPartition | None, broker: BrokerId) -> bool:
    """Say whether a replica lacks something committed that its disk has not lost."""
    if ghost is None or broker in ghost.losses:
        return False
    last = ghost.committed_below(ghost.true_watermark)
    chain = ghost.chains.get(broker)
    return last is not None and (chain is None or not chain.holds(last))


@check("C9", "applied")
def _moves_end_complete(applied: Applied) -> str | None:
    """A move ends when all targets are in sync, and one of them holds all that is committed."""
    for step in _steps(applied):
        name, old, new, ghost = step
        gone = [each for each in old.replicas if each not in new.replicas]
        rest = tuple(each for each in old.replicas if each not in old.adding)
        if not gone or new.replicas == rest:
            continue  # nobody goes, or the move is given up
        targets = [each for each in new.replicas if each not in new.adding]
        if not all(each in new.isr for each in targets):
            return f"{name} leaves {gone} with replicas {new.replicas} and ISR {new.isr}"
        if all(_lacks(ghost, each) for each in new.isr):
            return f"{name} leaves {gone}, and nobody in {new.isr} holds all that is committed"
    return None


@check("R9", "applied")
def _members_hold_the_committed(applied: Applied) -> str | None:
    """Who joins the ISR holds all that is committed, or its disk has lost it since."""
    for step in _steps(applied):
        name, old, new, ghost = step
        for member in new.isr:
            if member not in old.isr and not new.recovering and _lacks(ghost, member):
                return (
                    f"broker {member} joins the ISR of {name} in partition epoch "
                    f"{new.partition_epoch} without all that is committed"
                )
    return None
