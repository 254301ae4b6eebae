"""Planted bugs of moving replicas stand among the others; what finds them is tested there."""

from __future__ import annotations

from minikafka.trials.chaos import KINDS
from minikafka.trials.mutations import MUTATIONS
from minikafka.trials.mutations_moving import MOVING_MUTATIONS


def test_moving_mutations_are_known_by_their_ids() -> None:
    """And name kinds of faults that there are."""
    for name, mutation in MOVING_MUTATIONS.items():
        assert MUTATIONS[name] is mutation
        assert set(mutation.kinds) <= set(KINDS)
