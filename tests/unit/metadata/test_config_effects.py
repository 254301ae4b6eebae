"""Config changes that move partitions at once."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from minikafka.base.ids import NO_LEADER
from minikafka.metadata.commands import AlterConfigs, ConfigOp, ConfigResource, OpType
from minikafka.metadata.config_effects import config_effects
from minikafka.metadata.records import ConfigChanged
from minikafka.metadata.states import BROKER_RESOURCE, TOPIC_RESOURCE
from tests.unit.metadata.clusters import Cluster

MIN_ISR = "min.insync.replicas"
UNCLEAN = "unclean.leader.election.enable"
TOPIC = (TOPIC_RESOURCE, "t")
EVERY_BROKER = (BROKER_RESOURCE, "")


def alter(cluster: Cluster, resource: tuple[int, str], name: str, value: str) -> None:
    """Set one config."""
    ops = (ConfigOp(name, OpType.SET, value),)
    command = AlterConfigs((ConfigResource(*resource, ops),))
    [result] = cluster.carry_out(cluster.controller.alter_configs(command))
    assert result.error is ErrorCode.NONE, result


def shrunk() -> Cluster:
    """Return a cluster whose ISR is below min.insync.replicas, with two eligible beside it."""
    cluster = Cluster(3, {MIN_ISR: 3})
    cluster.create_assigned("t", (1, 2, 3))
    cluster.fence(2)
    cluster.fence(3)
    assert (cluster.partition("t").isr, cluster.partition("t").elr) == ((1,), (2, 3))
    return cluster


@pytest.mark.parametrize("resource", [TOPIC, EVERY_BROKER])
@pytest.mark.parametrize(("value", "elr"), [("1", ()), ("2", (2, 3))])
def test_smaller_min_isr_ends_eligibility_where_the_isr_is_large_enough(
    resource: tuple[int, str], value: str, elr: tuple[int, ...]
) -> None:
    """KIP-966: the ELR is empty while the ISR has min.insync.replicas members."""
    cluster = shrunk()
    alter(cluster, resource, MIN_ISR, value)
    assert cluster.partition("t").elr == elr


def test_topic_with_its_own_min_isr_does_not_hear_of_the_cluster() -> None:
    """Only topics whose value in force changes are looked at."""
    cluster = shrunk()
    alter(cluster, TOPIC, MIN_ISR, "3")
    count = len(cluster.records)
    alter(cluster, EVERY_BROKER, MIN_ISR, "1")
    assert (cluster.partition("t").elr, len(cluster.records)) == ((2, 3), count + 1)


@pytest.mark.parametrize("resource", [TOPIC, EVERY_BROKER])
def test_allowing_unclean_elections_elects_at_once(resource: tuple[int, str]) -> None:
    """A partition without a leader does not wait for the timer."""
    cluster = Cluster(2)
    cluster.create_assigned("t", (1, 2))
    cluster.fence(2)
    cluster.fence(1)
    cluster.heartbeat(2)
    assert cluster.partition("t").leader == NO_LEADER
    alter(cluster, resource, UNCLEAN, "true")
    state = cluster.partition("t")
    assert (state.leader, state.isr, state.recovering) == (2, (2,), True)
    assert cluster.controller.election_counts.unclean == 1


def test_other_configs_have_no_effect() -> None:
    """They are not even looked at."""
    cluster = shrunk()
    record = ConfigChanged(*TOPIC, "retention.ms", "1")
    assert config_effects(cluster.image, [record]) == []
