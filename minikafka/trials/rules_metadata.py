"""Rules of committed metadata: C2.

The names are those of docs/invariants.md.
"""

from __future__ import annotations

from minikafka.base.ids import NO_LEADER
from minikafka.trials.invariants import Applied, check

__all__ = ["REGISTERED_HERE"]

REGISTERED_HERE = ("C2",)


@check("C2", "applied")
def _leader_and_isr_fit(applied: Applied) -> str | None:
    """The ISR is part of the replicas and not empty; the leader is in it, or there is none."""
    for name in applied.delta.partitions_changed:
        partition = applied.image.partition(name)
        if partition is None:
            continue
        isr, replicas = partition.isr, partition.replicas
        sound = isr and all(member in replicas for member in isr)
        if not sound or partition.leader not in (*isr, NO_LEADER):
            return (
                f"broker {applied.broker} applied {name}: leader {partition.leader}, "
                f"ISR {isr}, replicas {replicas}"
            )
    return None
