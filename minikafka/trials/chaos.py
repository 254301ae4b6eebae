"""Kinds of faults for `Simulation.chaos`: each begins, lasts a while, and is taken back.

A kind takes the simulation and its own chance. Durations are virtual seconds. Names are those
of docs/simulation.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from minikafka.base.errors import KafkaError
from minikafka.trials.chaos_aimed import AIMED_KINDS
from minikafka.trials.chaos_directed import DIRECTED_KINDS
from minikafka.trials.chaos_groups import GROUP_KINDS
from minikafka.trials.chaos_producers import PRODUCER_KINDS
from minikafka.trials.chaos_quorum import QUORUM_KINDS
from minikafka.trials.chaos_transactions import TRANSACTION_KINDS

if TYPE_CHECKING:
    from minikafka.sim.hosts import CrashMode
    from minikafka.trials.simulation import BrokerHost, Simulation

__all__ = [
    "ALL_KINDS",
    "KINDS",
    "clock_skew",
    "controlled_restart",
    "disk_error",
    "isolate",
    "kill",
    "partition",
    "pause",
    "power_loss",
    "reassign",
    "refuse",
    "reset",
    "slow_disk",
    "slow_link",
]


def _living(simulation: Simulation, draws: Random) -> BrokerHost | None:
    """Return a broker that is up, or None: then there is nothing to break."""
    up = [broker for broker in simulation.brokers if broker.up]
    return up[draws.randrange(len(up))] if up else None


def _to_take_down(simulation: Simulation, draws: Random) -> BrokerHost | None:
    """Return a broker to take down, or None while as many are down as may be at once."""
    now_ns = simulation.loop.now_ns
    well = [
        broker
        for broker in simulation.brokers
        if broker.up and broker.host.incarnation.stalled_until_ns <= now_ns
    ]
    if len(simulation.brokers) - len(well) >= simulation.down_at_once:
        return None
    return well[draws.randrange(len(well))] if well else None


def _other_host(simulation: Simulation, draws: Random, name: str) -> str:
    names = [other for other in simulation.network.hosts if other not in (name, "driver")]
    return names[draws.randrange(len(names))] if names else name


async def partition(simulation: Simulation, draws: Random) -> None:
    """Cut a broker off one other host, one way or both, for half a second up to 10."""
    broker = _living(simulation, draws)
    if broker is None:
        return
    simulation.faults += 1
    name = broker.host.name
    other = _other_host(simulation, draws, name)
    pair = (name, other) if draws.random() < 0.5 else (other, name)
    simulation.network.partition(*pair, oneway=draws.random() < 0.4)
    await asyncio.sleep(draws.uniform(0.5, 10))
    simulation.network.heal(name, other)


async def isolate(simulation: Simulation, draws: Random) -> None:
    """Cut a broker off all other brokers; its clients still reach it."""
    broker = _living(simulation, draws)
    if broker is None:
        return
    simulation.faults += 1
    others = [other.host.name for other in simulation.brokers if other is not broker]
    oneway = draws.random() < 0.3
    if draws.random() < 0.5:
        simulation.network.partition(broker.host, others, oneway=oneway)
    else:
        simulation.network.partition(others, broker.host, oneway=oneway)
    await asyncio.sleep(draws.uniform(0.5, 10))
    simulation.network.heal(broker.host, others)


async def reset(simulation: Simulation, draws: Random) -> None:
    """Reset all connections between a broker and one other host."""
    broker = _living(simulation, draws)
    if broker is not None:
        simulation.faults += 1
        simulation.network.reset(broker.host, _other_host(simulation, draws, broker.host.name))


async def _crash(simulation: Simulation, draws: Random, mode: CrashMode) -> None:
    broker = _to_take_down(simulation, draws)
    if broker is None:
        return
    simulation.faults += 1
    broker.crash(mode)
    await asyncio.sleep(draws.uniform(0.2, 5))
    if not broker.up:
        broker.restart()


async def kill(simulation: Simulation, draws: Random) -> None:
    """End a broker's process; what it wrote stays. It is back after up to 5 seconds."""
    await _crash(simulation, draws, "kill")


async def controlled_restart(simulation: Simulation, draws: Random) -> None:
    """Let a broker shut down in good order, as far as it can, and start it again."""
    broker = _to_take_down(simulation, draws)
    if broker is None or not broker.running:
        return
    simulation.faults += 1
    await broker.shut_down()
    await asyncio.sleep(draws.uniform(0.2, 5))
    if not broker.up:
        broker.restart()


async def power_loss(simulation: Simulation, draws: Random) -> None:
    """Switch a broker's machine off: what was not flushed is gone, and nobody answers for it."""
    await _crash(simulation, draws, "power")


async def pause(simulation: Simulation, draws: Random) -> None:
    """Stall a broker, or a client, for up to 8 seconds."""
    broker = _to_take_down(simulation, draws)
    if broker is None:
        return
    host = broker.host
    if draws.random() < 0.25:
        other = simulation.host(_other_host(simulation, draws, host.name))
        host = other if other.up else host
    if host.incarnation.stalled_until_ns <= simulation.loop.now_ns:
        simulation.faults += 1
        host.pause(draws.uniform(0.5, 8))


async def slow_link(simulation: Simulation, draws: Random) -> None:
    """Make the link between a broker and another host slow, and lossy half of the time."""
    broker = _living(simulation, draws)
    if broker is None:
        return
    simulation.faults += 1
    name = broker.host.name
    other = _other_host(simulation, draws, name)
    slowest = draws.uniform(0.02, 1.0)
    loss = 0.05 if draws.random() < 0.5 else 0.0
    simulation.network.set_link(name, other, latency=(0.01, slowest), loss=loss)
    await asyncio.sleep(draws.uniform(1, 12))
    default = simulation.network.default
    simulation.network.set_link(name, other, latency=default.latency, loss=default.loss)


async def refuse(simulation: Simulation, draws: Random) -> None:
    """Refuse new connections to a broker for a while."""
    broker = _living(simulation, draws)
    if broker is not None:
        simulation.faults += 1
        simulation.network.refuse(broker.host.name)
        await asyncio.sleep(draws.uniform(0.5, 8))
        simulation.network.refuse(broker.host.name, refuse=False)


async def clock_skew(simulation: Simulation, draws: Random) -> None:
    """Set a broker's wall clock wrong, by a minute or by a year."""
    broker = _living(simulation, draws)
    if broker is not None:
        simulation.faults += 1
        broker.clock_skew(draws.choice((-1, 1)) * draws.choice((60.0, 31_536_000.0)))
        await asyncio.sleep(draws.uniform(1, 10))
        broker.clock_skew(0.0)


async def slow_disk(simulation: Simulation, draws: Random) -> None:
    """Let each fsync of a broker take up to half a second."""
    broker = _living(simulation, draws)
    if broker is not None:
        simulation.faults += 1
        broker.disk.fsync_s = (0.001, draws.uniform(0.01, 0.5))
        await asyncio.sleep(draws.uniform(1, 10))
        broker.disk.fsync_s = (0.0, 0.0)


async def disk_error(simulation: Simulation, draws: Random) -> None:
    """Let a broker's next write fail: it halts, and is started again."""
    broker = _to_take_down(simulation, draws)
    if broker is None:
        return
    simulation.faults += 1
    broker.disk.fail_next("append")
    await asyncio.sleep(draws.uniform(1, 5))
    broker.disk.mend()
    if not broker.up:
        broker.restart()


async def reassign(simulation: Simulation, draws: Random) -> None:
    """Move a partition to other brokers that are up, or give a move up that is under way.

    No fault, but it must work in the middle of all of them. Never to fewer than two brokers:
    what then happens to one disk would be licensed.
    """
    image = simulation.invariants.ghost.image
    up = [broker.id for broker in simulation.brokers if broker.up]
    if image is None or not image.topics or len(up) < 2:
        return
    names = sorted(image.topics)
    topic = names[draws.randrange(len(names))]
    index = draws.randrange(len(image.topics[topic].partitions))
    moves = image.topics[topic].partitions[index]
    target: list[int] | None = None
    if not (moves.adding or moves.removing) or draws.random() < 0.7:
        draws.shuffle(up)
        target = up[: draws.randint(2, min(3, len(up)))]
    simulation.faults += 1
    simulation.note(f"reassign {topic}-{index} to {target}")
    try:
        await simulation.cluster.reassign(topic, index, target, timeout=1)
    except (KafkaError, TimeoutError) as error:
        simulation.note(f"reassign {topic}-{index}: {type(error).__name__}")


ALL_KINDS: tuple[Callable[..., Any], ...] = (
    partition,
    isolate,
    reset,
    kill,
    power_loss,
    pause,
    slow_link,
    refuse,
    clock_skew,
    slow_disk,
    disk_error,
    reassign,
    controlled_restart,
)
"""Every kind that hits anybody, in a fixed order."""

KINDS = {
    kind.__name__: kind
    for kind in (
        *ALL_KINDS,
        *DIRECTED_KINDS,
        *QUORUM_KINDS,
        *GROUP_KINDS,
        *AIMED_KINDS,
        *PRODUCER_KINDS,
        *TRANSACTION_KINDS,
    )
}
"""Every kind by its name, for planted bugs that need one."""
