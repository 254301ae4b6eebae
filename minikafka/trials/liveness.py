"""What must come to be once the faults are over: L1, L2, L3, L4, L8, L9, R20, R21.

`unmet` looks once at a cluster, or at its core: the brokers that are well. Whoever waits asks it
again until nothing is unmet or the time is over; the first rule unmet then is the one violated.
A partition that none of the core may lead is excused: its records are elsewhere. The names are
those of docs/invariants.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from minikafka.base.ids import TopicPartition
from minikafka.broker.group_coordinator import OFFSETS_TOPIC
from minikafka.broker.share_coordinator import SHARE_STATE_TOPIC
from minikafka.log.partition_log import PartitionLog
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.states import PartitionImage
from minikafka.records.batch import Batch
from minikafka.trials.compacted import newest_values
from minikafka.trials.ghost import Ghost, GhostPartition

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker
    from minikafka.trials.simulation import Simulation

__all__ = ["STEPS_PER_S_MAX", "storm", "unmet", "wrong_replicas"]

Unmet: TypeAlias = tuple[str, str]
"""The rule, and what is missing."""

STEPS_PER_S_MAX = 200
"""Callbacks of one idle broker per virtual second; more is a loop that leads nowhere."""
_FETCH_TIMEOUTS = 2


def unmet(simulation: Simulation, core: Sequence[int] | None = None) -> Unmet | None:
    """Return what is not as it must be some time after the last fault; None if all is.

    Args:
        core: ids of the brokers that are well; None for all.
    """
    well = simulation.cluster.brokers if core is None else tuple(core)
    ghost = simulation.invariants.ghost
    image = ghost.image
    if image is None:
        return "L2", "no broker has applied any metadata"
    for look in (_controller, _brokers):
        missing = look(simulation, ghost, image, well)
        if missing is not None:
            return missing
    for name, state in _partitions(image):
        missing = _partition(ghost, image, name, state, well)
        if missing is not None:
            return missing
    return None


def _controller(
    simulation: Simulation, ghost: Ghost, image: MetadataImage, well: Sequence[int]
) -> Unmet | None:
    """One controller stays for two fetch timeouts of the quorum (L1)."""
    timeout_ms = image.static_config.controller_quorum_fetch_timeout_ms
    since_ms = simulation.now * 1000 - ghost.controller_since_ms
    if since_ms < _FETCH_TIMEOUTS * timeout_ms:
        return "L1", f"the controller's epoch is {image.epoch} for no more than {since_ms} ms"
    return None


def _brokers(
    simulation: Simulation, ghost: Ghost, image: MetadataImage, well: Sequence[int]
) -> Unmet | None:
    """Every broker that is well is unfenced, and has applied what is committed (L2)."""
    for broker in well:
        living = ghost.brokers.get(broker)
        if living is None or not simulation.broker(broker).running:
            return "L2", f"broker {broker} is not up"
        if not image.is_active(broker):
            return "L2", f"broker {broker} is fenced"
        # It may be the life before that the metadata knows.
        if living.lifecycle.broker_epoch != image.brokers[broker].broker_epoch:
            return "L2", f"broker {broker} is not registered in its present life"
        if living.image.offset < image.offset:
            return "L2", f"broker {broker} has applied {living.image.offset} of {image.offset}"
    return None


def _partitions(image: MetadataImage) -> Iterator[tuple[TopicPartition, PartitionImage]]:
    for name, topic in image.topics.items():
        for index, state in enumerate(topic.partitions):
            yield TopicPartition(name, index), state


def _partition(
    ghost: Ghost,
    image: MetadataImage,
    name: TopicPartition,
    state: PartitionImage,
    well: Sequence[int],
) -> Unmet | None:
    """One of the core leads, its replicas there are in sync, and hold the same (L3, L4, L8)."""
    candidates = [broker for broker in (*state.isr, *state.elr) if broker in well]
    if not candidates:
        return None
    where = f"{name}: leader {state.leader}, ISR {state.isr}, replicas {state.replicas}"
    if state.leader not in well:
        return "L3", where
    targets = [broker for broker in state.replicas if broker not in state.removing]
    if (state.adding or state.removing) and all(broker in well for broker in targets):
        return "L8", f"{where}, adding {state.adding}, removing {state.removing}"
    wanted = [broker for broker in state.replicas if broker in well]
    if sorted(wanted) != sorted(broker for broker in state.isr if broker in well):
        return "L4", where
    if len(state.isr) > len(wanted):
        return "L4", f"{where}; not all of the ISR are well"
    return _unlike(ghost, image, name, state, wanted, where)


def _unlike(
    ghost: Ghost,
    image: MetadataImage,
    name: TopicPartition,
    state: PartitionImage,
    wanted: Sequence[int],
    where: str,
) -> Unmet | None:
    """The replicas of the core end alike and know it, unless consumers commit all the time (L4)."""
    if ghost.groups.busy and name.topic in (OFFSETS_TOPIC, SHARE_STATE_TOPIC):
        return None
    offsets = []
    for broker in wanted:
        log = _log(ghost.brokers[broker], name)
        if log is None:
            return "L4", f"{where}; broker {broker} has no log of it"
        offsets.append((log.high_watermark, log.log_end_offset))
    min_isr = image.topic_config(name.topic).min_insync_replicas
    if len(state.isr) < min(min_isr, len(state.replicas)):
        # The watermark rightly stands still (KAFKA-15583).
        offsets = [(end, end) for _, end in offsets]
    if any(pair != (offsets[0][1], offsets[0][1]) for pair in offsets):
        return "L4", f"{where}; (high watermark, log end) of the replicas: {offsets}"
    return None


def _log(broker: Broker, name: TopicPartition) -> PartitionLog | None:
    partition = broker.replicas.partition(name)
    return None if partition is None else partition.log


def storm(simulation: Simulation, steps: int, seconds: float) -> str | None:
    """Say where a cluster with nothing to do does too much (L9).

    Args:
        steps: callbacks that ran in `seconds` virtual seconds.
    """
    most = STEPS_PER_S_MAX * len(simulation.brokers) * seconds
    if steps > most:
        return f"{steps} callbacks in {seconds:g} idle seconds, {most:g} would be many"
    return None


def wrong_replicas(simulation: Simulation) -> Unmet | None:
    """Return what a whole cluster holds that it should not, or lacks (R20, R21)."""
    ghost = simulation.invariants.ghost
    image = ghost.image
    assert image is not None
    for name, state in _partitions(image):
        partition = ghost.find(image.topics[name.topic].topic_id, name.partition)
        logs = [(broker, _log(ghost.brokers[broker], name)) for broker in state.replicas]
        present = [(broker, log) for broker, log in logs if log is not None]
        if partition is None or not present:
            continue
        missing = _lost(partition)
        if missing is not None:
            return "R20", missing
        # Each compacts when it likes: below the gaps only what counts is the same.
        start = max(max(log.log_start_offset, log.gaps_below) for _, log in present)
        first_broker, first = present[0]
        content, epochs = _content(first, start), _epochs(first, start)
        compacted = first.config.compacted and not partition.revived
        for broker, log in present[1:]:
            same = _content(log, start) == content
            if not same or (compacted and newest_values(log) != newest_values(first)):
                return "R21", f"brokers {first_broker} and {broker} differ in {name}"
            if _producers(log, start) != _producers(first, start):
                return "R21", (
                    f"{name}: broker {first_broker} knows producers {first.producers}, broker "
                    f"{broker} {log.producers}"
                )
            if _epochs(log, start) != epochs:
                return "R21", (
                    f"{name}: broker {first_broker} knows epochs {epochs}, broker {broker} "
                    f"{_epochs(log, start)}"
                )
    return None


def _lost(ghost: GhostPartition) -> str | None:
    """Say what is committed, and on no disk (R20)."""
    last = ghost.committed_below(ghost.true_watermark)
    if last is None or any(chain.holds(last) for chain in ghost.chains.values()):
        return None
    return f"{ghost.name}: nobody holds all that was committed, up to {last.next_offset}"


def _content(log: PartitionLog, start: int) -> bytes:
    batches: list[Batch] = [batch for batch in log.batches() if batch.next_offset > start]
    return b"".join(batch.view for batch in batches)


def _producers(log: PartitionLog, start: int) -> dict[int, tuple[object, ...]]:
    """Return what is known of the producers that have written from `start` on."""
    found: dict[int, tuple[object, ...]] = {}
    for producer_id, entry in sorted(log.producers.entries.items()):
        if entry.last_offset >= start:
            batches = tuple(kept for kept in entry.batches if kept[2] >= start)
            opened = entry.transaction_start
            since = None if opened is None else max(opened, start)
            found[producer_id] = (entry.producer_epoch, since, batches)
    return found


def _epochs(log: PartitionLog, start: int) -> list[tuple[int, int]]:
    """Return the epochs that have records, each from `start` on."""
    found = []
    entries = log.epochs.entries
    ends = [*(begin for _, begin in entries), log.log_end_offset][1:]
    for (epoch, begin), end in zip(entries, ends, strict=False):
        if end > max(begin, start):
            found.append((epoch, max(begin, start)))
    return found
