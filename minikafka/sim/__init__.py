"""Simulation: whole clusters and their clients in virtual time, reproduced by a seed.

    from minikafka import sim

    @sim.test(seeds=50, brokers=3, topics={"orders": 3})
    async def test_no_order_is_lost(s: sim.Simulation):
        ...

The modules of this package know nothing of Kafka: an event loop, a network, hosts, disks, and
the plugs that keep a run free of anything but its seed. The names below belong to users; each is
imported on first use from where it lives, which is above this package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minikafka.sim.errors import Deadlock, Leak, Livelock, SimError, TimeLimit
    from minikafka.sim.hosts import Host
    from minikafka.sim.world import simulate
    from minikafka.trials.chaos import (
        ALL_KINDS,
        clock_skew,
        controlled_restart,
        disk_error,
        isolate,
        kill,
        partition,
        pause,
        power_loss,
        refuse,
        reset,
        slow_disk,
        slow_link,
    )
    from minikafka.trials.checks import (
        no_acked_lost,
        no_duplicates,
        offsets_monotonic,
        replicas_agree,
    )
    from minikafka.trials.invariants import Violation
    from minikafka.trials.run import Result, run
    from minikafka.trials.simulation import Simulation
    from minikafka.trials.testing import test

__all__ = [
    "ALL_KINDS",
    "Deadlock",
    "Host",
    "Leak",
    "Livelock",
    "Result",
    "SimError",
    "Simulation",
    "TimeLimit",
    "Violation",
    "clock_skew",
    "controlled_restart",
    "disk_error",
    "isolate",
    "kill",
    "no_acked_lost",
    "no_duplicates",
    "offsets_monotonic",
    "partition",
    "pause",
    "power_loss",
    "refuse",
    "replicas_agree",
    "reset",
    "run",
    "simulate",
    "slow_disk",
    "slow_link",
    "test",
]

_CHAOS = (
    "ALL_KINDS", "clock_skew", "controlled_restart", "disk_error", "isolate", "kill",
    "partition", "pause", "power_loss", "refuse", "reset", "slow_disk", "slow_link",
)  # fmt: skip
_CHECKS = ("no_acked_lost", "no_duplicates", "offsets_monotonic", "replicas_agree")
_ERRORS = ("Deadlock", "Leak", "Livelock", "SimError", "TimeLimit")
_HOMES = {
    **dict.fromkeys(_CHAOS, "minikafka.trials.chaos"),
    **dict.fromkeys(_CHECKS, "minikafka.trials.checks"),
    **dict.fromkeys(_ERRORS, "minikafka.sim.errors"),
    "Host": "minikafka.sim.hosts",
    "Result": "minikafka.trials.run",
    "Simulation": "minikafka.trials.simulation",
    "Violation": "minikafka.trials.invariants",
    "run": "minikafka.trials.run",
    "simulate": "minikafka.sim.world",
    "test": "minikafka.trials.testing",
}
"""Where each public name lives."""


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
