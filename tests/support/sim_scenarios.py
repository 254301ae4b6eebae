"""Simulated tests that are run by tests, not collected: one that passes, some that do not."""

from __future__ import annotations

import os

from minikafka import sim

__all__ = ["evens_only", "leaks", "passes"]


@sim.test(seeds=3, brokers=1, topics={"orders": 2}, config={"num.partitions": 5})
async def passes(s: sim.Simulation) -> None:
    """A scenario gets the cluster that the decorator says."""
    assert [broker.id for broker in s.brokers] == [1]
    assert s.cluster.describe("orders", 1).leader == 1
    await s.sleep(1)


@sim.test(seeds=4, brokers=1)
async def evens_only(s: sim.Simulation) -> None:
    """Odd seeds fail."""
    s.note(f"about to look at seed {s.seed}")
    assert int(s.seed) % 2 == 0, f"{s.seed} is odd"


@sim.test(seeds=1, brokers=1)
async def leaks(s: sim.Simulation) -> None:
    """What is noted is the process's own."""
    s.note(os.environ["LEAK"] + open("/proc/self/stat").read().split()[0])  # noqa: ASYNC230, SIM115
    raise LookupError
