"""A cluster on simulated machines, as a scenario has it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from minikafka.sim.errors import Leak
from minikafka.trials.checks import no_acked_lost, no_duplicates, offsets_monotonic
from minikafka.trials.invariants import Violation
from minikafka.trials.run import Result, run
from minikafka.trials.simulation import Simulation

CONFIG = {
    "broker.heartbeat.interval.ms": 500,
    "broker.session.timeout.ms": 2_000,
    "replica.lag.time.max.ms": 2_000,
}


def outcome(
    scenario: Callable[[Simulation], Coroutine[Any, Any, Any]], seed: int = 1
) -> Result:
    """Run a scenario on three brokers with a topic."""
    return run(scenario, seed=seed, topics={"t": 1}, config=CONFIG)


def value(scenario: Callable[[Simulation], Coroutine[Any, Any, Any]], seed: int = 1) -> Any:
    """Return what it returns, or raise what it raised."""
    result = outcome(scenario, seed)
    if result.error is not None:
        raise result.error
    return result.value


@pytest.mark.parametrize("mode", ["kill", "power"])
def test_leader_that_dies_is_replaced_and_comes_back(mode: Any) -> None:
    """Another member of the ISR leads; the old one catches up; nothing acknowledged is gone."""

    async def scenario(s: Simulation) -> list[bytes | None]:
        client = s.cluster.client()
        await client.produce("t", 0, [b"before"])
        old = s.cluster.leader("t", 0)
        assert old is not None
        await s.sleep(1)
        s.broker(old).crash(mode)
        if old == 1:  # the controller decides nothing while it is away
            await s.sleep(1)
            s.broker(old).restart()
        await s.until(lambda: s.cluster.leader("t", 0) not in (old, None), timeout=60)
        await client.produce("t", 0, [b"meanwhile"])
        if not s.broker(old).up:
            s.broker(old).restart()
        await s.converged()
        s.check(no_acked_lost, no_duplicates, offsets_monotonic)
        return [record.value for record in s.acked("t")]

    assert value(scenario) == [b"before", b"meanwhile"]


def test_check_finds_what_is_missing() -> None:
    """An acknowledged record that is not there is a violation with its place."""

    async def scenario(s: Simulation) -> None:
        client = s.cluster.client()
        await client.produce("t", 0, [b"there"])
        sent = s._acked._sent[0]
        forged = memoryview(bytearray(sent.data))
        forged[7] = 9  # the base offset of a batch that nobody has
        s._acked._sent.append(sent._replace(base_offset=9, data=forged))
        s.check(no_acked_lost)

    error = outcome(scenario).error
    assert isinstance(error, Violation)
    assert error.name == "no_acked_lost"
    assert "t-0 holds nothing at 9" in str(error)


def test_violation_ends_the_run_whoever_catches_it() -> None:
    """A check of one's own is called at its hook, and stops everything."""
    reached: list[str] = []

    async def scenario(s: Simulation) -> None:
        s.invariants.add("X1", "appended", lambda replica: "seen" if replica.leads else None)
        await s.cluster.client().produce("t", 0, [b"x"])
        await s.sleep(1)
        reached.append("went on")

    error = outcome(scenario).error
    assert isinstance(error, Violation)
    assert (error.name, str(error)) == ("X1", "X1: seen")
    assert reached == []


def test_broker_code_that_asks_a_clock_is_a_leak() -> None:
    """minikafka has seams for time and chance, so past them there is an error with the line."""

    async def scenario(s: Simulation) -> None:
        names = {"__name__": "minikafka.broker.planted", "time": __import__("time")}
        exec(compile("time.time()", "planted.py", "exec"), names)

    error = outcome(scenario).error
    assert isinstance(error, Leak)
    assert "planted.py:1" in str(error)


def test_exception_that_nobody_looked_at_breaks_d3() -> None:
    """It would be told when nobody listens any more, or never."""

    async def scenario(s: Simulation) -> None:
        s.loop.unhandled.append(
            (s.broker(1).host.name, "planted", RuntimeError("nobody looks"))
        )

    assert outcome(scenario).violations == ["D3"]


def test_waiting_in_vain_shows_the_cluster() -> None:
    """The message of `until` says how things stand."""

    async def scenario(s: Simulation) -> None:
        await s.until(lambda: False, timeout=5)

    result = outcome(scenario)
    assert isinstance(result.error, TimeoutError)
    assert "not true within 5 virtual s" in str(result.error)
    assert "t-0" in str(result.error)


def test_timeline_shows_requests_faults_and_notes() -> None:
    """A run that kept its trace can be read."""

    async def scenario(s: Simulation) -> None:
        s.note("now")
        s.broker(2).pause(1)
        await s.sleep(3)

    timeline = outcome(scenario).timeline(last=400)
    assert "NOTE now" in timeline
    assert "FAULT pause b2 1" in timeline
    assert "b2 -> b1" in timeline


def test_broker_with_a_failing_disk_halts_and_is_started_again() -> None:
    """As in Kafka: without its log directory a broker is none."""

    async def scenario(s: Simulation) -> tuple[bool, list[bytes | None]]:
        client = s.cluster.client()
        follower = next(b for b in (2, 3) if b != s.cluster.leader("t", 0))
        s.broker(follower).disk.fail_next("append")
        await client.produce("t", 0, [b"x"], timeout_ms=60_000)
        was_up = s.broker(follower).up
        s.broker(follower).restart()
        await s.converged()
        return was_up, [record.value for record in s.records("t")]

    assert value(scenario) == (False, [b"x"])
