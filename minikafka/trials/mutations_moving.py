"""Planted bugs in moving replicas and in reading from followers."""

from __future__ import annotations

from typing import Any

from minikafka.replication.selector import RACK_AWARE
from minikafka.trials.mutation import Mutation, Patch

__all__ = ["MOVING_MUTATIONS"]


def _keeps_follower_state() -> list[Patch]:
    from minikafka.broker.replica_manager import ReplicaManager

    real = ReplicaManager._lead

    def lead(self: Any, partition: Any, state: Any) -> None:
        real(self, partition, state)
        known = self.__dict__.setdefault("_known_progress", {})
        kept = known.setdefault(partition.topic_partition, {})
        progress = partition.leader.progress
        progress.update({broker: kept[broker] for broker in progress if broker in kept})
        kept.update(progress)

    return [(ReplicaManager, "_lead", lead)]


def _ends_moves_early() -> list[Patch]:
    from minikafka.metadata import leadership
    from minikafka.metadata.assignments import Assignment
    from minikafka.metadata.assignments import settled as real

    def settled(partition: Any, assignment: Any, isr: Any) -> Any:
        target, left = real(partition, assignment, isr)
        staying = [each for each in left if each not in target.removing]
        if not Assignment.of(target).in_progress or not staying:
            return target, left
        replicas = tuple(each for each in target.replicas if each not in target.removing)
        return real(partition, Assignment(replicas), tuple(staying))

    return [(leadership, "settled", settled)]


def _sends_consumers_to_laggards() -> list[Patch]:
    from minikafka.broker import replica_manager
    from minikafka.replication.selector import preferred_replica as real

    class _All:
        """A leader whose replicas all count as in sync."""

        def __init__(self, leader: Any) -> None:
            self._leader = leader
            self.isr = leader.replicas

        def __getattr__(self, name: str) -> Any:
            return getattr(self._leader, name)

    def preferred(leader: Any, *arguments: Any) -> Any:
        return real(_All(leader), *arguments)  # type: ignore[arg-type]  # looks like one

    return [(replica_manager, "preferred_replica", preferred)]


MOVING_MUTATIONS: dict[str, Mutation] = {
    "M08": Mutation(
        "a leader remembers what a replica held before it was removed and added again",
        ("R9", "R6", "R4", "R3", "R11", "C9"),
        _keeps_follower_state,
        ("returned_replica",),
        ancestor="Vanlightly, Kafka replication, follower state",
    ),
    "M28": Mutation(
        "a move ends when one of its targets is in sync",
        ("C9",),
        _ends_moves_early,
        ("reassign", "slow_link", "pause"),
        ancestor="KAFKA-15665",
    ),
    "M37": Mutation(
        "a leader sends consumers to a replica outside the ISR",
        ("R16",),
        _sends_consumers_to_laggards,
        ("isolate", "slow_link", "pause", "kill"),
        ancestor="KAFKA-14372",
        config={"replica.selector.class": RACK_AWARE},
    ),
}
"""Planted bugs of this kind, by id."""
