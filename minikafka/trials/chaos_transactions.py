"""Kinds of faults that aim at transactions: at who writes them and at who coordinates them.

Applications live on hosts whose names say so. The names are those of docs/simulation.md.
"""

from __future__ import annotations

import asyncio
import contextlib
from random import Random
from typing import TYPE_CHECKING

from minikafka.broker.transaction_coordinator import TRANSACTIONS_TOPIC
from minikafka.transactions.states import PREPARED
from minikafka.trials.chaos_groups import (
    cut_until_deposed,
    drawn_host,
    drawn_leader,
    kill_for_a_while,
)

if TYPE_CHECKING:
    from minikafka.trials.simulation import BrokerHost, Simulation

__all__ = [
    "APPLICATION_HOST",
    "TRANSACTION_KINDS",
    "application_kill",
    "application_pause",
    "decider_cut",
    "decider_kill",
    "decider_pause",
]

_DECIDED_WITHIN_S = 5.0

APPLICATION_HOST = "app-"
"""How the names of applications' hosts begin."""


async def application_kill(simulation: Simulation, draws: Random) -> None:
    """End an application's process; the next one begins soon, or when its transaction is over."""
    host = drawn_host(simulation, draws, APPLICATION_HOST)
    if host is None:
        return
    simulation.faults += 1
    host.crash()
    await asyncio.sleep(draws.choice((0.2, draws.uniform(0.2, 9))))
    if not host.up and host.program is not None:
        host.restart()


async def application_pause(simulation: Simulation, draws: Random) -> None:
    """Stall an application, for longer than its transaction may last or not."""
    host = drawn_host(simulation, draws, APPLICATION_HOST)
    if host is not None:
        simulation.faults += 1
        host.pause(draws.uniform(1, 14))


async def _decider(simulation: Simulation, draws: Random) -> BrokerHost | None:
    """Return a broker that coordinates transactions and may be taken down.

    Half of the time one that has just decided, and whose markers are on their way.
    """
    if draws.random() < 0.5:
        with contextlib.suppress(TimeoutError):
            await simulation.until(lambda: _deciding(simulation), _DECIDED_WITHIN_S)
    return drawn_leader(simulation, draws, TRANSACTIONS_TOPIC)


def _deciding(simulation: Simulation) -> bool:
    known = simulation.invariants.ghost.transactions.known.values()
    return any(each.state in PREPARED for each in known)


async def decider_kill(simulation: Simulation, draws: Random) -> None:
    """End the process of a broker that coordinates transactions; it is back after up to 5 seconds."""
    broker = await _decider(simulation, draws)
    if broker is not None:
        await kill_for_a_while(simulation, draws, broker)


async def decider_pause(simulation: Simulation, draws: Random) -> None:
    """Stall a broker that coordinates transactions."""
    broker = await _decider(simulation, draws)
    if broker is not None:
        simulation.faults += 1
        broker.pause(draws.uniform(0.5, 8))


async def decider_cut(simulation: Simulation, draws: Random) -> None:
    """Cut a broker that coordinates transactions off the others, until it is deposed or a while."""
    broker = await _decider(simulation, draws)
    if broker is not None:
        simulation.faults += 1
        await cut_until_deposed(simulation, draws, broker, TRANSACTIONS_TOPIC)


TRANSACTION_KINDS = (
    application_kill,
    application_pause,
    decider_kill,
    decider_pause,
    decider_cut,
)
"""Every kind that hits transactions, in a fixed order."""
