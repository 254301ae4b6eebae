"""Runs many seeds of one job in worker processes; and one that failed once more.

A worker starts with a fixed hash seed: sets of strings have an order of their own in each process
otherwise. What fails is run again in a second process before anyone is told: a run that cannot be
had again is a leak, and where the two part is its first symptom.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from minikafka.sim.trace import first_difference
from minikafka.trials.job import Job, Report, read_trace

__all__ = ["Replay", "replay", "run_seeds"]

WALL_LIMIT_S = 120.0
"""Real seconds that one seed may take."""


def run_seeds(
    job: Job,
    seeds: Iterable[int],
    *,
    jobs: int | None = None,
    wall_limit_s: float = WALL_LIMIT_S,
    trace_file: str | None = None,
) -> Iterator[Report]:
    """Run seeds and yield their reports as they come; leaving early ends the worker.

    Args:
        jobs: how many run at a time; None for one per core.
        trace_file: where the (one) seed writes what happened.

    Raises:
        RuntimeError: the worker could not import the target; its own words are on stderr.
    """
    wanted = list(seeds)
    asked = {
        "job": asdict(job),
        "seeds": wanted,
        "jobs": jobs or os.cpu_count() or 1,
        "wall_limit_s": wall_limit_s,
        "trace_file": trace_file,
        "path": sys.path,
    }
    came = 0
    with _worker() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(asked).encode() + b"\n")
        process.stdin.close()
        for line in process.stdout:
            came += 1
            yield Report.from_dict(json.loads(line))
    if came < len(wanted):
        raise RuntimeError(f"the worker ended after {came} of {len(wanted)} seeds")


@contextmanager
def _worker() -> Iterator[subprocess.Popen[bytes]]:
    """Start a worker in a process group of its own, and leave nothing of it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "minikafka.trials.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        start_new_session=True,
    )
    try:
        yield process
        process.wait()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, 9)
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


@dataclass(frozen=True)
class Replay:
    """What came of running a seed again.

    Args:
        report: of the second run, with the timeline.
        identical: it had the same hash.
        difference: where two runs parted, where they did.
    """

    report: Report
    identical: bool
    difference: str = ""

    def line(self) -> str:
        """Return the result in words."""
        if self.identical:
            return "replayed in a second process: identical"
        return f"replayed in a second process: NOT the same run\n{self.difference}"


def replay(job: Job, failed: Report) -> Replay:
    """Run a seed again in another process, and compare."""
    with tempfile.TemporaryDirectory() as folder:
        second = Path(folder, "second")
        report = _once(job, failed.seed, second)
        if report.hash == failed.hash:
            return Replay(report, identical=True)
        third = Path(folder, "third")
        _once(job, failed.seed, third)
        return Replay(report, identical=False, difference=_difference(second, third))


def _once(job: Job, seed: int, trace_file: Path) -> Report:
    (report,) = run_seeds(job, [seed], jobs=1, trace_file=str(trace_file))
    return report


def _difference(one: Path, other: Path) -> str:
    if not one.exists() or not other.exists():
        return "one of the runs left no trace"
    found = first_difference(read_trace(str(one)), read_trace(str(other)))
    if found is None:
        return "two further runs were the same: what differs is rare"
    index, left, right = found
    return f"first difference, at event {index}:\n  {left}\n  {right}"
