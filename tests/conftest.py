"""What every test gets: a time limit, `async def` tests, a shuffled order, quiet Hypothesis.

Four small hooks instead of four plugins: a fresh machine then needs pytest and nothing else. A
run of everything is shared by three processes where pytest-xdist is installed.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import os
import random
import signal
import sys
import threading
from collections.abc import Coroutine, Generator, Iterator
from types import FrameType

import hypothesis
import pytest

pytest.register_assert_rewrite("tests.support")

# Dozens of tests start Python anew. Where bytecode is not kept (PYTHONDONTWRITEBYTECODE) each of
# those processes compiles the whole package, which is most of its time; it is ignored by git.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# One more than the two cores they are meant for: many wait for sockets and for other processes.
PROCESSES = 3
TIME_LIMIT_S = 20.0
CONFORMANCE_TIME_LIMIT_S = 120.0

# The gate must give the same answer twice: examples come from a fixed seed. The long nightly
# search draws new ones: --hypothesis-profile=search.
hypothesis.settings.register_profile("gate", deadline=None, derandomize=True, max_examples=40)
hypothesis.settings.register_profile("search", deadline=None, max_examples=5_000)
hypothesis.settings.load_profile("gate")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the seed of the order in which tests run."""
    parser.addoption(
        "--order-seed", default="1", help="seed of the test order; 'off' keeps the file order"
    )


def pytest_report_header(config: pytest.Config) -> str:
    """Print the seed, so that an order can be had again."""
    return f"test order: --order-seed={config.getoption('order_seed')}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Shuffle the modules, and the tests in each: no test may lean on the one before it."""
    seed = config.getoption("order_seed")
    if seed == "off":
        return
    modules: dict[str, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.nodeid.partition("::")[0], []).append(item)
    generator = random.Random(seed)
    order = list(modules)
    generator.shuffle(order)
    for name in order:
        generator.shuffle(modules[name])
    items[:] = [item for name in order for item in modules[name]]


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Share a run of everything among processes, where pytest-xdist is there to do it.

    Whoever names files waits for one process only, and can use a debugger.
    """
    option = config.option
    if "PYTEST_XDIST_WORKER" in os.environ or option.usepdb:
        return  # one of those processes, or a test's own pytest: it shares no further
    everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if everything and getattr(option, "numprocesses", 0) is None:
        option.numprocesses, option.dist = PROCESSES, "worksteal"


@pytest.fixture(autouse=True, scope="module")
def _older_objects_are_not_looked_through() -> Iterator[None]:
    """Keep what was there before a module out of the garbage collections of its tests.

    Thousands of collected tests make each collection take half a second, and many tests collect.
    Nothing goes unheard: garbage that is older is collected after the module.
    """
    gc.freeze()
    yield
    gc.unfreeze()


# --- the time limit -----------------------------------------------------------------------


def time_limit_s(item: pytest.Item) -> float:
    """Return the seconds each phase of a test may take; its marker `time_limit` decides first."""
    marker = item.get_closest_marker("time_limit")
    if marker is not None:
        return float(marker.args[0])
    return CONFORMANCE_TIME_LIMIT_S if item.get_closest_marker("conformance") else TIME_LIMIT_S


@contextlib.contextmanager
def limited(item: pytest.Item) -> Iterator[None]:
    """Fail the test from a signal when its time is over.

    The signal repeats each second: the first may land in a task of an event loop, which keeps
    the exception to itself.
    """
    if (
        not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return
    seconds = time_limit_s(item)

    def on_alarm(signum: int, frame: FrameType | None) -> None:
        pytest.fail(f"took longer than {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Limit the set-up of a test."""
    with limited(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Limit the test itself."""
    with limited(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Limit what comes after it."""
    with limited(item):
        return (yield)


# --- async tests --------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an `async def` test on an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    asyncio.run(run_without_leftovers(pyfuncitem.obj(**arguments)))
    return True


async def run_without_leftovers(test: Coroutine[object, object, object]) -> None:
    """Await the test; then no task may be left that nobody awaits."""
    await test
    for _ in range(20):  # closing transports need a few turns of the loop
        leftovers = asyncio.all_tasks() - {asyncio.current_task()}
        if not leftovers:
            return
        await asyncio.sleep(0)
    names = sorted(str(task.get_coro()) for task in leftovers)
    pytest.fail(f"tasks left behind: {names}")
