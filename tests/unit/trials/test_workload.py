"""A trial's clients go on whatever theirs, aiokafka's, fail with."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from minikafka.check.history import History
from minikafka.trials.run import run
from minikafka.trials.simulation import Simulation
from minikafka.trials.workload import Workload


class DeadConsumer:
    """Its fetcher has ended, which only `stop` tells; in place of aiokafka's."""

    def __init__(self, closed: list[str]) -> None:
        self._fetcher = SimpleNamespace(error_future=asyncio.get_running_loop().create_future())
        self._closed = closed
        self._client = self

    async def start(self) -> None:
        """Connect."""

    def assign(self, partitions: list[Any]) -> None:
        """Take them."""

    def seek(self, partition: Any, offset: int) -> None:
        """Go there."""

    async def getmany(self, **_: object) -> dict[Any, Any]:
        """Find nothing, and the fetcher dead."""
        await asyncio.sleep(1.0)
        self._fetcher.error_future.set_result(None)
        return {}

    async def stop(self) -> None:
        """Tell what the fetcher ended with."""
        raise KeyError("connection")

    async def close(self) -> None:
        """Close what `stop` has left open."""
        self._closed.append("client")


def test_consumer_whose_fetcher_has_ended_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """And leaves no connection behind."""
    made: list[DeadConsumer] = []
    closed: list[str] = []

    def consumer(*_: object) -> DeadConsumer:
        made.append(DeadConsumer(closed))
        return made[-1]

    async def scenario(simulation: Simulation) -> None:
        workload = Workload(simulation, {"t": 1}, History(), simulation.now)
        workload.add_consumer("c0")
        await simulation.sleep(3.5)
        await workload.stop()

    monkeypatch.setattr(Workload, "_consumer", consumer)
    result = run(scenario, seed=1, brokers=1, topics={"t": 1}, keep_trace=False)
    assert result.error is None, result.text()
    assert len(made) == 4
    assert len(closed) == 4
