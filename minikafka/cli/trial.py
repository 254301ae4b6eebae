"""`minikafka trial` and `minikafka trials`: seeds of a simulated cluster, run and judged."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minikafka.cli.failures import CommandFailed, UsageFailed
from minikafka.trials.job import Job, Report
from minikafka.trials.runner import replay, run_seeds

__all__ = ["trial", "trials"]

TARGET = "minikafka.trials.trial:run_trial"
_monotonic = time.monotonic  # noqa: TID251 - says how long people waited


def _job(command: str, seconds: float, profile: str, mutate: str | None) -> Job:
    try:
        from minikafka.trials.trial import check_options
    except ImportError as error:
        raise CommandFailed(
            command, f"{error}; the clients come with the extra minikafka[sim]"
        ) from error
    try:
        check_options(profile, mutate)
    except ValueError as error:
        raise UsageFailed(command, str(error)) from error
    return Job(TARGET, {"seconds": seconds, "profile": profile, "mutate": mutate})


def _replay_line(job: Job, seed: int) -> str:
    """Return what to type to have a seed again."""
    options = job.options
    parts = [f"minikafka trial --seed {seed} --seconds {options['seconds']:g}"]
    if options["profile"] != "default":
        parts.append(f"--profile {options['profile']}")
    if options["mutate"] is not None:
        parts.append(f"--mutate {options['mutate']}")
    return " ".join(parts)


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
    command = "minikafka trial"
    job = _job(command, seconds, profile, mutate)
    report = job.run(seed) if in_process else _only(job, seed, command)
    if not report.ok and not as_json:
        _explain(job, report, in_process=in_process)
    sys.stdout.write((json.dumps(report.as_dict()) if as_json else report.line()) + "\n")
    return 0 if report.ok else 1


def _only(job: Job, seed: int, command: str) -> Report:
    try:
        (report,) = run_seeds(job, [seed], jobs=1)
    except RuntimeError as error:
        raise CommandFailed(command, str(error)) from error
    return report


def _explain(job: Job, report: Report, *, in_process: bool) -> None:
    """Say what was wrong, whether it can be had again, and how."""
    shown = report
    lines = []
    if not in_process:
        again = replay(job, report)
        shown = again.report
        lines.append(again.line())
    versions = ", ".join(f"{name} {number}" for name, number in report.versions.items())
    lines.append(f"again with: {_replay_line(job, report.seed)}   ({versions})")
    sys.stdout.write("\n".join([shown.text or report.text, "", *lines]) + "\n")


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
    """Run the seeds from `first` to `end`, exclusive; return 0 where nothing was violated."""
    command = "minikafka trials"
    job = _job(command, seconds, profile, mutate)
    began = _monotonic()
    done: list[Report] = []
    bad: list[Report] = []
    try:
        with _progress(end - first) as advance:
            for report in run_seeds(job, range(first, end), jobs=jobs):
                done.append(report)
                advance(len(bad))
                if not report.ok:
                    bad.append(report)
                    sys.stdout.write(f"{report.line()}\n    {_replay_line(job, report.seed)}\n")
                    sys.stdout.flush()
                    if stop_at_first:
                        break
    except RuntimeError as error:
        raise CommandFailed(command, str(error)) from error
    hours = sum(report.virtual_s for report in done) / 3600
    sys.stdout.write(
        f"trials seeds={len(done)} ok={len(done) - len(bad)} violations={len(bad)} "
        f"virtual_h={hours:.2f} wall_s={_monotonic() - began:.1f}\n"
    )
    return 1 if bad else 0


@contextmanager
def _progress(total: int) -> Iterator[Any]:
    """Show a bar on a terminal; yield what moves it on by one."""
    if not sys.stderr.isatty():
        yield lambda bad: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("seeds", total=total)

        def advance(bad: int) -> None:
            progress.update(task, advance=1, description=f"seeds, {bad} violated")

        yield advance
