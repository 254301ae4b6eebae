"""`sim.test`: a scenario as a test function, run on many seeds.

pytest collects it like any function; the plugin gives it `--sim-seed` and its like.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from minikafka.cluster.topics import ConfigInput
from minikafka.trials.job import Job, Report
from minikafka.trials.run import Scenario, run_scenario
from minikafka.trials.runner import replay, run_seeds

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
        """Return what a worker needs to run this."""
        name = self.scenario.__qualname__
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
        in_process: bool = False,
        replay_line: str = "",
    ) -> None:
        """Run the seeds; stop at the first that fails.

        Raises:
            SimTestFailed: with everything there is to know.
        """
        wanted = [seed] if seed is not None else list(range(seeds or self.seeds))
        if in_process:
            for number in wanted:
                self._judge_here(number)
            return
        job = self.job()
        for report in run_seeds(job, wanted, jobs=jobs):
            if not report.ok:
                again = replay(job, report)
                raise SimTestFailed(_message(report, again.line(), again.report, replay_line))

    def _judge_here(self, seed: int) -> None:
        report = self.run_seed(seed)
        if not report.ok:
            raise SimTestFailed(_message(report, "not replayed: in process", report, ""))


def _message(report: Report, replayed: str, shown: Report, replay_line: str) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in report.versions.items())
    lines = [
        f"seed {report.seed}: {report.verdict}",
        f"again with: {replay_line}--sim-seed={report.seed}   ({versions})",
        replayed,
        "",
        shown.text or report.text,
    ]
    return "\n".join(lines)


def test(
    seeds: int = 20,
    *,
    brokers: int = 3,
    topics: Mapping[str, int] | None = None,
    config: Mapping[str, ConfigInput] | None = None,
    time_limit: float | None = 3_600.0,
) -> Callable[[Scenario], Callable[[], None]]:
    """Make a test function of `async def scenario(s: Simulation)`.

    Args:
        seeds: run seeds 0 to `seeds` - 1, each in a process of its own.
        topics: made before the scenario begins, as {name: partitions}.
        config: broker configs by Kafka's names.
        time_limit: virtual seconds after which a run fails.
    """

    def decorate(scenario: Scenario) -> Callable[[], None]:
        options = {
            "brokers": brokers,
            "topics": topics,
            "config": config,
            "time_limit_s": time_limit,
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
