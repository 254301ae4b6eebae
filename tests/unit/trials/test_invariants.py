"""Which checks are called for which event."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.trials import simulation
from minikafka.trials.ghost import Ghost
from minikafka.trials.invariants import ABOUT, REGISTERED, Answer, Check, Invariants
from minikafka.wire.versions import ApiKey

assert simulation.Simulation, "importing it registers the rules"
NARROW = [(name, rule) for name, rule in REGISTERED["answered"] if rule in ABOUT]


def answer(api_key: int) -> Answer:
    """Return an answer of which a check may look at nothing but its API."""
    nothing: Any = None
    return Answer(nothing, Ghost(), api_key, 0, nothing, nothing, from_broker=False)


@pytest.mark.parametrize(
    "rule", [rule for _, rule in NARROW], ids=[f"{n}-{r.__name__}" for n, r in NARROW]
)
def test_check_of_some_apis_has_nothing_to_say_of_others(rule: Check) -> None:
    """It is not called for them, which must change no verdict."""
    others = [key for key in ApiKey if key not in ABOUT[rule]]
    assert [rule(answer(key)) for key in others] == [None] * len(others)


def test_answers_are_looked_at_by_checks_of_their_api_and_of_all() -> None:
    """In the order of their registration; one that is added meanwhile, too."""
    seen: list[tuple[str, int]] = []
    invariants = Invariants(lambda name, text: seen.append((name, 0)))
    invariants.hooks["answered"] = []

    def note(name: str) -> Check:
        def function(given: Answer) -> None:
            seen.append((name, given.api_key))

        return function

    only_votes = note("votes")
    ABOUT[only_votes] = (ApiKey.VOTE,)
    try:
        invariants.add("X1", "answered", only_votes)
        invariants.add("X2", "answered", note("all"))
        invariants.look_at(answer(ApiKey.FETCH))
        invariants.look_at(answer(ApiKey.VOTE))
        invariants.hooks["answered"].insert(0, ("X3", note("late")))
        invariants.look_at(answer(ApiKey.FETCH))
    finally:
        del ABOUT[only_votes]
    fetch, vote = ApiKey.FETCH, ApiKey.VOTE
    want = [("all", fetch), ("votes", vote), ("all", vote), ("late", fetch), ("all", fetch)]
    assert seen == want
