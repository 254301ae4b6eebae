"""Trials of planted bugs, and the same trials without them, in a process of their own."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

from minikafka.trials.job import Job, Report
from minikafka.trials.mutations import MUTATIONS
from minikafka.trials.runner import run_seeds
from minikafka.trials.score import SECONDS, Found, Replay, scored
from minikafka.trials.trial import run_trial
from tests.house.tree import ROOT

__all__ = ["Case", "Runs", "recorded", "run_case", "search"]

_TRIAL = "minikafka.trials.trial:run_trial"
_LATER_S = 0.5
"""Virtual seconds that a replay may take longer than what was recorded."""
_SEARCHED_S = 45.0
_SEARCHED_SEEDS = 60
_BROKEN_OFF = ["error:TimeLimit"]


class Case(NamedTuple):
    """One run: up to when its bug was found, with or without the bug."""

    mutation: str
    seed: int
    virtual_s: float
    planted: bool


def run_case(seed: int, trace_file: str | None = None, *, cases: list[list[object]]) -> Report:
    """Run a case of a list; `seed` is its place there, so that a worker can be asked for it."""
    case = Case(*cases[seed])  # type: ignore[arg-type]  # as JSON has it
    return run_trial(
        case.seed,
        trace_file,
        seconds=SECONDS,
        mutate=case.mutation,
        planted=case.planted,
        until_s=case.virtual_s + _LATER_S,
    )


run_case.prepare = run_trial.prepare  # type: ignore[attr-defined]  # for workers


class Runs:
    """A worker that runs one case after the other, each from the same state.

    Args:
        cases: all that may be asked for.
    """

    def __init__(self, cases: list[Case]) -> None:
        self._cases = cases
        self._asked: deque[int] = deque()
        self._known: dict[Case, Report] = {}
        job = Job(
            "tests.support.ablation_runs:run_case", {"cases": cases}, imports=("aiokafka",)
        )
        self._reports = run_seeds(job, self._next(), jobs=1)

    def __call__(self, case: Case) -> list[str]:
        """Return the names of what a case violates until it is broken off."""
        violations = self._report(case).violations
        return [] if violations == _BROKEN_OFF else violations

    def is_without_effect(self, case: Case) -> bool:
        """Say whether its bug changes nothing: most likely that code has moved elsewhere."""
        without = self._report(case._replace(planted=False))
        return self._report(case._replace(planted=True)).hash == without.hash

    def _report(self, case: Case) -> Report:
        if case not in self._known:
            self._asked.append(self._cases.index(case))
            self._known[case] = next(self._reports)
        return self._known[case]

    def close(self) -> None:
        """End the worker."""
        self._reports.close()

    def _next(self) -> Iterator[int]:
        while self._asked:
            yield self._asked.popleft()


def recorded() -> dict[str, Replay | None]:
    """Return the seed that finds each planted bug soonest, by docs/mutations.json."""
    data = json.loads((ROOT / "docs" / "mutations.json").read_text("utf-8"))
    found = {name: Found.from_dict(each) for name, each in data.items()}
    return {name: found[name].replay if name in found else None for name in MUTATIONS}


def search(mutation: str) -> Replay | None:
    """Look for a seed that finds a planted bug: the code has changed since one was recorded."""
    options: dict[str, object] = {"seconds": SECONDS, "mutate": mutation}
    known = recorded()[mutation]
    if known is None or known.virtual_s < _SEARCHED_S:
        options["until_s"] = _SEARCHED_S
    # Else it is what never comes to be: that is seen when all patience is over.
    reports = run_seeds(
        Job(_TRIAL, options, imports=("aiokafka",)), range(_SEARCHED_SEEDS), jobs=1
    )
    with closing(reports):
        return scored(reports, MUTATIONS[mutation].caught_by).replay
