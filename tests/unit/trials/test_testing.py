"""`sim.test` makes a test function that runs many seeds, and says all there is to a failure."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from minikafka import sim
from minikafka.trials.testing import SimTestFailed
from tests.support import sim_scenarios

pytestmark = [pytest.mark.slow, pytest.mark.time_limit(60)]
FILE = sim_scenarios.__file__


def simulation(test: Any) -> Any:
    """Return what the plugin talks to."""
    return test.simulation


def failure(test: Any, **options: object) -> str:
    """Return the message with which a simulated test fails."""
    with pytest.raises(SimTestFailed) as caught:
        simulation(test).check(**options)
    return str(caught.value)


def test_decorator_makes_a_plain_function() -> None:
    """pytest sees a function without arguments, by the scenario's name, place and words."""
    made: Any = sim_scenarios.passes
    assert inspect.isfunction(made)
    assert not inspect.iscoroutinefunction(made)
    assert not inspect.signature(made).parameters
    assert made.__qualname__ == "passes"
    assert made.__module__ == sim_scenarios.__name__
    assert made.__doc__ == "A scenario gets the cluster that the decorator says."


def test_scenario_that_holds_passes() -> None:
    """All seeds run on the cluster asked for, and nothing is raised."""
    sim_scenarios.passes()


def test_failure_says_how_to_have_it_again() -> None:
    """Seed, verdict, command, versions, the replay and the timeline are in one message."""
    message = failure(sim_scenarios.evens_only, seed=3, test_id="tests/a b.py::test_x")
    first, again, versions, replayed, *rest = message.splitlines()
    assert first == "seed 3: violation:error:AssertionError"
    assert again == "again with: pytest 'tests/a b.py::test_x' --sim-seed=3"
    assert versions.startswith("versions: python 3.")
    assert replayed == "replayed: identical"
    text = "\n".join(rest)
    assert "AssertionError: 3 is odd" in text
    assert "about to look at seed 3" in text


def test_first_failing_seed_fails_the_test() -> None:
    """Of four seeds the odd ones fail; without the plugin the file and the name are shown."""
    message = failure(sim_scenarios.evens_only)
    assert message.startswith(("seed 1: ", "seed 3: "))
    assert f"pytest {FILE}::evens_only --sim-seed=" in message


def test_number_of_seeds_can_be_another() -> None:
    """One seed, the even 0, passes where the decorator's four do not."""
    simulation(sim_scenarios.evens_only).check(seeds=1)


def test_leak_is_told_with_the_first_event_that_differs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A scenario that depends on its process fails with where its runs part."""
    monkeypatch.setenv("LEAK", "process ")
    message = failure(sim_scenarios.leaks)
    assert "replayed: NOT the same run" in message
    assert "the two replays part at event" in message
    assert message.count("note process ") >= 2


def test_run_in_this_process_raises_what_the_scenario_raised() -> None:
    """A debugger ends up in the scenario; the message is a note of the exception."""
    checked = simulation(sim_scenarios.evens_only)
    checked.check_in_process(seed=2)
    with pytest.raises(AssertionError, match="3 is odd") as caught:
        checked.check_in_process(seed=3)
    assert caught.traceback[-1].name == "evens_only"
    (note,) = caught.value.__notes__
    assert "seed 3: violation:error:AssertionError" in note
    assert "evens_only --sim-seed=3" in note
    assert "not replayed" in note


def test_scenario_that_no_worker_can_import_is_refused() -> None:
    """What is defined in a function is to be had in this process alone."""

    @sim.test(seeds=1)
    async def local(s: sim.Simulation) -> None: ...

    with pytest.raises(ValueError, match="defined in a function"):
        local()


def test_decorator_is_no_test_itself() -> None:
    """pytest leaves it alone in a module that imports it by name."""
    assert not getattr(sim.test, "__test__", True)
