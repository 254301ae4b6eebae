"""What a failover benchmark varies, and the plan of its faults."""

from __future__ import annotations

import pytest

from minikafka.bench.settings import FAULTS, Setting, plan_faults, settings_of


def test_every_combination_is_a_row_in_the_order_given() -> None:
    """The first option varies slowest, as people read tables."""
    rows = settings_of([1, -1], [2], [False, True], ["kill"])
    assert [row.name for row in rows] == [
        "acks=1 min.insync.replicas=2 unclean=off kill",
        "acks=1 min.insync.replicas=2 unclean=on kill",
        "acks=all min.insync.replicas=2 unclean=off kill",
        "acks=all min.insync.replicas=2 unclean=on kill",
    ]


def test_plan_follows_from_the_seed_alone() -> None:
    """The same for each row; more faults only add to it; another seed is another plan."""
    assert plan_faults(7, 5)[:3] == plan_faults(7, 3)
    assert plan_faults(7, 3) != plan_faults(8, 3)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("min_insync_replicas", [1, 2])
@pytest.mark.parametrize("unclean", [False, True])
def test_loss_is_excused_only_where_kafka_may_lose(
    fault: str, min_insync_replicas: int, unclean: bool
) -> None:
    """By an unclean election, or with the power of the last one in sync where one is enough."""
    rules = Setting(-1, min_insync_replicas, unclean, fault).rules()
    alone = fault == "alone" and min_insync_replicas == 1
    assert rules.loss_allowed == (unclean or alone)
