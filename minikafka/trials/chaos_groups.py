"""Kinds of faults that aim at consumer groups: at their members and at their coordinators.

Members live on hosts whose names say so. The names are those of docs/simulation.md.
"""

from __future__ import annotations

import asyncio
import contextlib
from random import Random
from typing import TYPE_CHECKING

from minikafka.broker.group_coordinator import OFFSETS_TOPIC

if TYPE_CHECKING:
    from minikafka.sim.hosts import Host
    from minikafka.trials.simulation import BrokerHost, Simulation

__all__ = [
    "GROUP_KINDS",
    "MEMBER_HOST",
    "coordinator_cut",
    "coordinator_kill",
    "coordinator_pause",
    "member_kill",
    "member_pause",
]


MEMBER_HOST = "member-"
"""How the names of members' hosts begin."""


def _member(simulation: Simulation, draws: Random) -> Host | None:
    """Return a member's host that is up and not paused; None where there is none."""
    now_ns = simulation.loop.now_ns
    hosts = [
        host
        for name, host in simulation.network.hosts.items()
        if name.startswith(MEMBER_HOST)
        and host.up
        and host.incarnation.stalled_until_ns <= now_ns
    ]
    return hosts[draws.randrange(len(hosts))] if hosts else None


def _coordinator(simulation: Simulation, draws: Random) -> BrokerHost | None:
    """Return a broker that coordinates groups and may be taken down."""
    image = simulation.invariants.ghost.image
    topic = None if image is None else image.topics.get(OFFSETS_TOPIC)
    now_ns = simulation.loop.now_ns
    well = [
        broker
        for broker in simulation.brokers
        if broker.up and broker.host.incarnation.stalled_until_ns <= now_ns
    ]
    if topic is None or len(simulation.brokers) - len(well) >= simulation.down_at_once:
        return None
    leaders = [partition.leader for partition in topic.partitions]
    found = [broker for broker in well if broker.id in leaders]
    return found[draws.randrange(len(found))] if found else None


async def member_kill(simulation: Simulation, draws: Random) -> None:
    """End a member's process; it is back before its session is over, or after."""
    host = _member(simulation, draws)
    if host is None:
        return
    simulation.faults += 1
    host.crash()
    await asyncio.sleep(draws.uniform(0.2, 9))
    if not host.up and host.program is not None:
        host.restart()


async def member_pause(simulation: Simulation, draws: Random) -> None:
    """Stall a member, for longer than its session or not."""
    host = _member(simulation, draws)
    if host is not None:
        simulation.faults += 1
        host.pause(draws.uniform(2, 14))


async def coordinator_kill(simulation: Simulation, draws: Random) -> None:
    """End the process of a broker that coordinates groups; it is back after up to 5 seconds."""
    broker = _coordinator(simulation, draws)
    if broker is None:
        return
    simulation.faults += 1
    broker.crash()
    await asyncio.sleep(draws.uniform(0.2, 5))
    if not broker.up:
        broker.restart()


async def coordinator_pause(simulation: Simulation, draws: Random) -> None:
    """Stall a broker that coordinates groups."""
    broker = _coordinator(simulation, draws)
    if broker is not None:
        simulation.faults += 1
        broker.pause(draws.uniform(0.5, 8))


async def coordinator_cut(simulation: Simulation, draws: Random) -> None:
    """Cut a broker that coordinates groups off the others, until it is deposed or a while."""
    broker = _coordinator(simulation, draws)
    if broker is None:
        return
    simulation.faults += 1
    others = [other.host.name for other in simulation.brokers if other is not broker]
    simulation.network.partition(broker.host, others)
    with contextlib.suppress(TimeoutError):
        await simulation.until(lambda: _is_deposed(simulation, broker), draws.uniform(1, 12))
    simulation.network.heal(broker.host, others)


def _is_deposed(simulation: Simulation, broker: BrokerHost) -> bool:
    image = simulation.invariants.ghost.image
    topic = None if image is None else image.topics.get(OFFSETS_TOPIC)
    return topic is not None and all(each.leader != broker.id for each in topic.partitions)


GROUP_KINDS = (member_kill, member_pause, coordinator_kill, coordinator_pause, coordinator_cut)
"""Every kind that hits groups, in a fixed order."""
