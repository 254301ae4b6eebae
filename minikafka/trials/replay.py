"""Runs a seed that failed once more, in a second process, before anyone is told.

A run that cannot be had again is a leak: something besides the seed decided. Where two runs part
is its first symptom.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from minikafka.sim.trace import first_difference
from minikafka.trials.job import Job, Report, read_trace
from minikafka.trials.runner import run_seeds

__all__ = ["Replay", "not_replayed", "replay", "unlike_workers"]


@dataclass(frozen=True)
class Replay:
    """What came of running a seed again.

    Args:
        report: of the second run, with the timeline; of the first where there was none.
        identical: it did the same, to the byte.
        difference: where two runs parted, or what else there is to say.
    """

    report: Report
    identical: bool
    difference: str = ""

    def line(self) -> str:
        """Return the result in words."""
        if self.identical:
            return "replayed: identical"
        return f"replayed: NOT the same run\n{self.difference}"


def replay(job: Job, failed: Report) -> Replay:
    """Run a seed again in another process, and compare."""
    if "wall-clock" in failed.violations:
        # It would take as long again, and be killed again.
        return Replay(failed, identical=False, difference="not tried: it would take as long")
    with tempfile.TemporaryDirectory() as folder:
        second_trace, third_trace = Path(folder, "second"), Path(folder, "third")
        second = _once(job, failed.seed, second_trace)
        shown = second if second.text else failed
        if (second.hash, second.verdict) == (failed.hash, failed.verdict):
            return Replay(shown, identical=True)
        third = _once(job, failed.seed, third_trace)
        where = _where_they_part(second_trace, third_trace)
    heads = [
        f"  {name}: {report.verdict} hash={report.hash or 'none'}"
        for name, report in (("first", failed), ("second", second), ("third", third))
    ]
    return Replay(shown, identical=False, difference="\n".join([*heads, where]))


def unlike_workers() -> str:
    """Return why a run in this process may not be the one that a worker has; empty if it is.

    Clients keep names in sets, which iterate in the order of their hashes: by PYTHONHASHSEED.
    """
    if not sys.flags.hash_randomization:
        return ""
    return "string hashes are salted here, PYTHONHASHSEED=0 makes it the run of a worker"


def not_replayed() -> str:
    """Return what there is to say of a run in this process, in words."""
    why = unlike_workers()
    return "not replayed: it ran in this process" + (f"; {why}" if why else "")


def _once(job: Job, seed: int, trace_file: Path) -> Report:
    (report,) = run_seeds(job, [seed], jobs=1, trace_file=str(trace_file))
    return report


def _where_they_part(one: Path, other: Path) -> str:
    if not one.exists() or not other.exists():
        return "one of the two replays left no trace"
    found = first_difference(read_trace(str(one)), read_trace(str(other)))
    if found is None:
        # Keeping a trace allocates: whoever orders by address is moved by it.
        return "the two replays, which keep a trace, were the same: the first run was not"
    index, left, right = found
    return f"the two replays part at event {index}:\n  {left}\n  {right}"
