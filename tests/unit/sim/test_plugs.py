"""Nothing of the outside gets into a run: clocks, chance, threads, sockets, processes."""

from __future__ import annotations

import asyncio
import datetime
import os
import random
import secrets
import socket
import subprocess
import sys
import threading
import time
import types
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from minikafka.sim.errors import Leak
from minikafka.sim.world import Outcome, simulate

EPOCH = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)


def run(what: Callable[[], Any], *, forbidden: tuple[str, ...] = (), seed: int = 1) -> Outcome:
    """Run `what()` a second after the start of a run."""

    async def main() -> Any:
        await asyncio.sleep(1)
        return what()

    return simulate(main, seed=seed, forbidden=forbidden)


@pytest.mark.parametrize(
    "clock",
    [
        lambda: time.time(),
        lambda: time.monotonic(),
        lambda: time.perf_counter(),
        lambda: time.time_ns() / 1e9,
        lambda: time.clock_gettime(time.CLOCK_REALTIME),
        lambda: time.mktime(time.localtime()),
        lambda: datetime.datetime.now().timestamp(),
        lambda: datetime.datetime.now(datetime.UTC).timestamp(),
        lambda: time.mktime(time.strptime(time.ctime())),
    ],
)
def test_clocks_of_client_code_are_virtual(clock: Callable[[], float]) -> None:
    """Every clock shows the run's own time, and moves with it."""
    outcome = run(lambda: clock())
    since_epoch = outcome.value - EPOCH.timestamp() if outcome.value > 1e6 else outcome.value
    assert since_epoch == pytest.approx(1, abs=0.01)


def test_calendar_is_virtual() -> None:
    """Dates are those of the run."""
    outcome = run(lambda: (datetime.date.today(), datetime.datetime.utcnow().year))
    assert outcome.value == (datetime.date(2025, 1, 1), 2025)


def test_real_dates_are_still_dates_in_a_run() -> None:
    """What was made before the run, or by C code, passes as a date in it."""
    outcome = run(
        lambda: isinstance(EPOCH, datetime.datetime) and isinstance(EPOCH, datetime.date)
    )
    assert outcome.value is True


@pytest.mark.parametrize(
    "draw",
    [
        lambda: random.random(),
        lambda: random.choice(range(10**9)),
        lambda: random.Random().random(),
        lambda: os.urandom(16),
        lambda: str(uuid.uuid4()),
        lambda: str(uuid.uuid1()),
        lambda: secrets.token_hex(),
        lambda: random.SystemRandom().random(),
    ],
)
def test_chance_of_client_code_comes_from_the_seed(draw: Callable[[], Any]) -> None:
    """The same seed draws the same, another seed something else."""
    assert run(draw, seed=1).value == run(draw, seed=1).value
    assert run(draw, seed=1).value != run(draw, seed=2).value


def test_generator_made_at_import_is_seeded_too() -> None:
    """A generator that a library keeps from its import draws from the seed (aiohttp has one)."""
    kept = random.Random()
    sys.modules["imported_just_now"] = types.ModuleType("imported_just_now")
    try:
        assert run(kept.random, seed=1).value == run(kept.random, seed=1).value
    finally:
        del sys.modules["imported_just_now"]


def test_everything_is_put_back() -> None:
    """After a run the process has its clocks and its chance again."""
    names = [(time, "time"), (time, "sleep"), (random, "random"), (os, "urandom")]
    names += [(datetime, "datetime"), (threading.Thread, "start"), (socket.socket, "connect")]
    before = [getattr(owner, name) for owner, name in names]
    state = random.getstate()
    run(random.random)
    assert [getattr(owner, name) for owner, name in names] == before
    assert random.getstate() == state


def _connect() -> None:
    with socket.socket() as real:
        real.connect(("127.0.0.1", 9))


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (lambda: time.sleep(1), "time.sleep"),
        (lambda: threading.Thread(target=print).start(), "thread"),
        (_connect, "real socket"),
        (lambda: subprocess.Popen(["true"]), "process"),
        (lambda: os.fork(), "fork"),
    ],
)
def test_what_no_seed_controls_raises_with_its_line(
    what: Callable[[], Any], words: str
) -> None:
    """Threads, real sockets, processes and blocking sleeps end the run and are named."""
    outcome = run(lambda: what())
    assert isinstance(outcome.error, Leak)
    assert words in str(outcome.error)
    assert "test_plugs.py:" in str(outcome.error)


@pytest.mark.parametrize(
    "what",
    [
        lambda: time.time(),
        lambda: time.monotonic(),
        lambda: datetime.datetime.now(),
        lambda: time.gmtime(),
        lambda: random.random(),
        lambda: random.shuffle([]),
        lambda: random.Random(),
        lambda: os.urandom(1),
        lambda: uuid.uuid4(),
        lambda: uuid.uuid1(),
        lambda: secrets.token_hex(),
    ],
)
def test_clock_and_chance_in_a_forbidden_package_raise_with_the_line(
    what: Callable[[], Any],
) -> None:
    """Broker code has seams for time and chance: going past them ends the run at that line."""
    outcome = run(what, forbidden=(__name__,))
    assert isinstance(outcome.error, Leak)
    line = what.__code__.co_firstlineno
    assert f"test_plugs.py:{line} " in str(outcome.error)


def test_leak_that_is_caught_ends_the_run_all_the_same() -> None:
    """Nobody can swallow a leak: the run ends at once."""
    reached: list[str] = []

    async def main() -> None:
        try:
            threading.Thread(target=print).start()
        except Exception:  # noqa: BLE001 - what careless code does
            reached.append("caught")
        await asyncio.sleep(1)
        reached.append("went on")

    outcome = simulate(main, seed=1)
    assert isinstance(outcome.error, Leak)
    assert reached == ["caught"]


def test_other_packages_may_use_clocks_beside_a_forbidden_one() -> None:
    """Only the package named is held to its seams."""
    assert run(lambda: time.time(), forbidden=("minikafka",)).error is None
