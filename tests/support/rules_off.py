"""Invariants switched off one by one, to see that a test which shows one needs it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from minikafka.trials import liveness
from minikafka.trials.invariants import REGISTERED
from minikafka.trials.simulation import Simulation
from minikafka.trials.wire_order import WireOrder

__all__ = ["BY_BUG", "BY_TEST", "rule_off", "rules_shown"]

BY_BUG = {
    "K13": "M88",
    "L5": "lost-fsync",
    "L10": "share-lock-for-ever",
    "L6": "transaction-owed-forgotten",
}
"""Rules that are shown by a planted bug alone: they are part of a whole trial."""

BY_TEST = {
    "D1": "tests/simulation/test_determinism.py",
    "D2": "tests/unit/sim/test_plugs.py",
}
"""Rules that are shown by tests of the simulator; nothing registers them."""

_CLAIM = re.compile(r"_breaks?_(.+)$")
_NAME = re.compile(r"(?<![a-z0-9])[cdgklprstw]\d+(?![a-z0-9])")


def rules_shown(test: str) -> list[str]:
    """Return the rules whose violation a test claims to show, by its name.

    >>> rules_shown("test_watermark_that_falls_breaks_r7_and_c4_in_time")
    ['R7', 'C4']
    """
    claim = _CLAIM.search(test)
    if claim is None:
        return []
    return [name.upper() for name in _NAME.findall(claim.group(1).replace("_", " "))]


@contextmanager
def rule_off(rule: str) -> Iterator[None]:
    """Run a block in which nobody checks a rule."""
    before = {hook: list(checks) for hook, checks in REGISTERED.items()}
    for checks in REGISTERED.values():
        checks[:] = [each for each in checks if each[0] != rule]
    undo = [patch.object(owner, name, other) for owner, name, other in _patches(rule)]
    for each in undo:
        each.start()
    try:
        yield
    finally:
        for each in undo:
            each.stop()
        for hook, checks in before.items():
            REGISTERED[hook][:] = checks


def _patches(rule: str) -> list[tuple[Any, str, Any]]:
    if rule == "L9":
        return [(liveness, "STEPS_PER_S_MAX", 1_000_000)]
    if rule == "R20":
        return [(liveness, "_lost", lambda ghost: None)]
    if rule == "R21":
        return [
            (liveness, "_content", lambda log, start: b""),
            (liveness, "_epochs", lambda log, start: []),
            (liveness, "_producers", lambda log, start: {}),
        ]
    if rule == "D3":
        return [(Simulation, "violated", _passing_over(Simulation.violated, rule))]
    if rule == "W1":
        return [(WireOrder, "__init__", _deaf(WireOrder.__init__))]
    looks = ("_controller", "_brokers", "_partition") if rule.startswith("L") else ()
    return [(liveness, name, _but(getattr(liveness, name), rule)) for name in looks]


def _but(look: Callable[..., Any], rule: str) -> Callable[..., Any]:
    """Return a look at a cluster that passes over what one rule says."""

    def looked(*arguments: Any) -> Any:
        found = look(*arguments)
        return None if found is not None and found[0] == rule else found

    return looked


def _passing_over(real: Callable[..., None], rule: str) -> Callable[..., None]:
    def violated(self: Simulation, name: str, text: str) -> None:
        if name != rule:
            real(self, name, text)

    return violated


def _deaf(real: Callable[..., None]) -> Callable[..., None]:
    def init(self: WireOrder, on_violation: object, *more: Any, **named: Any) -> None:
        real(self, lambda name, text: None, *more, **named)

    return init
