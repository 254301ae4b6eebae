"""One seed is one run: the same hash in another process, whatever that one is like."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from minikafka.trials.job import Job
from minikafka.trials.runner import run_seeds

GATE_SEEDS = range(10)
ALL_SEEDS = range(100)


def hashes(seeds: range, seconds: float) -> dict[int, str]:
    """Return the hash of each seed, each run in a process of its own."""
    job = Job("minikafka.trials.trial:run_trial", {"seconds": seconds})
    return {report.seed: report.hash for report in run_seeds(job, seeds)}


def elsewhere(monkeypatch: pytest.MonkeyPatch, seeds: range, seconds: float) -> dict[int, str]:
    """Run them in processes with another hash seed and another history of allocations."""
    monkeypatch.setenv("PYTHONHASHSEED", "4711")
    monkeypatch.setenv("PYTHONMALLOC", "malloc")
    monkeypatch.setenv("MINIKAFKA_BALLAST", "x" * 50_000)
    return hashes(seeds, seconds)


@pytest.mark.slow
@pytest.mark.time_limit(120)
def test_seeds_of_the_gate_have_one_hash_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten trials, run twice in unlike processes: ten hashes, each seen twice."""
    once = hashes(GATE_SEEDS, 8)
    again = elsewhere(monkeypatch, GATE_SEEDS, 8)
    assert once == again
    assert len(set(once.values())) == len(GATE_SEEDS)


@pytest.mark.slow
def test_run_where_it_is_called_is_that_of_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A debugger sees the same run, where strings are not salted."""
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    arguments = ["trial", "--seed", "15", "--seconds", "8", "--json", "--in-process"]
    done = subprocess.run(
        [sys.executable, "-m", "minikafka", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert json.loads(done.stdout)["hash"] == hashes(range(15, 16), 8)[15]


@pytest.mark.nightly
@pytest.mark.time_limit(1_200)
def test_hundred_seeds_have_a_hundred_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred whole trials, run twice in unlike processes: a hundred hashes."""
    once = hashes(ALL_SEEDS, 60)
    again = elsewhere(monkeypatch, ALL_SEEDS, 60)
    assert once == again
    assert len(set(once.values())) == len(ALL_SEEDS)
