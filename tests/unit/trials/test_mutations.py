"""Planted bugs: found, named and taken out again."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from minikafka.base.config import BrokerConfig
from minikafka.quorum.duties import LeaderDuties
from minikafka.quorum.machine import QuorumMachine
from minikafka.replication.follower import PartitionFollower
from minikafka.trials.chaos import KINDS
from minikafka.trials.mutations import MUTATIONS, mutated


def test_mutation_ends_with_its_block() -> None:
    """Broker code is as before afterwards."""
    before = PartitionFollower.on_records
    with mutated("follower-skips-batch"):
        assert PartitionFollower.on_records is not before
    assert PartitionFollower.on_records is before


def test_mutation_of_what_is_inherited_leaves_nothing_behind() -> None:
    """Else it would hide the next one, which replaces the same in the base class."""
    with mutated("leader-unflushed"):
        assert "_commit" in vars(QuorumMachine)
    assert "_commit" not in vars(QuorumMachine)
    with mutated("removed-leader"):
        assert QuorumMachine._commit is LeaderDuties._commit


def test_unknown_mutation_is_refused_with_the_known_ones() -> None:
    """A typing error is told, with what there is."""
    with pytest.raises(ValueError, match="M16"), mutated("nope"):
        pass


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_planted_bug_replaces_something_that_is_there(mutation: str) -> None:
    """Each patch has its place, its kinds of faults exist, and its configs are Kafka's."""
    planted = MUTATIONS[mutation]
    BrokerConfig.parse(1, dict(planted.config))
    assert all(kind in KINDS for kind in planted.kinds)
    before = [getattr(owner, name) for owner, name, _ in planted.patches()]
    with mutated(mutation):
        during = [getattr(owner, name) for owner, name, _ in planted.patches()]
    after = [getattr(owner, name) for owner, name, _ in planted.patches()]
    assert all(now is not then for now, then in zip(during, before, strict=True))
    assert all(now is then for now, then in zip(after, before, strict=True))


def _arguments(function: Callable[..., Any]) -> tuple[list[object], dict[str, object]]:
    """Return all that a function takes: by position what may be, the rest by name."""
    by_position, by_name = [], {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            by_position.append(object())
        elif parameter.kind is parameter.KEYWORD_ONLY:
            by_name[parameter.name] = object()
    return by_position, by_name


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_planted_bug_takes_what_it_replaces_takes(mutation: str) -> None:
    """A bug that is called wrongly is another bug: the brokers then do not work at all."""
    for owner, name, replacement in MUTATIONS[mutation].patches():
        original = getattr(owner, name)
        if inspect.isfunction(original) and inspect.isfunction(replacement):
            by_position, by_name = _arguments(original)
            inspect.signature(replacement).bind(*by_position, **by_name)
