"""What is made of the search for planted bugs."""

from __future__ import annotations

import pytest

from minikafka.trials.job import Report
from minikafka.trials.mutation import Mutation
from minikafka.trials.score import (
    Found,
    Replay,
    oracle_of,
    score_document,
    scored,
    soonest,
)


def report(seed: int, *violations: str, virtual_s: float = 9.0) -> Report:
    """Return what a seed came to."""
    return Report(seed, violations=list(violations), virtual_s=virtual_s)


@pytest.mark.parametrize(
    ("rule", "oracle"),
    [
        ("R13", "rule"),
        ("C11", "rule"),
        ("L4", "liveness"),
        ("error:Livelock", "liveness"),
        ("lost-write", "history"),
        ("", ""),
    ],
)
def test_rules_are_told_by_their_names(rule: str, oracle: str) -> None:
    """A letter and a number is a rule of brokers, L is a bound of time, words are a history's."""
    assert oracle_of(rule) == oracle


def test_search_ends_with_the_first_rule_that_is_meant() -> None:
    """Others are told, and do not count."""
    seeds = iter([report(0), report(1, "R1"), report(2, "R13"), report(3, "R13")])
    found = Found(3, "R13", "rule", ("R1",), Replay(2, "R13", 9.0))
    assert scored(seeds, ("R4", "R13")) == found
    assert next(seeds).seed == 3


def test_replay_is_the_seed_that_finds_it_soonest() -> None:
    """How many seeds it took is one thing, which of them to have again another."""
    reports = [
        report(0, "R1", virtual_s=0.5),
        report(3, "R4", virtual_s=2.5),
        report(4, "R13", virtual_s=3.0),
    ]
    assert soonest(reports, ("R4", "R13"), Replay(1, "R13", 9.0)) == Replay(3, "R4", 2.5)
    assert soonest(reports, ("R4", "R13"), Replay(1, "R13", 2.0)) == Replay(1, "R13", 2.0)


def test_search_without_success_tells_how_far_it_went() -> None:
    """So many seeds, and nothing."""
    found = scored([report(0), report(1)], ("R13",))
    assert (found.seeds, found.caught) == (2, False)


def test_results_survive_their_file() -> None:
    """What is written is read again."""
    found = Found(3, "R13", "rule", ("R1",), Replay(4, "R4", 1.5))
    assert Found.from_dict(found.as_dict()) == found


def test_document_names_survivors_with_their_reason() -> None:
    """The score, a row for each, and why some are not found."""
    mutations = {
        "a": Mutation("one", ("R1",), list, kinds=("kill",), tier=1),
        "b": Mutation("other", ("R2",), list, survives="nobody asks"),
        "c": Mutation("third", ("R2",), list),
    }
    text = score_document(mutations, {"a": Found(2, "R1", "rule"), "b": Found(40)})
    assert "**1 of 3 are found**, 1 of 1 of tier 1" in text
    assert "| `a` | 1 | one | – | `kill` | R1 (rule) | 2 |" in text
    assert "- `b`, in 40 seeds: nobody asks." in text
    assert "- `c`, in 0 seeds: not understood yet." in text
