"""A cluster grows, partitions move onto the new broker, and an old one is retired."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka import AsyncCluster, Cluster, ErrorCode, KafkaError
from minikafka.net.network import Transport

CONFIG: dict[str, Any] = {
    "broker.heartbeat.interval.ms": 40,
    "broker.session.timeout.ms": 1_000,
    "replica.fetch.wait.max.ms": 50,
    "replica.fetch.backoff.ms": 20,
    "min.insync.replicas": 2,
}


@pytest.mark.parametrize("transport", ["memory", "tcp"])
async def test_partition_moves_to_a_new_broker_and_the_old_one_retires(
    transport: Transport,
) -> None:
    """All records come along, leader and all, and writing goes on meanwhile."""
    async with AsyncCluster(3, CONFIG, seed=1, transport=transport) as cluster:
        await cluster.create_topic("t")
        client = cluster.client()
        for number in range(10):
            await client.produce("t", 0, [b"%d" % number])
        new = await cluster.add_broker()
        assert (new, cluster.brokers) == (4, (1, 2, 3, 4))
        leader = cluster.leader("t", 0)
        assert leader is not None
        old = 3 if leader == 1 else leader
        target = [new, *(each for each in (1, 2, 3) if each != old)]
        await cluster.reassign("t", 0, target)
        state = cluster.describe("t", 0)
        assert (list(state.replicas), sorted(state.isr)) == (target, sorted(target))
        await client.produce("t", 0, [b"10"])
        await cluster.wait_until(
            lambda: len({cluster.log_bytes(each, "t", 0) for each in target}) == 1
        )
        assert [record.value for record in cluster.records("t")] == [
            b"%d" % number for number in range(11)
        ]
        with pytest.raises(KafkaError) as gone:
            cluster.log_bytes(old, "t", 0)
        assert gone.value.code == ErrorCode.REPLICA_NOT_AVAILABLE
        await cluster.retire_broker(old)
        assert old not in cluster.brokers
        assert old not in cluster.voters, "a quorum would count on it"
        await client.produce("t", 0, [b"11"])


async def test_move_to_a_broker_that_is_cut_off_can_be_given_up() -> None:
    """It waits for the new replica; given up, everything is as before."""
    async with AsyncCluster(4, CONFIG, seed=1) as cluster:
        await cluster.create_topic("t", replication_factor=2)
        before = cluster.describe("t", 0)
        new = next(each for each in (2, 3, 4) if each not in before.replicas)
        cluster.network.partition({new}, set(cluster.brokers) - {new, 1})
        if 1 in before.replicas:
            cluster.network.partition({new}, {1}, oneway=True)
        with pytest.raises(TimeoutError):
            await cluster.reassign("t", 0, [new, *before.replicas], timeout=0.3)
        assert new in cluster.describe("t", 0).replicas
        await cluster.reassign("t", 0, None)
        assert cluster.describe("t", 0).replicas == before.replicas
        cluster.network.heal()


async def test_controller_is_not_retired() -> None:
    """Nor a broker that is not there."""
    async with AsyncCluster(2, CONFIG, seed=1) as cluster:
        for broker in (1, 7):
            with pytest.raises(ValueError, match="cannot be retired"):
                await cluster.retire_broker(broker)


def test_cluster_grows_and_shrinks_from_another_thread() -> None:
    """The same names on the synchronous cluster; the id of one that left is not given again."""
    with Cluster(1, CONFIG, seed=1) as cluster:
        cluster.create_topic("t")
        assert cluster.add_broker(rack="b") == 2
        cluster.reassign("t", 0, [2, 1])
        assert cluster.isr("t", 0) == {1, 2}
        cluster.reassign("t", 0, [1])
        cluster.retire_broker(2)
        assert cluster.add_broker() == 3
