"""`sim.test`: a scenario as a test function, run on many seeds.

pytest collects it like any function; the plugin gives it `--sim-seed` and its like.
"""

# ruff: noqa: PT028 - `test` is our decorator, not a test

from __future__ import annotations

import inspect
import shlex
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from minikafka.cluster.topics import ConfigInput
from minikafka.trials.job import Job, Report
from minikafka.trials.replay import not_replayed, replay
from minikafka.trials.run import Scenario, run, run_scenario
from minikafka.trials.runner import run_seeds

__all__ = ["SimTest", "SimTestFailed", "test"]


class SimTestFailed(AssertionError):
    """A seed of a simulated test failed; the message says how to have it again."""


@dataclass(frozen=True)
class SimTest:
    """One scenario, and how it is run.

    Args:
        seeds: how many, from 0 on.
        options: arguments of `run`.
    """

    scenario: Scenario
    seeds: int
    options: Mapping[str, Any]

    def run_seed(self, seed: int, trace_file: str | None = None) -> Report:
        """Run one seed in this process."""
        return run_scenario(self.scenario, seed=seed, trace_file=trace_file, **self.options)

    def job(self) -> Job:
        """Return what a worker needs to run this.

        Raises:
            ValueError: the scenario is defined where another process cannot find it.
        """
        name = self.scenario.__qualname__
        if "<locals>" in name:
            raise ValueError(f"{name} is defined in a function: a worker cannot import it")
        return Job(
            f"{self.scenario.__module__}:{name}.simulation",
            file=inspect.getsourcefile(self.scenario),
        )

    def check(
        self,
        *,
        seed: int | None = None,
        seeds: int | None = None,
        jobs: int | None = None,
        test_id: str | None = None,
    ) -> None:
        """Run the seeds in processes of their own; stop at the first that fails.

        Args:
            seed: this one alone.
            seeds: how many, instead of the test's own number.
            jobs: how many at a time; None for one per core.
            test_id: what pytest calls the test.

        Raises:
            SimTestFailed: with everything there is to know.
        """
        wanted = [seed] if seed is not None else range(self.seeds if seeds is None else seeds)
        job = self.job()
        with closing(run_seeds(job, wanted, jobs=jobs)) as reports:
            failed = next((report for report in reports if not report.ok), None)
        if failed is not None:
            again = replay(job, failed)
            raise SimTestFailed(self._message(failed, again.line(), again.report.text, test_id))

    def check_in_process(self, *, seed: int = 0, test_id: str | None = None) -> None:
        """Run one seed here, where a debugger sees it; raise what the scenario raised."""
        result = run(self.scenario, seed=seed, **self.options)
        if result.error is not None:
            report = Report(seed, result.hash, result.violations)
            note = self._message(report, not_replayed(), result.timeline(), test_id)
            result.error.add_note(note)
            raise result.error

    def _message(self, report: Report, replayed: str, text: str, test_id: str | None) -> str:
        where = test_id or f"{self._file()}::{self.scenario.__qualname__}"
        lines = [
            f"seed {report.seed}: {report.verdict}",
            f"again with: pytest {shlex.quote(where)} --sim-seed={report.seed}",
            f"versions: {report.versions_line() or f'python {sys.version.split()[0]}'}",
            replayed,
            "",
            text,
        ]
        return "\n".join(lines).rstrip()

    def _file(self) -> str:
        return inspect.getsourcefile(self.scenario) or "?"


def test(
    seeds: int = 20,
    *,
    brokers: int = 3,
    topics: Mapping[str, int] | None = None,
    config: Mapping[str, ConfigInput] | None = None,
    time_limit: float | None = 3_600.0,
    mutate: str | None = None,
) -> Callable[[Scenario], Callable[[], None]]:
    """Make a test function of `async def scenario(s: Simulation)`.

    Args:
        seeds: run seeds 0 to `seeds` - 1, each in a process of its own.
        topics: made before the scenario begins, as {name: partitions}.
        config: broker configs by Kafka's names.
        time_limit: virtual seconds after which a run fails.
        mutate: id of a planted bug: the test of a test.
    """

    def decorate(scenario: Scenario) -> Callable[[], None]:
        options = {
            "brokers": brokers,
            "topics": topics,
            "config": config,
            "time_limit_s": time_limit,
            "mutate": mutate,
        }
        simulation = SimTest(scenario, seeds, options)

        def run_all() -> None:
            simulation.check()

        for name in ("__name__", "__qualname__", "__module__", "__doc__"):
            setattr(run_all, name, getattr(scenario, name))
        run_all.simulation = simulation  # type: ignore[attr-defined]
        return run_all

    return decorate


# pytest would take the decorator for a test, wherever it is imported by name.
test.__test__ = False  # type: ignore[attr-defined]
