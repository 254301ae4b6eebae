"""The pytest plugin: a fresh cluster per test, and simulated tests on many seeds.

Every pytest run of a project that has minikafka installed imports this module, so it imports
nothing but pytest; brokers are imported by the first test that asks for one.
"""

from __future__ import annotations

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
    group.addoption("--sim-seed", type=int, metavar="N", help="run this seed alone")
    group.addoption(
        "--sim-seeds",
        type=_count,
        metavar="N",
        help="run so many seeds, not a test's own number",
    )
    group.addoption(
        "--sim-jobs", type=_count, metavar="N", help="seeds at a time; one per core by default"
    )
    group.addoption(
        "--sim-in-process",
        action="store_true",
        help="run one seed, --sim-seed or 0, in this process: for a debugger",
    )


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError("nothing would run")
    return count


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a function that `minikafka.sim.test` made, as the options say."""
    simulation: Any = getattr(pyfuncitem.obj, "simulation", None)
    if not hasattr(simulation, "check_in_process"):
        return None
    option = pyfuncitem.config.getoption
    if option("sim_in_process"):
        simulation.check_in_process(seed=option("sim_seed") or 0, test_id=pyfuncitem.nodeid)
        return True
    try:
        simulation.check(
            seed=option("sim_seed"),
            seeds=option("sim_seeds"),
            jobs=option("sim_jobs"),
            test_id=pyfuncitem.nodeid,
        )
    except AssertionError as error:
        # It says everything; the way from here into the runner says nothing.
        pytest.fail(str(error), pytrace=False)
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
