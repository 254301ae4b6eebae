"""`minikafka trial` and `minikafka trials`: seeds of a simulated cluster, run and judged."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec

from minikafka.cli.failures import CommandFailed, UsageFailed
from minikafka.cli.output import progress_bar
from minikafka.trials.job import Job, JobRefused, Report
from minikafka.trials.replay import not_replayed, replay, unlike_workers
from minikafka.trials.runner import WorkerFailed, run_seeds

__all__ = ["trial", "trials"]

TARGET = "minikafka.trials.trial:run_trial"
CHECK = "minikafka.trials.trial:check_options"
CLIENTS = "aiokafka"


def trial(
    seed: int,
    *,
    seconds: float,
    profile: str,
    mutate: str | None,
    as_json: bool,
    in_process: bool,
) -> int:
    """Run one seed; return 0 where nothing was violated, else 1."""
    job = _job(seconds, profile, mutate)
    with _failures_of("minikafka trial"):
        report = _here(job, seed) if in_process else _in_worker(job, seed)
        if not report.ok and not as_json:
            _explain(job, report, in_process=in_process)
    sys.stdout.write((json.dumps(report.as_dict()) if as_json else report.line()) + "\n")
    return 0 if report.ok else 1


def trials(
    first: int,
    end: int,
    *,
    seconds: float,
    profile: str,
    mutate: str | None,
    jobs: int | None,
    stop_at_first: bool,
) -> int:
    """Run the seeds from `first` to `end`, exclusive; return 0 where nothing was violated.

    Ctrl-C ends it with the summary of what has been run.
    """
    job = _job(seconds, profile, mutate)
    clock = time.monotonic  # noqa: TID251 - says how long people waited
    began = clock()
    ran = violated = 0
    virtual_s = 0.0
    reports = run_seeds(job, range(first, end), jobs=jobs)
    with _failures_of("minikafka trials"), _interruptible(), closing(reports):
        for report in _with_progress(reports, end - first):
            ran += 1
            virtual_s += report.virtual_s
            if not report.ok:
                violated += 1
                _show(f"{report.line()}\n    {_replay_line(job, report.seed)}")
                if stop_at_first:
                    break
    _show(
        f"trials seeds={ran} ok={ran - violated} violations={violated} "
        f"virtual_h={virtual_s / 3600:.1f} wall_s={clock() - began:.1f}"
    )
    return 1 if violated else 0


def _job(seconds: float, profile: str, mutate: str | None) -> Job:
    options = {"seconds": seconds, "profile": profile, "mutate": mutate}
    return Job(TARGET, options, check=CHECK, imports=(CLIENTS,))


def _replay_line(job: Job, seed: int) -> str:
    """Return what to type to have a seed again."""
    options = job.options
    words = ["minikafka", "trial", "--seed", str(seed), "--seconds", f"{options['seconds']:g}"]
    if options["profile"] != "default":
        words += ["--profile", options["profile"]]
    if options["mutate"] is not None:
        words += ["--mutate", options["mutate"]]
    return shlex.join(words)


def _in_worker(job: Job, seed: int) -> Report:
    (report,) = run_seeds(job, [seed], jobs=1)
    return report


def _here(job: Job, seed: int) -> Report:
    job.prepare()
    if why := unlike_workers():
        sys.stderr.write(f"note: {why}\n")
    return job.run(seed)


def _explain(job: Job, report: Report, *, in_process: bool) -> None:
    """Say what was wrong, whether it can be had again, and how."""
    text, replayed = report.text, not_replayed()
    if not in_process:
        again = replay(job, report)
        text, replayed = again.report.text, again.line()
    _show(
        f"{text}\n\n{replayed}\n"
        f"again with: {_replay_line(job, report.seed)}\nversions: {report.versions_line()}"
    )


def _show(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()  # whoever reads from a pipe sees it at once


@contextmanager
def _failures_of(command: str) -> Iterator[None]:
    if find_spec(CLIENTS) is None:
        raise CommandFailed(command, f"needs {CLIENTS}: pip install 'minikafka[sim]'")
    try:
        yield
    except JobRefused as error:
        raise UsageFailed(command, str(error)) from error
    except WorkerFailed as error:
        raise CommandFailed(command, str(error)) from error


@contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")


def _with_progress(reports: Iterable[Report], total: int) -> Iterator[Report]:
    """Pass reports on, and show on a terminal how many have come."""
    if not sys.stderr.isatty():
        yield from reports
        return
    with _bar(total) as advance:
        for report in reports:
            advance(report)
            yield report


@contextmanager
def _bar(total: int) -> Iterator[Callable[[Report], None]]:
    violated = 0
    with progress_bar() as progress:
        task = progress.add_task("seeds", total=total)

        def advance(report: Report) -> None:
            nonlocal violated
            violated += not report.ok
            words = f"seeds, {violated} violated" if violated else "seeds"
            progress.update(task, advance=1, description=words)

        yield advance
