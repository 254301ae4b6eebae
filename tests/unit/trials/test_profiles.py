"""What trials are drawn from."""

from __future__ import annotations

from random import Random

from minikafka.base.config import BrokerConfig
from minikafka.trials import chaos
from minikafka.trials.mutation import Mutation
from minikafka.trials.profiles import PROFILES, drawn_groups, drawn_kinds, drawn_shape


def test_swarm_draws_clusters_that_can_be() -> None:
    """Replicas on brokers of their own, no more in sync than there are, and configs of Kafka's."""
    sizes = set()
    for seed in range(200):
        shape = drawn_shape(PROFILES["swarm"], Random(seed), None)
        BrokerConfig.parse(1, dict(shape.config))
        factor = int(shape.config["default.replication.factor"])
        assert 1 <= int(shape.config["min.insync.replicas"]) <= factor <= shape.brokers
        assert 1 <= shape.down_at_once < shape.brokers
        sizes.add((shape.brokers, factor))
    assert len(sizes) == 12


def test_planted_bug_has_the_cluster_and_the_faults_it_needs() -> None:
    """Its configs win over what is drawn."""
    mutation = Mutation(
        "", (), list, kinds=("kill",), config={"min.insync.replicas": 3}, acks=1
    )
    draws = Random(1)
    shape = drawn_shape(PROFILES["default"], draws, mutation)
    assert shape.config["min.insync.replicas"] == 3
    assert shape.acks == (1, 1)
    assert drawn_kinds(PROFILES["default"], draws, mutation) == (chaos.kill,)


def test_groups_are_drawn_apart_from_all_else() -> None:
    """A trial with groups has the cluster and the faults that it had without them."""
    found = []
    for seed in range(100):
        shape = drawn_shape(PROFILES["swarm"], Random(seed), None)
        drawn = drawn_groups(PROFILES["swarm"], seed, None, shape)
        assert (drawn.topics, drawn.acks, drawn.brokers) == (
            shape.topics,
            shape.acks,
            shape.brokers,
        )
        BrokerConfig.parse(1, dict(drawn.config))
        found.append(len(drawn.groups))
    assert sorted(dict.fromkeys(found)) == [0, 1]
    assert 30 < sum(found) < 70


def test_profile_of_groups_always_has_some_and_others_have_none() -> None:
    """Seeds of the default profile are what they were before there were groups."""
    for seed in range(30):
        shape = drawn_shape(PROFILES["default"], Random(seed), None)
        assert drawn_groups(PROFILES["default"], seed, None, shape) is shape
        assert drawn_groups(PROFILES["groups"], seed, None, shape).groups


def test_planted_bug_has_groups_only_where_it_is_one_of_groups() -> None:
    """Recorded seeds of the others stay good."""
    shape = drawn_shape(PROFILES["groups"], Random(1), None)
    other, meant = Mutation("", (), list), Mutation("", (), list, groups=True)
    assert drawn_groups(PROFILES["groups"], 1, other, shape).groups == ()
    assert drawn_groups(PROFILES["groups"], 1, meant, shape).groups


def test_protocol_of_a_group_is_drawn_apart_from_all_else() -> None:
    """Trials with classic groups alone are what they were before there were others."""
    protocols: dict[str, int] = {}
    for seed in range(100):
        shape = drawn_shape(PROFILES["groups"], Random(seed), None)
        drawn = drawn_groups(PROFILES["groups"], seed, None, shape)
        BrokerConfig.parse(1, dict(drawn.config))
        *others, last = drawn.groups
        assert all(plan.protocol == "classic" for plan in others)
        protocols[last.protocol] = protocols.get(last.protocol, 0) + 1
        if last.protocol != "classic":
            assert last.by_hand == (last.protocol == "consumer")
            assert last.assignor in ("uniform", "range")
    assert sorted(protocols) == ["classic", "consumer", "share"]
    assert min(protocols.values()) > 10


def test_planted_bug_says_of_which_protocol_its_groups_are() -> None:
    """Classic, unless it is one of another."""
    shape = drawn_shape(PROFILES["groups"], Random(1), None)
    for seed in range(20):
        classic = Mutation("", (), list, groups=True)
        drawn = drawn_groups(PROFILES["groups"], seed, classic, shape)
        assert {plan.protocol for plan in drawn.groups} == {"classic"}
        other = Mutation("", (), list, groups=True, protocol="consumer")
        drawn = drawn_groups(PROFILES["groups"], seed, other, shape)
        assert drawn.groups[-1].protocol == "consumer"
