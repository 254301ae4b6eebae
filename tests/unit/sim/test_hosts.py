"""Machines that die, stall and come back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from minikafka.sim.errors import SimError
from minikafka.sim.loop import EPOCH_NS, SimLoop
from minikafka.sim.world import simulate


def value(main: Callable[[SimLoop], Awaitable[Any]], seed: int = 1) -> Any:
    """Return what a run returns, or raise what it raises."""

    async def entry() -> Any:
        return await main(cast("SimLoop", asyncio.get_running_loop()))

    outcome = simulate(entry, seed=seed)
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


@pytest.mark.parametrize("mode", ["kill", "power"])
def test_no_line_of_a_crashed_process_runs(mode: Any) -> None:
    """A crash runs no `finally` and no `except`: the process is gone in the middle of a line."""

    async def main(loop: SimLoop) -> list[str]:
        log: list[str] = []

        async def work() -> None:
            try:
                while True:
                    log.append("tick")
                    await asyncio.sleep(1)
            finally:
                log.append("finally")

        host = loop.network.host("h")
        host.spawn(work())
        await asyncio.sleep(2.5)
        host.crash(mode)
        await asyncio.sleep(10)
        return list(log)

    assert value(main) == ["tick"] * 3


def test_restart_runs_the_program_as_another_incarnation() -> None:
    """A restart starts the machine's program anew, with nothing of the old process."""

    async def main(loop: SimLoop) -> list[int]:
        host = loop.network.host("h")
        numbers: list[int] = []

        async def boot() -> None:
            numbers.append(host.incarnation.number)
            await asyncio.sleep(100)

        host.start(boot)
        await asyncio.sleep(1)
        host.crash()
        host.restart()
        await asyncio.sleep(1)
        return numbers

    assert value(main) == [1, 2]


def test_restart_of_a_living_host_is_refused() -> None:
    """There are never two incarnations of one machine at a time."""

    async def main(loop: SimLoop) -> None:
        loop.network.host("h").restart()

    with pytest.raises(SimError, match="h is up"):
        value(main)


def test_pause_lets_time_pass_and_nothing_run() -> None:
    """After a pause every timer that came due meanwhile fires at once."""

    async def main(loop: SimLoop) -> list[float]:
        host = loop.network.host("h")
        ticks: list[float] = []

        async def work() -> None:
            for delay in (1, 2, 3):
                loop.call_later(delay, lambda: ticks.append(loop.time()))
            await asyncio.sleep(100)

        host.spawn(work())
        await asyncio.sleep(0.5)
        host.pause(10)
        await asyncio.sleep(20)
        return ticks

    assert value(main) == pytest.approx([10.5] * 3, abs=0.01)


def test_pause_without_end_is_ended_by_resume() -> None:
    """A process stopped for good goes on when it is told to."""

    async def main(loop: SimLoop) -> float:
        host = loop.network.host("h")

        async def work() -> float:
            await asyncio.sleep(1)
            return loop.time()

        task = host.spawn(work())
        await asyncio.sleep(0.5)
        host.pause()
        await asyncio.sleep(49.5)
        assert not task.done()
        host.resume()
        return await task

    assert value(main) == pytest.approx(50, abs=0.01)


def test_wall_clock_of_a_host_may_be_wrong() -> None:
    """Skew moves `time.time()` of one host, and no monotonic clock."""

    async def main(loop: SimLoop) -> tuple[float, float, float]:
        host = loop.network.host("h")
        host.clock_skew(90)

        async def read() -> tuple[float, float]:
            return time.time(), time.monotonic()

        wall, monotonic = await host.spawn(read())
        return wall - EPOCH_NS / 1e9, monotonic, time.time() - EPOCH_NS / 1e9

    wall, monotonic, driver = value(main)
    assert wall == pytest.approx(90, abs=0.01)
    assert monotonic == pytest.approx(0, abs=0.01)
    assert driver == pytest.approx(0, abs=0.01)


def test_tasks_and_timers_stay_on_the_host_that_made_them() -> None:
    """What a host's code starts dies with the host, also through futures of others."""

    async def main(loop: SimLoop) -> list[str]:
        host = loop.network.host("h")
        log: list[str] = []
        shared = loop.create_future()

        async def inner() -> None:
            await shared
            log.append("inner")

        async def work() -> None:
            asyncio.create_task(inner()).add_done_callback(lambda _: log.append("done"))
            await asyncio.sleep(100)

        host.spawn(work())
        await asyncio.sleep(1)
        host.crash()
        shared.set_result(None)
        await asyncio.sleep(1)
        return log

    assert value(main) == []


def test_hooks_hear_of_each_crash_once() -> None:
    """Whoever keeps a table of what is up hears of a crash; a second crash is none."""

    async def main(loop: SimLoop) -> int:
        host = loop.network.host("h")
        heard: list[None] = []
        host.on_crash.append(lambda: heard.append(None))
        host.crash()
        host.crash("power")
        return len(heard)

    assert value(main) == 1
