"""A member of a trial's group begins anew after whatever its client fails with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from minikafka.sim.errors import SimError
from minikafka.trials import group_workload
from minikafka.trials.group_workload import Groups
from minikafka.trials.profiles import GroupPlan
from minikafka.trials.run import Result, run
from minikafka.trials.simulation import Simulation

PLANS = (GroupPlan("g0", 1, "range", by_hand=False, static=False, rebalance_ms=3_000),)


class Client:
    """A consumer that does what it is told, in place of aiokafka's."""

    def __init__(self, *, work: Callable[[], None], stop: Callable[[], None]) -> None:
        self._work = work
        self._stop = stop
        self._fetcher = SimpleNamespace(error_future=asyncio.get_running_loop().create_future())

    async def start(self) -> None:
        """Join."""

    async def getmany(self, **_: object) -> dict[Any, Any]:
        """Find nothing, if not an error."""
        await asyncio.sleep(1.0)
        self._work()
        return {}

    async def stop(self) -> None:
        """Leave, if it can."""
        self._stop()


def nothing() -> None:
    """All is well."""


def failing(error: Exception) -> Callable[[], None]:
    """Return what raises an error whenever it is called."""

    def fail() -> None:
        raise error

    return fail


def lives(
    monkeypatch: pytest.MonkeyPatch, work: Callable[[], None], stop: Callable[[], None]
) -> tuple[Result, list[str]]:
    """Let one member live for a minute; return the process in which each client was made."""
    made: list[str] = []

    async def scenario(simulation: Simulation) -> None:
        host = simulation.host("member-g0-0")

        def client(*_: object) -> Client:
            made.append(f"process {host.incarnation.number}")
            return Client(work=work, stop=stop)

        monkeypatch.setattr(group_workload._Member, "_consumer", client)
        groups = Groups(simulation, {"t": 1}, PLANS, simulation.now)
        groups.start()
        await simulation.sleep(60.0)
        groups.stop()

    return run(scenario, seed=1, brokers=1, topics={"t": 1}, keep_trace=False), made


def test_member_whose_client_does_not_close_begins_anew_in_another_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What ended the fetcher comes out of `stop`, and half of the client is left open."""
    from aiokafka.errors import KafkaError

    error = KafkaError("Unexpected error during data retrieval")
    result, made = lives(monkeypatch, work=failing(error), stop=failing(error))
    assert result.error is None, result.text()
    assert made[:3] == ["process 1", "process 2", "process 3"]


@pytest.mark.parametrize("stop", [nothing, failing(KeyError("connection"))])
def test_member_whose_request_has_lost_its_connection_begins_anew(
    stop: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is a KeyError of aiokafka's, in whatever it was doing."""
    result, made = lives(monkeypatch, work=failing(KeyError("connection")), stop=stop)
    assert result.error is None, result.text()
    assert len(made) > 2


def test_error_that_nobody_has_foreseen_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group that is short of a member would be no news of why."""
    result, made = lives(monkeypatch, work=failing(ValueError("bug")), stop=nothing)
    assert isinstance(result.error, SimError)
    assert "member-g0-0 has ended: ValueError('bug')" in result.text()
    assert made == ["process 1"]
