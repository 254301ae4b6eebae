"""The two servers as fixtures, the chosen cases as tests, and the count at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.kafka import missing_tools
from tests.conformance.oracle import Oracle, Subject
from tests.conformance.tally import Tally

__all__: list[str] = []

_TALLY = pytest.StashKey[Tally]()


def pytest_configure(config: pytest.Config) -> None:
    """Give the session its tally."""
    config.stash[_TALLY] = Tally()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the test that counts behind those that it counts."""
    items.sort(key=lambda item: item.name == "test_every_listed_divergence_still_shows")


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Tally:
    """What the comparison has found so far."""
    return pytestconfig.stash[_TALLY]


@pytest.fixture(scope="session")
def oracle(tally: Tally) -> Iterator[Oracle]:
    """Apache Kafka; the test is skipped by name where it cannot be run."""
    lacking = missing_tools()
    if lacking is not None:
        tally.skipped_for = lacking
        pytest.skip(f"{lacking} is not installed")
    with Oracle() as kafka:
        yield kafka


@pytest.fixture(scope="session")
def subject() -> Iterator[Subject]:
    """One minikafka broker with every default."""
    with Subject() as minikafka:
        yield minikafka


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how many cases were equal, explained, different and skipped."""
    line = config.stash[_TALLY].line()
    if line:
        terminalreporter.write_line(line)
