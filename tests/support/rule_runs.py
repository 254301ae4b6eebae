"""Scenarios on one topic `t` that break a rule, or none."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from minikafka.broker.partition import Partition
from minikafka.trials.invariants import Violation
from minikafka.trials.run import run
from minikafka.trials.simulation import Simulation

__all__ = ["broken", "led"]


def broken(scenario: Callable[[Simulation], Coroutine[Any, Any, Any]]) -> str | None:
    """Return the name of the rule that a scenario breaks."""
    error = run(scenario, seed=1, topics={"t": 1}, keep_trace=False).error
    if error is not None and not isinstance(error, Violation):
        raise error
    return None if error is None else error.name


def led(s: Simulation) -> Partition:
    """Return the leader's replica."""
    leader = s.cluster.leader("t", 0)
    assert leader is not None
    partition = s.invariants.ghost.brokers[leader].replicas.partition(("t", 0))
    assert partition is not None
    return partition
