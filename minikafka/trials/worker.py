"""The process that runs seeds: imports the target once, then forks a child for each seed.

    python -m minikafka.trials.worker < {"job": …, "seeds": […], "jobs": 2, "wall_limit_s": 120}

Every child starts from the same state, that after the import, so seed 17 of 200 does what seed 17
alone does. Reports leave as JSON lines on what was standard output; the target's own prints go to
standard error.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import sys
import time
import traceback
from dataclasses import dataclass, field
from typing import Any

from minikafka.trials.job import Job, Report

__all__ = ["main"]

_monotonic = time.monotonic  # noqa: TID251 - limits real processes


@dataclass
class _Child:
    pid: int
    seed: int
    deadline: float
    output: bytearray = field(default_factory=bytearray)
    killed: bool = False


def main() -> None:
    """Read what to do, do it, and print a line for each seed."""
    asked = json.loads(sys.stdin.readline())
    # Nobody but us writes where the reports go.
    reports = os.dup(1)
    os.dup2(2, 1)
    job = Job(**asked["job"])
    sys.path[:] = asked["path"]
    job.load()
    _warm_up(job)
    gc.collect()
    trace_file = asked.get("trace_file")
    _Pool(job, reports, asked["wall_limit_s"], trace_file).run(asked["seeds"], asked["jobs"])


def _warm_up(job: Job) -> None:
    """Import what a run needs, so that its children need not each do so."""
    prepare = getattr(job.load(), "prepare", None)
    if prepare is None:
        from minikafka.trials.run import prepare
    prepare()


class _Pool:
    """Children at work, and the pipes they report through."""

    def __init__(
        self, job: Job, reports: int, wall_limit_s: float, trace_file: str | None
    ) -> None:
        self._job = job
        self._reports = reports
        self._wall_limit_s = wall_limit_s
        self._trace_file = trace_file
        self._selector = selectors.DefaultSelector()
        self._children: dict[int, _Child] = {}

    def run(self, seeds: list[int], jobs: int) -> None:
        """Run all seeds, `jobs` at a time."""
        waiting = list(reversed(seeds))
        while waiting or self._children:
            while waiting and len(self._children) < jobs:
                self._start(waiting.pop())
            for key, _ in self._selector.select(timeout=0.5):
                self._read(key.fd)
            self._kill_late()

    def _start(self, seed: int) -> None:
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read_end)
            _run_child(self._job, seed, self._trace_file, write_end)
        os.close(write_end)
        deadline = _monotonic() + self._wall_limit_s
        self._children[read_end] = _Child(pid, seed, deadline)
        self._selector.register(read_end, selectors.EVENT_READ)

    def _read(self, descriptor: int) -> None:
        child = self._children[descriptor]
        data = os.read(descriptor, 1 << 20)
        if data:
            child.output += data
            return
        self._selector.unregister(descriptor)
        os.close(descriptor)
        del self._children[descriptor]
        _, status = os.waitpid(child.pid, 0)
        line = bytes(child.output)
        if not line:
            line = json.dumps(_dead(child, status).as_dict()).encode()
        os.write(self._reports, line + b"\n")

    def _kill_late(self) -> None:
        now = _monotonic()
        for child in self._children.values():
            if now > child.deadline and not child.killed:
                child.killed = True
                os.kill(child.pid, signal.SIGKILL)


def _run_child(job: Job, seed: int, trace_file: str | None, write_end: int) -> None:
    """Run one seed and leave, without what a leaving interpreter does."""
    try:
        report = job.run(seed, trace_file)
    except BaseException as error:  # noqa: BLE001 - the child ends here whatever it is
        name = f"error:{type(error).__name__}"
        report = Report(seed, violations=[name], text=traceback.format_exc())
    data: Any = memoryview(json.dumps(report.as_dict()).encode())
    while data:
        data = data[os.write(write_end, data) :]
    sys.stderr.flush()
    os._exit(0)


def _dead(child: _Child, status: int) -> Report:
    """Return the report of a child that could not give its own."""
    if child.killed:
        return Report(child.seed, violations=["wall-clock"], text="took too long: killed")
    how = os.waitstatus_to_exitcode(status)
    return Report(child.seed, violations=["crash"], text=f"the process ended with {how}")


if __name__ == "__main__":
    main()
