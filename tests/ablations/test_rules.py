"""Each safety rule switched off by a planted bug: then an invariant does not hold.

The seed that shows it soonest is recorded in docs/mutations.json; the same seed without the bug
violates nothing up to then. One ablation of each rule is in every run of the tests; the others, and
those that only time shows, are run at night: `pytest tests/ablations -m nightly`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from minikafka.trials.mutations import MUTATIONS
from tests.ablations.rules import ABLATIONS, EXPLORED
from tests.support.ablation_runs import Case, Runs, recorded, search
from tests.support.quorum_explorer import explore

OFTEN_S_MAX = 65.0
"""Virtual seconds that a trial of every run of the tests may take."""

RARE_SEED = 60

RECORDED = recorded()
STATED = [
    (f"{module}:{mutation}", mutation)
    for module, rules in ABLATIONS.items()
    for mutation in dict.fromkeys(each for found in rules.values() for each in found)
]
"""What switches off the rules of each module."""
UNSTATED = [(name, name) for name in MUTATIONS if name not in dict(map(reversed, STATED))]
"""Bugs against rules that no docstring of the core states."""


def _virtual_s(mutation: str) -> float:
    replay = RECORDED[mutation]
    # What is found on few seeds only is no test for every run: its seed may go stale any time.
    return math.inf if replay is None or replay.seed >= RARE_SEED else replay.virtual_s


def _often() -> set[str]:
    """Return the quickest ablation of each rule, where no schedule shows the rule already."""
    chosen = set()
    for rules in ABLATIONS.values():
        for found in rules.values():
            quickest = min(found, key=_virtual_s)
            if not set(found) & set(EXPLORED) and _virtual_s(quickest) <= OFTEN_S_MAX:
                chosen.add(quickest)
    return chosen


OFTEN = _often()
TRIALS = [
    pytest.param(
        mutation, id=name, marks=pytest.mark.slow if mutation in OFTEN else pytest.mark.nightly
    )
    for name, mutation in (*STATED, *UNSTATED)
    if not MUTATIONS[mutation].survives
]


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    """A worker for all recorded seeds, with their bugs and without."""
    cases = [
        Case(name, replay.seed, replay.virtual_s, planted)
        for name, replay in RECORDED.items()
        if replay is not None
        for planted in (True, False)
    ]
    worker = Runs(cases)
    yield worker
    worker.close()


@pytest.mark.time_limit(120)  # for the search: a replay takes less than a second
@pytest.mark.parametrize("mutation", TRIALS)
def test_trial_breaks_an_invariant_without_the_rule_and_none_with_it(
    mutation: str, runs: Runs
) -> None:
    """The invariant is named; where the recorded seed is stale another one is looked for."""
    replay, meant = RECORDED[mutation], MUTATIONS[mutation].caught_by
    if replay is not None:
        case = Case(mutation, replay.seed, replay.virtual_s, planted=True)
        if set(runs(case)) & set(meant):
            assert runs(case._replace(planted=False)) == []
            return
    found = search(mutation)
    if found is None and replay is not None and runs.is_without_effect(case):
        pytest.fail(
            f"{mutation} changes nothing in seed {replay.seed}: is its code still called?"
        )
    assert found is not None, f"no seed violates {meant}: tools/score_mutations.py {mutation}"
    case = Case(mutation, found.seed, found.virtual_s, planted=False)
    alone = Runs([case])
    try:
        assert alone(case) == []
    finally:
        alone.close()


@pytest.mark.parametrize("mutation", EXPLORED)
def test_schedule_breaks_an_invariant_without_the_rule_and_none_with_it(mutation: str) -> None:
    """Rules of the quorum need no cluster: messages in any order, crashes and power losses do."""
    seed, rule, changing = EXPLORED[mutation]
    assert explore(seed, mutation, changing=changing) == rule
    assert explore(seed, changing=changing) is None
