"""What a failover benchmark varies, and the plan of its faults."""

from __future__ import annotations

import pytest

from minikafka.base.config import BrokerConfig
from minikafka.bench.settings import (
    FAULTS,
    TARGETS,
    Setting,
    cluster_config,
    plan_faults,
    settings_of,
)


def test_every_combination_is_a_row_in_the_order_given() -> None:
    """The first option varies slowest, as people read tables."""
    rows = settings_of([1, -1], [2], [False, True], ["kill"])
    assert [row.name for row in rows] == [
        "acks=1 min.insync.replicas=2 unclean=off kill of leader, aiokafka",
        "acks=1 min.insync.replicas=2 unclean=on kill of leader, aiokafka",
        "acks=all min.insync.replicas=2 unclean=off kill of leader, aiokafka",
        "acks=all min.insync.replicas=2 unclean=on kill of leader, aiokafka",
    ]


def test_every_target_is_struck_under_every_client() -> None:
    """Clients vary fastest, so that one fault's rows stand together."""
    rows = settings_of([-1], [2], [False], ["cut"], ["both", "leader"], ["a", "b"])
    assert [(row.target, row.client) for row in rows] == [
        ("both", "a"),
        ("both", "b"),
        ("leader", "a"),
        ("leader", "b"),
    ]


def test_only_a_leader_is_left_alone() -> None:
    """Who is left by its followers could not have that recorded if it were the controller."""
    assert len(settings_of([-1], [2], [False], ["alone"])) == 1
    with pytest.raises(ValueError, match="alone"):
        settings_of([-1], [2], [False], ["kill", "alone"], ["leader", "both"])


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("target", TARGETS)
def test_writes_go_on_where_two_in_sync_replicas_are_left(fault: str, target: str) -> None:
    """Whoever was struck; not where all three are asked for, nor where the last one went."""
    assert Setting(-1, 2, False, fault, target).must_resume == (fault != "alone")
    assert not Setting(-1, 3, False, fault, target).must_resume


def test_rows_differ_in_what_they_vary_and_in_nothing_else() -> None:
    """Timeouts are the same for all, small, and known by Kafka's names."""
    quick, careful = (
        cluster_config(Setting(1, number, unclean, "kill"))
        for number, unclean in ((1, True), (2, False))
    )
    assert {name for name in quick if quick[name] != careful[name]} == {
        "min.insync.replicas",
        "unclean.leader.election.enable",
    }
    BrokerConfig.parse(1, quick)


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
