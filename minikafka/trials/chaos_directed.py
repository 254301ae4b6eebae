"""Kinds of faults that aim at one decision of replication, for planted bugs and for swarms.

Where the kinds of `chaos` hit anybody, these choose: the leader of some partition, the link over
which its next order comes, the file of one replica. The names are those of docs/simulation.md.
"""

from __future__ import annotations

import asyncio
import contextlib
from random import Random
from typing import TYPE_CHECKING

from minikafka.base.errors import KafkaError
from minikafka.records.batch import ATTRIBUTES_POSITION, split_batches

if TYPE_CHECKING:
    from minikafka.trials.simulation import BrokerHost, Simulation

__all__ = [
    "DIRECTED_KINDS",
    "bit_rot",
    "brief_topic",
    "clean_restart",
    "controller_of",
    "flap",
    "is_fenced",
    "late_controller",
    "late_fetch",
    "late_follower",
    "leads",
    "lost_wish",
    "narrow_link",
    "remade_topic",
]

REMADE = "remade"
BRIEF = "brief"
_FENCED_WITHIN_S = 20.0
_LEFT_WITHIN_S = 5.0


def _a_leader(simulation: Simulation, draws: Random) -> BrokerHost | None:
    """Return the leader of some partition, but not the controller's broker: that stays well."""
    image = simulation.invariants.ghost.image
    if image is None:
        return None
    leaders = [
        partition.leader for topic in image.topics.values() for partition in topic.partitions
    ]
    found = [
        broker
        for broker in simulation.brokers
        if broker.id in leaders and broker.up and not _is_controller(simulation, broker)
    ]
    return found[draws.randrange(len(found))] if found else None


def _is_controller(simulation: Simulation, broker: BrokerHost) -> bool:
    living = simulation.invariants.ghost.brokers.get(broker.id)
    return living is not None and living.is_controller


def controller_of(simulation: Simulation) -> BrokerHost | None:
    """Return the broker that knows itself to be the controller, None without one."""
    found = [broker for broker in simulation.brokers if _is_controller(simulation, broker)]
    return found[0] if found else None


async def _depose(simulation: Simulation, leader: BrokerHost) -> None:
    """Cut a broker off the controller until it leads nothing any more, and no longer."""
    controller = controller_of(simulation)
    if controller is None:
        return
    simulation.network.partition(leader.host.name, controller.host.name)
    with contextlib.suppress(TimeoutError):
        await simulation.until(lambda: is_fenced(simulation, leader), _FENCED_WITHIN_S)
    simulation.network.heal(leader.host.name, controller.host.name)


def is_fenced(simulation: Simulation, broker: BrokerHost) -> bool:
    """Say whether a broker is fenced, or leaves, by the newest metadata."""
    image = simulation.invariants.ghost.image
    return image is not None and not image.is_active(broker.id)


async def flap(simulation: Simulation, draws: Random) -> None:
    """Move leaderships away and soon on again: a leader is deposed, then its successor."""
    for _ in range(2):
        leader = _a_leader(simulation, draws)
        if leader is None:
            return
        simulation.faults += 1
        await _depose(simulation, leader)
        await asyncio.sleep(draws.uniform(0.0, 1.5))


async def late_fetch(simulation: Simulation, draws: Random) -> None:
    """Make a link between two brokers slow, and change leaders while fetches are on it."""
    leader = _a_leader(simulation, draws)
    others = [
        broker
        for broker in simulation.brokers
        if broker is not leader and not _is_controller(simulation, broker)
    ]
    if leader is None or not others:
        return
    simulation.faults += 1
    other = others[draws.randrange(len(others))]
    slowest = draws.uniform(0.5, 4.0)
    simulation.network.set_link(leader.host.name, other.host.name, latency=(0.1, slowest))
    await _depose(simulation, leader)
    await asyncio.sleep(draws.uniform(0.5, 4.0))
    default = simulation.network.default
    simulation.network.set_link(leader.host.name, other.host.name, latency=default.latency)


async def _restart(simulation: Simulation, broker: BrokerHost) -> None:
    """Let a broker leave in good order, and start it again."""
    living = simulation.invariants.ghost.brokers[broker.id]
    incarnation = broker.host.incarnation
    leaving = broker.host.spawn(living.leave(), name="leave")
    try:
        await asyncio.wait([leaving], timeout=_LEFT_WITHIN_S)  # noqa: TID251 - one has one order
    finally:
        # Who has said that he leaves must go, also where the chaos ends meanwhile.
        if leaving.done() and not leaving.cancelled():
            leaving.exception()  # other faults may be in the way
        if broker.up and broker.host.incarnation is incarnation:
            broker.crash("kill")
    await asyncio.sleep(0.2)
    if not broker.up:
        broker.restart()


async def clean_restart(simulation: Simulation, draws: Random) -> None:
    """Stop a leader in good order, which moves its leaderships at once, and start it again."""
    leader = _a_leader(simulation, draws)
    if leader is not None and all(broker.running for broker in simulation.brokers):
        simulation.faults += 1
        await _restart(simulation, leader)


async def late_follower(simulation: Simulation, draws: Random) -> None:
    """Let a follower hear nothing from the controller; meanwhile change its leader, and back."""
    leader, controller = _a_leader(simulation, draws), controller_of(simulation)
    others = [broker for broker in simulation.brokers if broker not in (leader, controller)]
    if leader is None or controller is None or not others or simulation.alone:
        return
    simulation.faults += 1
    simulation.alone["late_follower"] = None
    pair = controller.host.name, others[draws.randrange(len(others))].host.name
    try:
        simulation.network.partition(*pair, oneway=True)
        if draws.random() < 0.5 and leader.running:
            await _restart(simulation, leader)
        else:
            await _depose(simulation, leader)
        with contextlib.suppress(TimeoutError):
            await simulation.until(lambda: leads(simulation, leader), _FENCED_WITHIN_S)
        await asyncio.sleep(draws.uniform(1.0, 3.0))
    finally:
        simulation.alone.clear()
        simulation.network.heal(*pair)


def leads(simulation: Simulation, broker: BrokerHost) -> bool:
    """Say whether a broker leads something, by the newest metadata."""
    image = simulation.invariants.ghost.image
    return image is not None and any(
        partition.leader == broker.id
        for topic in image.topics.values()
        for partition in topic.partitions
    )


async def late_controller(simulation: Simulation, draws: Random) -> None:
    """Let a leader hear late from the controller: what it decided has long been in force."""
    leader, controller = _a_leader(simulation, draws), controller_of(simulation)
    if leader is None or controller is None:
        return
    simulation.faults += 1
    pair = leader.host.name, controller.host.name
    latency = draws.uniform(0.3, 1.2)
    simulation.network.set_link(*pair, latency=(latency, latency * 1.2))
    await asyncio.sleep(draws.uniform(4, 12))
    if draws.random() < 0.5:
        simulation.network.reset(*pair)
    simulation.network.set_link(*pair, latency=simulation.network.default.latency)


async def lost_wish(simulation: Simulation, draws: Random) -> None:
    """Have a leader ask a follower back into the ISR, and lose the question or the answer."""
    leader, controller = _a_leader(simulation, draws), controller_of(simulation)
    others = [broker for broker in simulation.brokers if broker not in (leader, controller)]
    if leader is None or controller is None or not others or simulation.alone:
        return
    simulation.faults += 1
    simulation.alone["lost_wish"] = None
    network, other = simulation.network, others[draws.randrange(len(others))]
    pair = leader.host.name, controller.host.name
    try:
        network.partition(leader.host.name, other.host.name)
        with contextlib.suppress(TimeoutError):
            await simulation.until(lambda: _is_out(simulation, leader, other), _FENCED_WITHIN_S)
        network.set_link(*pair, latency=(0.6, 0.7))
        network.heal(leader.host.name, other.host.name)
        await asyncio.sleep(draws.uniform(0.3, 2.0))
        network.reset(*pair)
    finally:
        simulation.alone.clear()
        network.heal(leader.host.name, other.host.name)
        network.set_link(*pair, latency=network.default.latency)


def _is_out(simulation: Simulation, leader: BrokerHost, other: BrokerHost) -> bool:
    """Say whether some partition of a leader has lost a follower out of its ISR."""
    image = simulation.invariants.ghost.image
    return image is not None and any(
        partition.leader == leader.id
        and other.id in partition.replicas
        and other.id not in partition.isr
        for topic in image.topics.values()
        for partition in topic.partitions
    )


async def narrow_link(simulation: Simulation, draws: Random) -> None:
    """Let only so many bytes a second through between a leader and another broker."""
    leader = _a_leader(simulation, draws)
    others = [broker for broker in simulation.brokers if broker is not leader]
    if leader is None:
        return
    simulation.faults += 1
    other = others[draws.randrange(len(others))]
    bandwidth = draws.uniform(200, 1_500)
    simulation.network.set_link(leader.host.name, other.host.name, bandwidth=bandwidth)
    await asyncio.sleep(draws.uniform(8, 20))
    simulation.network.set_link(leader.host.name, other.host.name, bandwidth=1e9)


async def bit_rot(simulation: Simulation, draws: Random) -> None:
    """Kill a broker's process and turn one bit of what its disk holds of some topic.

    One that the checksum of a batch covers: of the leader epoch of a batch nobody can know that
    it is wrong, in Apache Kafka neither.
    """
    up = [broker for broker in simulation.brokers if broker.running]
    if len(up) < len(simulation.brokers):
        return
    broker = up[draws.randrange(len(up))]
    names = [name for name in broker.disk.list("") if _is_of_topic(name)]
    if not names or _is_controller(simulation, broker):
        return
    name = names[draws.randrange(len(names))]
    data = b"".join(broker.disk.read(name, 0, broker.disk.size(name)))
    try:
        batches = split_batches(memoryview(data))
    except KafkaError:
        return  # torn, and not yet recovered
    if not batches:
        return
    simulation.faults += 1
    broker.crash("kill")
    index = draws.randrange(len(batches))
    before = sum(batch.size for batch in batches[:index])
    within = draws.randrange(ATTRIBUTES_POSITION, batches[index].size)
    broker.disk.rot(name, before + within, draws.randrange(8))
    await asyncio.sleep(draws.uniform(0.2, 2))
    if not broker.up:
        broker.restart()


def _is_of_topic(name: str) -> bool:
    return name.endswith(".log") and not name.startswith("__")


async def remade_topic(simulation: Simulation, draws: Random) -> None:
    """Delete a topic while one of its replicas is down, and make another of that name."""
    broker = _a_leader(simulation, draws)
    if broker is None or not all(other.running for other in simulation.brokers):
        return
    simulation.faults += 1
    cluster = simulation.cluster
    try:
        await cluster.create_topic(REMADE)
        await cluster.client().produce(REMADE, 0, [b"old"] * draws.randint(1, 5))
        await asyncio.sleep(1)
        broker.crash("kill")
        await cluster.delete_topic(REMADE)
        await cluster.create_topic(REMADE)
        if not broker.up:
            broker.restart()
        await cluster.client().produce(REMADE, 0, [b"new"] * draws.randint(1, 5), acks=1)
        await asyncio.sleep(draws.uniform(5, 10))
        await cluster.delete_topic(REMADE)
    except (KafkaError, TimeoutError):
        # Another fault is in the way.
        pass
    finally:
        if not broker.up:
            broker.restart()


async def brief_topic(simulation: Simulation, draws: Random) -> None:
    """Write to a topic that keeps nothing for long, while one of its followers is cut off."""
    cluster = simulation.cluster
    image = simulation.invariants.ghost.image
    config = {"retention.ms": 500, "segment.ms": 200, "min.insync.replicas": 1}
    simulation.faults += 1
    try:
        if image is not None and BRIEF not in image.topics:
            await cluster.create_topic(BRIEF, config=config)
        leader = cluster.leader(BRIEF, 0)
        others = [broker for broker in simulation.brokers if broker.id != leader]
        other = others[draws.randrange(len(others))]
        if leader is None:
            return
        simulation.network.partition(f"b{leader}", other.host.name)
        for _ in range(draws.randint(3, 8)):
            await cluster.client().produce(BRIEF, 0, [b"x"] * 3, acks=1)
            await asyncio.sleep(draws.uniform(0.2, 1.0))
        simulation.network.heal(f"b{leader}", other.host.name)
    except (KafkaError, TimeoutError):
        return


DIRECTED_KINDS = (
    clean_restart,
    flap,
    late_fetch,
    late_follower,
    late_controller,
    lost_wish,
    narrow_link,
    bit_rot,
    remade_topic,
    brief_topic,
)
"""Every kind of this file, in a fixed order."""
