"""Planted bugs: found, named and taken out again."""

from __future__ import annotations

import pytest

from minikafka.base.config import BrokerConfig
from minikafka.replication.follower import PartitionFollower
from minikafka.trials.chaos import KINDS
from minikafka.trials.mutations import MUTATIONS, mutated


def test_mutation_ends_with_its_block() -> None:
    """Broker code is as before afterwards."""
    before = PartitionFollower.on_records
    with mutated("follower-skips-batch"):
        assert PartitionFollower.on_records is not before
    assert PartitionFollower.on_records is before


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
