"""The plugin costs nothing where nobody asks for it, and gives clusters and seeds where they do."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Where the package is installed its entry point has loaded the plugin; elsewhere this does.
CONFTEST = """
import minikafka.pytest_plugin

def pytest_configure(config):
    if not config.pluginmanager.is_registered(minikafka.pytest_plugin):
        config.pluginmanager.register(minikafka.pytest_plugin, "minikafka")
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project of its own that uses the plugin."""
    pytester.makeconftest(CONFTEST)
    return pytester


def test_plugin_imports_neither_brokers_nor_an_event_loop() -> None:
    """Every pytest run of a project with minikafka installed imports it, so it is light."""
    code = (
        "import pytest, sys; before = set(sys.modules); import minikafka.pytest_plugin; "
        "print(*sorted(set(sys.modules) - before))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=15
    )
    assert ran.stdout.split() == ["minikafka", "minikafka.pytest_plugin"]


def test_each_test_gets_a_fresh_cluster_as_its_marker_says(project: pytest.Pytester) -> None:
    """Brokers, configs and topics come from the marker; nothing survives into the next test."""
    project.makepyfile(
        """
        import pytest
        import minikafka

        @pytest.mark.kafka(brokers=2, topics={"orders": 4}, config={"num.partitions": 5})
        def test_marked(kafka):
            assert kafka.brokers == (1, 2)
            assert kafka.describe("orders", 3).leader in (1, 2)

        @pytest.mark.kafka(topics=["orders"])
        class TestOfAClass:
            @pytest.mark.kafka(brokers=1)
            def test_marked_twice(self, kafka):
                assert kafka.brokers == (1,)
                assert kafka.records("orders") == []

        def test_unmarked(kafka):
            assert kafka.brokers == (1, 2, 3)
            with pytest.raises(minikafka.KafkaError):
                kafka.leader("orders", 0)
        """
    )
    project.runpytest_inprocess("--strict-markers").assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("kafka(3)", "keyword arguments only"),
        ("kafka(brokres=3)", "brokres"),
        ("kafka(topics='orders')", "mapping or a list"),
        ("kafka(config={'no.such': 1})", "no.such"),
    ],
)
def test_marker_that_makes_no_sense_is_an_error(
    project: pytest.Pytester, marker: str, said: str
) -> None:
    """A typing error in a marker fails the test with what is wrong."""
    project.makepyfile(
        f"""
        import pytest

        @pytest.mark.{marker}
        def test_marked(kafka):
            pass
        """
    )
    result = project.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    assert said in result.stdout.str()


SIMULATED = """
from minikafka import sim

@sim.test(seeds=3, brokers=1)
async def test_small_seeds(s):
    print("ran seed", s.seed)
    assert s.seed < 2, "too large"
"""


def simulated(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    """Run the simulated test of seeds 0 to 2, of which the last fails."""
    file = project.makepyfile(test_simulated=SIMULATED)
    return project.runpytest_inprocess(*options, str(file))


@pytest.mark.slow
@pytest.mark.time_limit(60)
def test_simulated_test_fails_with_one_message(project: pytest.Pytester) -> None:
    """The failure is the message and no traceback of the runner; it has the way back."""
    result = simulated(project)
    result.assert_outcomes(failed=1)
    printed = result.stdout.str()
    again = "again with: pytest test_simulated.py::test_small_seeds --sim-seed=2"
    result.stdout.fnmatch_lines(
        ["seed 2: violation:error:AssertionError", again, "replayed: identical"]
    )
    assert "AssertionError: too large" in printed
    assert "run_seeds" not in printed


@pytest.mark.slow
@pytest.mark.time_limit(60)
@pytest.mark.parametrize(
    ("options", "passes"),
    [
        (["--sim-seed=1"], True),
        (["--sim-seed=5"], False),
        (["--sim-seeds=2", "--sim-jobs=1"], True),
        (["--sim-in-process"], True),
        (["--sim-in-process", "--sim-seed=2"], False),
    ],
)
def test_options_choose_the_seeds(
    project: pytest.Pytester, options: list[str], passes: bool
) -> None:
    """One seed alone, fewer than the test says, or one in the process of the tests."""
    result = simulated(project, *options)
    result.assert_outcomes(passed=int(passes), failed=int(not passes))


def test_run_in_this_process_shows_the_scenario(project: pytest.Pytester) -> None:
    """The traceback ends where the scenario failed, with its values; prints are captured."""
    result = simulated(project, "--sim-in-process", "--sim-seed=2")
    result.stdout.fnmatch_lines(["*assert s.seed < 2, *", "*--sim-seed=2*", "ran seed 2"])


@pytest.mark.parametrize("option", ["--sim-seeds=0", "--sim-jobs=-1", "--sim-seed=x"])
def test_number_that_makes_no_sense_is_bad_usage(project: pytest.Pytester, option: str) -> None:
    """No test may pass because nothing ran."""
    assert simulated(project, option).ret == pytest.ExitCode.USAGE_ERROR
