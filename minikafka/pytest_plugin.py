"""The pytest plugin: a fresh cluster per test, and simulated tests on many seeds.

Every pytest run of a project that has minikafka installed imports this module, so it imports
nothing but pytest; brokers are imported by the first test that asks for one.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from minikafka.cluster.sync import Cluster

__all__ = ["kafka", "pytest_addoption", "pytest_configure", "pytest_pyfunc_call"]

_MARKER = (
    "kafka(brokers=3, config=None, topics=None, racks=None, seed=None, transport='memory')"
)
_MARKER_HELP = "the cluster of the `kafka` fixture; topics as {name: partitions} or [name, ...]"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", f"{_MARKER}: {_MARKER_HELP}")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of simulated tests."""
    group = parser.getgroup("minikafka", "simulated Kafka clusters (minikafka.sim)")
    group.addoption("--sim-seed", type=int, help="run this seed alone")
    group.addoption("--sim-seeds", type=int, help="run so many seeds, instead of a test's own")
    group.addoption("--sim-jobs", type=int, help="seeds at a time; one per core by default")
    group.addoption(
        "--sim-in-process",
        action="store_true",
        help="run seeds in this process, for a debugger; only the first is sure to repeat",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a function that `minikafka.sim.test` made, as the options say."""
    simulation = getattr(pyfuncitem.obj, "simulation", None)
    if simulation is None or not hasattr(simulation, "check"):
        return None
    config = pyfuncitem.config
    simulation.check(
        seed=config.getoption("sim_seed"),
        seeds=config.getoption("sim_seeds"),
        jobs=config.getoption("sim_jobs"),
        in_process=config.getoption("sim_in_process"),
        replay_line=f"pytest {shlex.quote(pyfuncitem.nodeid)} ",
    )
    return True


def _topics(given: object) -> dict[str, int]:
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {str(name): int(partitions) for name, partitions in given.items()}
    if isinstance(given, (list, tuple)):
        return {str(name): 1 for name in given}
    raise pytest.UsageError(f"kafka(topics=...) is a mapping or a list, not {given!r}")


@pytest.fixture
def kafka(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A fresh `minikafka.Cluster` of three brokers for this test, closed after it.

    `@pytest.mark.kafka(brokers=..., config=..., topics=...)` changes it. A marker on the test
    wins over one on its class, and that over one on its module, argument by argument.
    """
    # Imported here so that test runs without a cluster do not pay for one.
    from minikafka.cluster.sync import Cluster

    options: dict[str, Any] = {}
    for marker in request.node.iter_markers("kafka"):
        if marker.args:
            raise pytest.UsageError("the kafka marker takes keyword arguments only")
        options = {**marker.kwargs, **options}
    topics = _topics(options.pop("topics", None))
    try:
        cluster = Cluster(**options)
    except TypeError as error:
        raise pytest.UsageError(f"kafka marker: {error}") from error
    with cluster:
        for name, partitions in topics.items():
            cluster.create_topic(name, partitions=partitions)
        yield cluster
