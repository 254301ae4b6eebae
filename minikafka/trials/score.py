"""How many seeds it takes to find each planted bug, and what finds it.

The results are kept beside the document that is made from them, so that the document can be
checked without running anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, NamedTuple, TypeAlias, cast

from minikafka.trials.job import Job, Report
from minikafka.trials.mutation import Mutation
from minikafka.trials.runner import run_seeds

__all__ = [
    "SECONDS",
    "Found",
    "Oracle",
    "Replay",
    "oracle_of",
    "score",
    "score_document",
    "scored",
    "soonest",
]

Oracle: TypeAlias = Literal["rule", "liveness", "history", ""]
"""What found it: an invariant of the brokers, a bound of time, or what clients saw alone."""

SECONDS = 30.0
"""Virtual seconds of each trial."""

_LIVENESS = re.compile(r"L\d+|wall-clock|error:(TimeLimit|Livelock|Deadlock)")
_RULE = re.compile(r"[A-Z]\d+")


SOONER_SEEDS = 12
"""Seeds that are run up to the moment at which the first one found a bug: one may do so sooner."""


class Replay(NamedTuple):
    """The seed that finds a planted bug soonest, for whoever wants to see it again.

    `virtual_s` is when, in virtual seconds since the start of the run.
    """

    seed: int
    rule: str
    virtual_s: float


@dataclass(frozen=True)
class Found:
    """What came of looking for one planted bug.

    Args:
        seeds: how many were run; the last one found it, if any did.
        rule: that the last seed violated, one of those meant for it; empty where none was.
        oracle: what kind of rule that is.
        others: rules not meant for it that earlier seeds violated.
        replay: the seed that finds it soonest; None where none does.
    """

    seeds: int
    rule: str = ""
    oracle: Oracle = ""
    others: tuple[str, ...] = ()
    replay: Replay | None = None

    @property
    def caught(self) -> bool:
        """True where a rule meant for it found it."""
        return bool(self.rule)

    def as_dict(self) -> dict[str, object]:
        """Return it for JSON."""
        replay = None if self.replay is None else self.replay._asdict()
        return {**asdict(self), "replay": replay}

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Found:
        """Return what `as_dict` was made from."""
        others = tuple(str(name) for name in cast("Iterable[object]", data.get("others", ())))
        rule = str(data["rule"])
        told = cast("dict[str, Any] | None", data.get("replay"))
        replay = None if told is None else Replay(**told)
        return cls(int(cast("int", data["seeds"])), rule, oracle_of(rule), others, replay)


def oracle_of(rule: str) -> Oracle:
    """Return what kind of rule a name is of."""
    if not rule:
        return ""
    if _LIVENESS.fullmatch(rule):
        return "liveness"
    return "rule" if _RULE.fullmatch(rule) else "history"


def scored(reports: Iterable[Report], expected: Iterable[str]) -> Found:
    """Read reports up to the first that violates an expected rule."""
    wanted = tuple(expected)
    count = 0
    others: dict[str, None] = {}
    for report in reports:
        count += 1
        for name in report.violations:
            if name in wanted:
                replay = Replay(report.seed, name, round(report.virtual_s, 2))
                return Found(count, name, oracle_of(name), tuple(others), replay)
            others[name] = None
    return Found(count, "", "", tuple(others))


def soonest(reports: Iterable[Report], expected: Iterable[str], known: Replay) -> Replay:
    """Return the replay that takes the least virtual time, of a known one and all of these."""
    best = known
    for report in reports:
        rule = next((name for name in report.violations if name in expected), None)
        if rule is not None and report.virtual_s < best.virtual_s:
            best = Replay(report.seed, rule, round(report.virtual_s, 2))
    return best


def score(
    mutation_id: str, mutation: Mutation, *, seeds_max: int, jobs: int | None = 1
) -> Found:
    """Run a planted bug on seeds from 0 on until it is found, then look for a quicker one."""
    options: dict[str, Any] = {"seconds": SECONDS, "mutate": mutation_id}
    with closing(run_seeds(_job(options), range(seeds_max), jobs=jobs)) as reports:
        found = scored(reports, mutation.caught_by)
    first = found.replay
    if first is None or found.oracle == "liveness":
        return found  # what never comes to be is seen when all patience is over, on every seed
    options["until_s"] = first.virtual_s
    with closing(run_seeds(_job(options), range(SOONER_SEEDS), jobs=jobs)) as reports:
        return replace(found, replay=soonest(reports, mutation.caught_by, first))


def _job(options: dict[str, Any]) -> Job:
    return Job("minikafka.trials.trial:run_trial", options, imports=("aiokafka",))


_HEAD = """\
# Planted bugs

Made from `minikafka/trials/mutations*.py` and `docs/mutations.json` by `tools/gen_docs.py`; do not edit.

A check that never fires may be blind. Each of these replaces one decision of broker code for the length of a run. They are looked for in
trials of {seconds:g} virtual seconds with the configs and kinds of faults that show them, on seeds 0, 1, 2, … until a rule that is meant for them
is violated (`python tools/score_mutations.py`, which writes the JSON file; the rules are in [invariants.md](invariants.md)).
By hand: `minikafka trials --seeds 0:200 --seconds {seconds:g} --mutate ID --stop-at-first`. `tests/ablations/` replays the seed that finds each soonest, with
the bug and without.

**{caught} of {total} are found**{tier}. Seeds to find one: {median} in the median, {most} at most. Found by an invariant of the brokers: {rule};
by a bound of time: {liveness}; by what clients saw alone: {history}.

| id | tier | what it does | comes from | faults | found by | seeds |
|---|--:|---|---|---|---|--:|
"""


def score_document(mutations: Mapping[str, Mutation], found: Mapping[str, Found]) -> str:
    """Return the text of docs/mutations.md."""
    results = {name: found.get(name, Found(0)) for name in sorted(mutations)}
    caught = {name: result for name, result in results.items() if result.caught}
    seeds = sorted(result.seeds for result in caught.values()) or [0]
    first = [name for name in results if mutations[name].tier == 1]
    first_caught = sum(name in caught for name in first)
    kinds = [result.oracle for result in caught.values()]
    text = _HEAD.format(
        seconds=SECONDS,
        caught=len(caught),
        total=len(results),
        tier=f", {first_caught} of {len(first)} of tier 1",
        median=seeds[len(seeds) // 2],
        most=seeds[-1],
        **{kind: kinds.count(kind) for kind in ("rule", "liveness", "history")},
    )
    for name, result in results.items():
        text += _row(name, mutations[name], result)
    survivors = [name for name in results if name not in caught]
    if survivors:
        text += "\n## Not found\n\n"
        for name in survivors:
            why = mutations[name].survives or "not understood yet"
            text += f"- `{name}`, in {results[name].seeds} seeds: {why}.\n"
    return text


def _row(name: str, mutation: Mutation, result: Found) -> str:
    faults = ", ".join(f"`{kind}`" for kind in mutation.kinds) or "any"
    rule = f"{result.rule} ({result.oracle})" if result.caught else "–"
    seeds = str(result.seeds) if result.caught else f"> {result.seeds}"
    return (
        f"| `{name}` | {mutation.tier} | {mutation.name} | {mutation.ancestor or '–'} | {faults} "
        f"| {rule} | {seeds} |\n"
    )
