"""A seed that failed is run again before anyone is told, and a leak is shown where it begins."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from minikafka.trials.job import Job, Report
from minikafka.trials.replay import Replay, replay
from minikafka.trials.runner import run_seeds
from tests.house.tree import ROOT

TARGETS = "tests.support.trial_targets"


def replayed(target: str, **options: object) -> Replay:
    """Run seed 2 of a target that violates something, and replay it."""
    job = Job(f"{TARGETS}:{target}", dict(options))
    (failed,) = run_seeds(job, [2])
    assert not failed.ok
    return replay(job, failed)


def test_run_of_its_seed_alone_is_identical() -> None:
    """The second run does the same, and brings the timeline that the first did not keep."""
    again = replayed("steady", bad=[2])
    assert again.identical
    assert again.line() == "replayed: identical"
    assert again.report.text == "timeline of 3 events"


def test_leak_is_shown_by_its_first_event() -> None:
    """Where something besides the seed decides, the first event that differs is printed."""
    again = replayed("leaking")
    assert not again.identical
    lines = again.line().splitlines()
    assert lines[0] == "replayed: NOT the same run"
    assert "the two replays part at event 1:" in lines
    first, second = lines[-2:]
    assert first.startswith("  0.002000 tx drawn ")
    assert second.startswith("  0.002000 tx drawn ")
    assert first != second


def test_leak_without_a_trace_is_still_a_leak() -> None:
    """Different hashes are told even where no event can be shown."""
    again = replayed("leaking_hash")
    assert not again.identical
    assert "left no trace" in again.line()


def test_run_that_a_trace_changes_is_not_identical() -> None:
    """Two equal replays do not make up for a first run that was another."""
    again = replayed("shy_of_traces")
    assert not again.identical
    assert "the first run was not" in again.line()


def test_other_verdict_is_not_identical() -> None:
    """The same events judged differently are no replay; both verdicts are shown."""
    again = replayed("unsure")
    assert not again.identical
    assert "first: violation:R1" in again.line()
    assert "second: violation:R2" in again.line()


def test_crash_is_replayed_like_anything_else() -> None:
    """A process that dies twice on one seed has done the same twice."""
    again = replayed("crashing")
    assert again.identical
    assert "killed by SIGKILL" in again.report.text


def test_run_that_took_too_long_is_not_tried_again() -> None:
    """It would take as long again."""
    job = Job(f"{TARGETS}:no_such_target")  # would fail
    again = replay(job, Report(2, violations=["wall-clock"], text="it was here"))
    assert not again.identical
    assert "not tried" in again.line()
    assert again.report.text == "it was here"


@pytest.mark.parametrize("hash_seed", ["0", "5", "random"])
def test_run_here_is_a_workers_where_hashes_are_not_salted(hash_seed: str) -> None:
    """Whoever runs in a process of their own is told what it takes."""
    code = "from minikafka.trials.replay import not_replayed; print(not_replayed())"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    said, _, why = done.stdout.strip().partition("; ")
    assert said == "not replayed: it ran in this process"
    assert ("PYTHONHASHSEED=0" in why) == (hash_seed != "0")
