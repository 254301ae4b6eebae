"""Planted bugs: found, named and taken out again."""

from __future__ import annotations

import pytest

from minikafka.base.config import BrokerConfig
from minikafka.replication.follower import PartitionFollower
from minikafka.trials.chaos import KINDS
from minikafka.trials.job import Job
from minikafka.trials.mutations import MUTATIONS, mutated
from minikafka.trials.runner import run_seeds

SEEDS_MAX = 200


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


# A few of tier 1 in each run of the tests, all of them at night.
OFTEN = ("M16", "M19", "M24", "M81", "M85")
EXPECTED = [
    pytest.param(name, marks=pytest.mark.slow if name in OFTEN else pytest.mark.nightly)
    for name, mutation in MUTATIONS.items()
    if not mutation.survives
]


@pytest.mark.time_limit(90)
@pytest.mark.parametrize("mutation", EXPECTED)
def test_planted_bug_is_found_by_the_rule_meant_for_it(mutation: str) -> None:
    """Within a few seeds a rule that looks for this reports it."""
    job = Job("minikafka.trials.trial:run_trial", {"seconds": 30.0, "mutate": mutation})
    reports = run_seeds(job, range(SEEDS_MAX), jobs=2)
    expected = set(MUTATIONS[mutation].caught_by)
    try:
        for report in reports:
            if expected & set(report.violations):
                return
    finally:
        reports.close()  # type: ignore[attr-defined]
    pytest.fail(f"{mutation}: none of {sorted(expected)} in {SEEDS_MAX} seeds")
