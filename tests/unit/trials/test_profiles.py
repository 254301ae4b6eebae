"""What trials are drawn from."""

from __future__ import annotations

from random import Random

from minikafka.base.config import BrokerConfig
from minikafka.trials import chaos
from minikafka.trials.mutation import Mutation
from minikafka.trials.profiles import PROFILES, drawn_kinds, drawn_shape


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
