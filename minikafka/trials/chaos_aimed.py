"""Kinds of faults that show one planted bug each, which others show by rare luck only.

Profiles draw none of them: what a seed is would change. The names are those of
docs/simulation.md.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING

from minikafka.base.errors import KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.trials.chaos_directed import controller_of, is_fenced, leads

if TYPE_CHECKING:
    from minikafka.metadata.states import PartitionImage
    from minikafka.trials.simulation import BrokerHost, Simulation

__all__ = ["AIMED_KINDS", "fenced_follower", "late_answer", "late_leader", "returned_replica"]

_WITHIN_S = 20.0


async def fenced_follower(simulation: Simulation, draws: Random) -> None:
    """Cut a follower off the controller alone, until it is fenced and its leader knows."""
    found = _begin(simulation, draws, "fenced_follower")
    if found is None:
        return
    follower, controller = found[2], found[3]
    simulation.faults += 1
    network, pair = simulation.network, (follower.host.name, controller.host.name)
    try:
        network.partition(*pair)
        with contextlib.suppress(TimeoutError):
            await simulation.until(lambda: is_fenced(simulation, follower), _WITHIN_S)
        await asyncio.sleep(draws.uniform(1.0, 3.0))
    finally:
        simulation.alone.clear()
        network.heal(*pair)


async def late_leader(simulation: Simulation, draws: Random) -> None:
    """Let a leader hear late that a follower is fenced, which has just come back to it."""
    found = _begin(simulation, draws, "late_leader")
    if found is None:
        return
    _, leader, follower, controller = found
    simulation.faults += 1
    network, pair = simulation.network, (controller.host.name, leader.host.name)
    living = simulation.invariants.ghost.brokers[controller.id].quorum

    def is_decided() -> bool:
        """Say whether the follower is fenced, as the controller sees it: committed or not."""
        decides = living.controller
        return decides is None or not decides.image.is_active(follower.id)

    try:
        network.set_link(*pair, latency=(1.8, 2.0), oneway=True)
        network.partition(follower.host, [leader.host.name, controller.host.name])
        with contextlib.suppress(TimeoutError):
            await simulation.until(is_decided, _WITHIN_S)
        network.heal(follower.host, leader.host.name)
        # Else it would take its turn of a retransmission.
        network.reset(follower.host, leader.host.name)
        await asyncio.sleep(draws.uniform(2.0, 4.0))
    finally:
        simulation.alone.clear()
        network.heal(follower.host, [leader.host.name, controller.host.name])
        network.set_link(*pair, latency=network.default.latency, oneway=True)


async def returned_replica(simulation: Simulation, draws: Random) -> None:
    """Move a replica away from a follower and back, which cannot fetch from its leader then."""
    found = _begin(simulation, draws, "returned_replica")
    if found is None:
        return
    name, leader, follower, _ = found
    network, pair = simulation.network, (leader.host.name, follower.host.name)
    image = simulation.invariants.ghost.image
    state = None if image is None else image.partition(name)
    try:
        if state is None:
            return
        others = [broker.id for broker in simulation.brokers if broker is not follower]
        rest = [each for each in state.replicas if each != follower.id]
        # Never to one broker: what then happens to its disk would be licensed.
        rest += [each for each in others if each not in rest][: max(0, 2 - len(rest))]
        simulation.faults += 1
        await simulation.cluster.reassign(*name, rest, timeout=_WITHIN_S)
        network.partition(*pair)
        with contextlib.suppress(TimeoutError):
            await simulation.cluster.reassign(
                *name, list(state.replicas), timeout=draws.uniform(2.0, 4.0)
            )
    except (KafkaError, TimeoutError):
        return  # another fault is in the way
    finally:
        simulation.alone.clear()
        network.heal(*pair)


async def late_answer(simulation: Simulation, draws: Random) -> None:
    """Keep answers of a leader on their way until somebody else has led, and it leads again.

    What it wrote meanwhile only it has, and has to give up; its answers tell of that.
    """
    found = _begin(simulation, draws, "late_answer")
    if found is None:
        return
    _, leader, follower, _ = found
    simulation.faults += 1
    network, pair = simulation.network, (leader.host.name, follower.host.name)
    others = [each.host.name for each in simulation.brokers if each not in (leader, follower)]
    try:
        slowest = draws.uniform(4.0, 6.0)
        network.set_link(*pair, latency=(slowest * 0.9, slowest), oneway=True)
        network.partition(leader.host, others)
        with contextlib.suppress(TimeoutError):
            await simulation.until(lambda: is_fenced(simulation, leader), _WITHIN_S)
        network.heal(leader.host, others)
        with contextlib.suppress(TimeoutError):
            await simulation.until(lambda: leads(simulation, leader), _WITHIN_S)
        await asyncio.sleep(slowest / 2)
    finally:
        simulation.alone.clear()
        network.heal(leader.host, others)
        network.set_link(*pair, latency=network.default.latency, oneway=True)


Aim = tuple[TopicPartition, "BrokerHost", "BrokerHost", "BrokerHost"]
"""A partition, its leader, a follower of it, and the controller's broker, which is neither."""


def _begin(simulation: Simulation, draws: Random, name: str) -> Aim | None:
    """Choose whom to aim at, None where all is not well: these come one at a time."""
    if simulation.alone or not all(broker.running for broker in simulation.brokers):
        return None
    found = list(_aims(simulation))
    if not found:
        return None
    simulation.alone[name] = None
    return found[draws.randrange(len(found))]


def _aims(simulation: Simulation) -> Iterator[Aim]:
    controller, image = controller_of(simulation), simulation.invariants.ghost.image
    if controller is None or image is None:
        return
    hosts = {broker.id: broker for broker in simulation.brokers if broker is not controller}
    for topic in image.topics.values():
        for index, partition in enumerate(topic.partitions):
            leader = hosts.get(partition.leader)
            for replica in _followers(partition):
                follower = hosts.get(replica)
                if leader is not None and follower is not None:
                    yield TopicPartition(topic.name, index), leader, follower, controller


def _followers(partition: PartitionImage) -> list[int]:
    return [each for each in partition.isr if each != partition.leader]


AIMED_KINDS = (fenced_follower, late_leader, returned_replica, late_answer)
"""Every kind of this file, in a fixed order."""
