"""Runs many seeds of one job, each in a process of its own, forked from one worker.

A worker starts with a fixed hash seed: sets of strings have an order of their own in each process
otherwise. How worker and seeds hang together is told in `worker.py`.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from minikafka.trials.job import Job, JobRefused, Report
from minikafka.trials.worker import read_line

__all__ = ["WALL_LIMIT_S", "WorkerFailed", "run_seeds"]

WALL_LIMIT_S = 120.0
"""Seconds of processor time that one seed may take."""

_LOOK_EVERY_S = 0.5
"""Real seconds after which a worker that died is noticed."""


class WorkerFailed(RuntimeError):
    """The worker could not import the target, or died; a note holds its traceback."""


def run_seeds(
    job: Job,
    seeds: Iterable[int],
    *,
    jobs: int | None = None,
    wall_limit_s: float = WALL_LIMIT_S,
    trace_file: str | None = None,
) -> Generator[Report]:
    """Run seeds and yield their reports as they come; closing it early ends all processes.

    Args:
        jobs: how many run at a time; None for one per core.
        wall_limit_s: seconds of processor time that one seed may take; of real time thrice.
        trace_file: where the (one) seed writes what happened.

    Raises:
        JobRefused: its options make no sense.
        WorkerFailed: nothing can be run.
    """
    at_once = jobs or os.cpu_count() or 1
    asked = {"trace_file": trace_file, "wall_limit_s": wall_limit_s}
    waiting = iter(seeds)
    pool = _Pool(job)
    try:
        pool.start()
        while True:
            while pool.size < at_once and (seed := next(waiting, None)) is not None:
                pool.run({"seed": seed, **asked})
            if not pool.size:
                return
            yield from pool.ended()
    finally:
        pool.close()


class _Pool:
    """A worker, and the seeds that run from it."""

    def __init__(self, job: Job) -> None:
        if not hasattr(os, "fork"):
            raise WorkerFailed("this system has no fork: run one seed at a time, in process")
        self._job = job
        self._ready = False
        self._selector = selectors.DefaultSelector()
        self._running: dict[socket.socket, tuple[int, bytearray]] = {}
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                # -P: nothing in the directory we happen to be in is taken for a library.
                [sys.executable, "-P", "-m", "minikafka.trials.worker", str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=2,
                bufsize=0,
                env=_environment(),
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for us alone; we end them
            )

    @property
    def size(self) -> int:
        """How many seeds run."""
        return len(self._running)

    def start(self) -> None:
        """Wait until the worker has imported the target."""
        asked = {"path": [str(entry) for entry in sys.path], "job": asdict(self._job)}
        self._write(json.dumps(asked).encode() + b"\n")
        line = read_line(self._control)
        if not line:
            raise self._died()
        answer = json.loads(line)
        if "refused" in answer:
            raise JobRefused(answer["refused"])
        if "failed" in answer:
            failure = WorkerFailed(f"cannot load {self._job.target}: {answer['failed']}")
            failure.add_note(answer["traceback"])
            raise failure
        self._ready = True

    def run(self, asked: dict[str, Any]) -> None:
        """Run one seed."""
        ours, theirs = socket.socketpair()
        self._running[ours] = asked["seed"], bytearray()
        self._selector.register(ours, selectors.EVENT_READ)
        ours.sendall(json.dumps(asked).encode() + b"\n")
        with theirs:
            socket.send_fds(self._control, [b"+"], [theirs.fileno()])
        self._write(b"+")

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        try:
            while data:
                data = data[self._process.stdin.write(data) or 0 :]
        except BrokenPipeError:
            raise self._died() from None

    def _died(self) -> WorkerFailed:
        self._ready = False
        code = self._process.wait()
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return WorkerFailed(f"the worker died: {how}")

    def ended(self) -> list[Report]:
        """Wait a little, and return the reports of those who have ended meanwhile."""
        reports = []
        for key, _ in self._selector.select(_LOOK_EVERY_S):
            stream: Any = key.fileobj
            data = stream.recv(1 << 20)
            if data:
                self._running[stream][1].extend(data)
                continue
            self._selector.unregister(stream)
            stream.close()
            reports.append(_report(*self._running.pop(stream)))
        if not reports and self._process.poll() is not None:
            raise self._died()
        return reports

    def close(self) -> None:
        """End every process, and wait for its end."""
        assert self._process.stdin is not None
        if self._ready:
            for stream in self._running:
                with contextlib.suppress(OSError):  # it has just ended
                    stream.shutdown(socket.SHUT_WR)
        else:
            self._process.kill()  # it may be in the middle of an import
        self._process.stdin.close()
        # Not before: a supervisor that has just begun still reads from it.
        self._process.wait()
        self._control.close()
        self._selector.close()
        for stream in self._running:
            stream.close()


def _environment() -> dict[str, str]:
    """Return ours with a fixed hash seed; the worker finds this package where we did."""
    home = str(Path(__file__).resolve().parents[2])
    paths = [path for path in (os.environ.get("PYTHONPATH"), home) if path]
    return {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(paths)}


def _report(seed: int, output: bytearray) -> Report:
    *_, last = output.strip().split(b"\n")
    if not last:
        return Report(seed, violations=["crash"], text="the process ended without a report")
    return Report.from_dict(json.loads(last))
