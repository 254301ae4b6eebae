"""Checks of a finished scenario, for `Simulation.check`: what its brokers promised, they kept.

Each takes the simulation and returns what is wrong, or None. What a power loss may take with the
settings in force (`GhostPartition.licensed`) is not held against the brokers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from minikafka.cluster.partition_state import PartitionState
from minikafka.records.batch import split_batches

if TYPE_CHECKING:
    from minikafka.trials.simulation import Simulation

__all__ = [
    "UserCheck",
    "no_acked_lost",
    "no_duplicates",
    "offsets_monotonic",
    "replicas_agree",
]

UserCheck: TypeAlias = "Callable[[Simulation], str | None]"


def no_acked_lost(simulation: Simulation) -> str | None:
    """Every record acknowledged with acks=all is there for consumers, at its offset."""
    for topic in _topics(simulation):
        found = {
            (r.partition, r.offset): r.value
            for r in simulation.records(topic, isolation="read_uncommitted")
        }
        licensed = _licensed(simulation, topic)
        starts = _log_starts(simulation, topic)
        for record in simulation.acked(topic):
            place = (record.partition, record.offset)
            if record.offset < starts[record.partition]:
                continue  # retention, or DeleteRecords
            if found.get(place) != record.value and record.partition not in licensed:
                there = "another one" if place in found else "nothing"
                return f"{topic}-{place[0]} holds {there} at {place[1]}, acknowledged: {record}"
    return None


def no_duplicates(simulation: Simulation) -> str | None:
    """No two records of a topic have the same key, value and timestamp."""
    for topic in _topics(simulation):
        seen: dict[object, int] = {}
        for record in simulation.records(topic, isolation="read_uncommitted"):
            identity = (record.partition, record.key, record.value, record.timestamp_ms)
            if identity in seen:
                return f"{topic}-{record.partition}: {record} is at {seen[identity]}, too"
            seen[identity] = record.offset
    return None


def offsets_monotonic(simulation: Simulation) -> str | None:
    """Offsets of a partition grow, by one unless it is compacted; none is given to two records.

    Where one is missing there is the marker of a transaction.
    """
    for topic in _topics(simulation):
        last: dict[int, int] = {}
        compacted = simulation.cluster._view.image().topic_config(topic).compacted
        for record in simulation.records(topic, isolation="read_uncommitted"):
            before = last.get(record.partition, record.offset - 1)
            last[record.partition] = record.offset
            gap = range(before + 1, record.offset)
            if record.offset <= before or (gap and not compacted):
                if gap and set(gap) <= _markers(simulation, topic, record.partition):
                    continue
                return f"{topic}-{record.partition}: offset {record.offset} follows {before}"
        promised: dict[tuple[int, int], object] = {}
        licensed = _licensed(simulation, topic)
        for record in simulation.acked(topic):
            place = (record.partition, record.offset)
            identity = (record.key, record.value, record.timestamp_ms)
            known = promised.setdefault(place, identity)
            if known != identity and record.partition not in licensed:
                return f"{topic}-{place[0]}: offset {place[1]} acknowledged for two records"
    return None


def replicas_agree(simulation: Simulation) -> str | None:
    """All replicas of each partition that are up hold the same bytes (R21)."""
    cluster = simulation.cluster
    for topic in _topics(simulation):
        for state in _states(simulation, topic):
            logs = {
                broker: cluster.log_bytes(broker, topic, state.partition)
                for broker in state.replica_states
            }
            first = next(iter(logs.values()), b"")
            for broker, log in logs.items():
                if log != first:
                    return f"broker {broker} holds another {topic}-{state.partition}:\n{state}"
    return None


def _topics(simulation: Simulation) -> list[str]:
    image = simulation.invariants.ghost.image
    return [] if image is None else sorted(image.topics)


def _markers(simulation: Simulation, topic: str, index: int) -> set[int]:
    """Return the offsets of the markers in a partition, by the log of its leader."""
    leader = simulation.cluster.describe(topic, index).leader
    if leader is None:
        return set()
    found = split_batches(memoryview(simulation.cluster.log_bytes(leader, topic, index)))
    return {batch.base_offset for batch in found if batch.is_control}


def _licensed(simulation: Simulation, topic: str) -> dict[int, None]:
    """Return the partitions that were allowed to lose something."""
    ghost = simulation.invariants.ghost
    assert ghost.image is not None
    topic_id = ghost.image.topics[topic].topic_id
    return {
        index: None
        for (known_id, index), partition in ghost.partitions.items()
        if known_id == topic_id and partition.may_have_lost
    }


def _log_starts(simulation: Simulation, topic: str) -> list[int]:
    """Return the first offset that each partition still has."""
    return [
        max((replica.log_start_offset for replica in state.replica_states.values()), default=0)
        for state in _states(simulation, topic)
    ]


def _states(simulation: Simulation, topic: str) -> list[PartitionState]:
    image = simulation.invariants.ghost.image
    assert image is not None
    count = len(image.topics[topic].partitions)
    return [simulation.cluster.describe(topic, index) for index in range(count)]
