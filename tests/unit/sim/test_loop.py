"""Virtual time: how it moves, who runs when, and what ends a run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from minikafka.sim.errors import Deadlock, Livelock, TimeLimit, Unsupported
from minikafka.sim.loop import SimLoop
from minikafka.sim.world import Outcome, simulate


def run(main: Callable[[SimLoop], Awaitable[Any]], seed: int = 1, **kw: Any) -> Outcome:
    """Run `main(loop)` on a simulated loop."""

    async def entry() -> Any:
        return await main(cast("SimLoop", asyncio.get_running_loop()))

    return simulate(entry, seed=seed, **kw)


def value(main: Callable[[SimLoop], Awaitable[Any]], seed: int = 1) -> Any:
    """Return what a run returns, or raise what it raises."""
    outcome = run(main, seed)
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


def test_a_day_passes_in_no_time() -> None:
    """Sleeping costs virtual time only."""

    async def main(loop: SimLoop) -> float:
        await asyncio.sleep(86_400)
        return loop.time()

    outcome = run(main)
    assert 86_400 <= outcome.value < 86_400.001
    assert outcome.wall_s < 5


def test_timers_are_late_by_a_microsecond() -> None:
    """A timer never fires exactly when it is due: code that loops until it is past would spin."""

    async def main(loop: SimLoop) -> float:
        when = loop.time() + 1
        fired = loop.create_future()
        loop.call_at(when, lambda: fired.set_result(loop.time()))
        return await fired - when

    assert 0.9e-6 < value(main) < 2e-6


def test_callbacks_of_one_host_run_in_order() -> None:
    """Within a host it is first come, first served, as asyncio promises."""

    async def main(loop: SimLoop) -> list[int]:
        order: list[int] = []
        for number in range(100):
            loop.call_soon(order.append, number)
        await asyncio.sleep(1)
        return order

    assert value(main) == list(range(100))


def test_hosts_take_turns_as_the_seed_says() -> None:
    """Which host runs next is drawn, so seeds try different interleavings."""

    async def main(loop: SimLoop) -> str:
        order: list[str] = []

        async def work(name: str) -> None:
            for _ in range(5):
                order.append(name)
                await asyncio.sleep(0)

        tasks = [loop.network.host(name).spawn(work(name)) for name in "abc"]
        for task in tasks:
            await task
        return "".join(order)

    orders = [value(main, seed) for seed in range(10)]
    assert len(set(orders)) > 5
    assert orders == [value(main, seed) for seed in range(10)]


def test_waiting_for_nothing_is_a_deadlock_that_names_the_task() -> None:
    """Nothing scheduled and the main coroutine waiting: an error with a report."""

    async def main(loop: SimLoop) -> None:
        await loop.create_future()

    outcome = run(main)
    assert isinstance(outcome.error, Deadlock)
    assert "driver task-1 at test_loop.py" in str(outcome.error)


@pytest.mark.slow
def test_spinning_at_one_instant_is_a_livelock() -> None:
    """Callbacks without end while the clock stands are an error, not a hang."""

    async def main(loop: SimLoop) -> None:
        while True:
            await asyncio.sleep(0)

    outcome = run(main)
    assert isinstance(outcome.error, Livelock)
    assert "the clock stands" in str(outcome.error)


def test_time_limit_ends_a_run() -> None:
    """A run that goes on for ever ends at its limit of virtual time."""

    async def main(loop: SimLoop) -> None:
        while True:
            await asyncio.sleep(1)

    outcome = run(main, time_limit_s=100)
    assert isinstance(outcome.error, TimeLimit)
    assert 99 <= outcome.virtual_s <= 100


def test_sets_of_tasks_iterate_alike_in_every_run() -> None:
    """What `asyncio.wait` returns is a set: its order is a number of the loop, not an address."""

    async def main(loop: SimLoop) -> list[str]:
        tasks = [loop.create_task(asyncio.sleep(0), name=f"t{n}") for n in range(30)]
        done, _ = await asyncio.wait(tasks)
        return [task.get_name() for task in done]

    assert value(main) == value(main)


def test_executor_runs_inline() -> None:
    """`to_thread` and executors work, on the one thread there is."""

    async def main(loop: SimLoop) -> tuple[int, int]:
        return (
            await asyncio.to_thread(sum, [1, 2]),
            await loop.run_in_executor(None, lambda: 4),
        )

    assert value(main) == (3, 4)


def test_executor_hands_errors_on() -> None:
    """What the function raises is raised where it is awaited."""

    async def main(loop: SimLoop) -> None:
        await asyncio.to_thread(int, "x")

    with pytest.raises(ValueError, match="invalid literal"):
        value(main)


def test_timeouts_are_virtual() -> None:
    """`asyncio.timeout` and `wait_for` go by the virtual clock."""

    async def main(loop: SimLoop) -> float:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(loop.create_future(), 3_600)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3_600):
                await loop.create_future()
        return loop.time()

    assert value(main) == pytest.approx(7_200, abs=0.01)


def test_cancelled_timers_do_not_pile_up() -> None:
    """Timeouts that never fire are forgotten, not kept until they are due."""

    async def main(loop: SimLoop) -> int:
        for _ in range(10_000):
            loop.call_later(1_000, print).cancel()
        return len(loop._timers)

    assert value(main) < 5_000


def test_spent_time_moves_the_clock_of_the_running_host_alone() -> None:
    """A callback that takes a second delays what is behind it on its host, nobody else."""

    async def main(loop: SimLoop) -> tuple[float, float]:
        slow, other = loop.network.host("slow"), loop.network.host("other")

        async def work() -> float:
            loop.spend(1_000_000_000)
            inside = loop.time()
            await asyncio.sleep(0)
            assert loop.time() >= inside
            return inside

        async def look() -> float:
            await asyncio.sleep(0.5)
            return loop.time()

        one, two = slow.spawn(work()), other.spawn(look())
        return await one, await two

    inside, elsewhere = value(main)
    assert inside == pytest.approx(1.0)
    assert elsewhere == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("name", ["add_reader", "create_datagram_endpoint", "subprocess_exec"])
def test_what_is_not_simulated_says_so(name: str) -> None:
    """File descriptors, datagrams and processes raise instead of escaping."""

    async def main(loop: SimLoop) -> None:
        getattr(loop, name)(None, None)

    with pytest.raises(Unsupported):
        value(main)


def test_unhandled_exceptions_are_kept_with_their_host() -> None:
    """What reaches the loop's exception handler is not lost."""

    async def main(loop: SimLoop) -> None:
        async def fail() -> None:
            loop.call_soon(lambda: 1 // 0)
            await asyncio.sleep(1)

        await loop.network.host("h").spawn(fail())

    ((host, message, error),) = run(main).unhandled
    assert host == "h"
    assert "Exception in callback" in message
    assert isinstance(error, ZeroDivisionError)
