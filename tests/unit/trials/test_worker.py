"""Every seed starts from the same state, and whatever becomes of it, there is a report."""

from __future__ import annotations

import pytest

from minikafka.trials.job import Job, Report
from minikafka.trials.runner import run_seeds

TARGETS = "tests.support.trial_targets"


def reports(
    target: str, seeds: range, *, jobs: int = 2, wall_limit_s: float = 15
) -> dict[int, Report]:
    """Return the report of each seed."""
    job = Job(f"{TARGETS}:{target}")
    found = run_seeds(job, seeds, jobs=jobs, wall_limit_s=wall_limit_s)
    return {report.seed: report for report in found}


def test_no_seed_sees_what_another_did() -> None:
    """A counter of the module stands at one in every run."""
    hashes = {report.hash for report in reports("counting", range(6)).values()}
    assert len(hashes) == 1
    assert hashes.pop().startswith("1 ")


def test_seed_among_others_has_the_history_of_a_seed_alone() -> None:
    """Even the order of a set of objects, by address, is the same for every child."""
    among = reports("by_address", range(30), jobs=3)
    assert len({report.hash for report in among.values()}) == 1


def test_crash_is_reported_and_the_others_go_on() -> None:
    """A signal, an early exit and an exception are told apart; nobody else is the worse for it."""
    found = reports("crashing", range(6), jobs=2)
    assert sorted(found) == [0, 1, 2, 3, 4, 5]
    assert [found[seed].verdict for seed in (0, 1, 5)] == ["ok"] * 3
    assert found[2].violations == ["crash"]
    assert "killed by SIGKILL" in found[2].text
    assert found[3].violations == ["crash"]
    assert "exit code 7" in found[3].text
    assert found[4].violations == ["error:LookupError"]
    assert 'raise LookupError("lost")' in found[4].text


@pytest.mark.parametrize(
    ("target", "line"), [("stuck", "signal.pause()"), ("busy", "sum(range(1_000))")]
)
def test_run_past_its_time_says_where_it_was(target: str, line: str) -> None:
    """The report of a run that does not end has the line at which it stood."""
    found = reports(target, range(1), wall_limit_s=0.2)[0]
    assert found.violations == ["wall-clock"]
    assert "not done within 0.2 s of processor time" in found.text
    assert line in found.text


def test_time_in_which_the_machine_does_something_else_is_not_counted() -> None:
    """A run that waits for a processor longer than its limit is a sound one."""
    found = reports("slow", range(1), wall_limit_s=0.3)[0]
    assert found.verdict == "ok"


def test_run_that_does_not_hear_is_killed() -> None:
    """A run that hangs where no signal is handled ends all the same."""
    found = reports("deaf", range(1), wall_limit_s=0.2)[0]
    assert found.violations == ["wall-clock"]
    assert "killed" in found.text


def test_prints_of_the_target_are_no_reports(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it writes to standard output is seen on standard error; its input is empty."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    found = reports("prints", range(2), jobs=1)
    assert {seed: report.hash for seed, report in found.items()} == {0: "''", 1: "''"}
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "seed 0 says hello" in printed.err
    assert "seed 1 says hello" in printed.err
