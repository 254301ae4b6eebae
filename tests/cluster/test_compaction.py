"""A compacted topic as users have it: forced, read by clients, taken over by who comes later."""

from __future__ import annotations

import pytest

from minikafka import AsyncCluster, Cluster, ErrorCode, KafkaError

COMPACTED = {"cleanup.policy": "compact"}


async def test_compacted_topic_keeps_the_newest_value_of_each_key() -> None:
    """On all replicas; readers step over the gaps, and the log goes on behind them."""
    async with AsyncCluster(brokers=3, seed=1) as cluster:
        await cluster.create_topic("state", partitions=1, config=COMPACTED)
        client = cluster.client()
        for number in range(9):
            await client.produce("state", 0, [(b"k%d" % (number % 3), b"%d" % number)])
        await cluster.compact("state")
        found = [(record.offset, record.value) for record in cluster.records("state")]
        assert found == [(6, b"6"), (7, b"7"), (8, b"8")]
        await client.produce("state", 0, [(b"k0", b"new")])
        await cluster.compact("state")
        found = [(record.offset, record.value) for record in cluster.records("state")]
        assert found == [(7, b"7"), (8, b"8"), (9, b"new")]
        logs = {cluster.log_bytes(broker, "state", 0) for broker in cluster.brokers}
        assert len(logs) == 1


async def test_replica_that_comes_later_copies_a_compacted_log() -> None:
    """With its gaps: a broker that had nothing has what the others have."""
    async with AsyncCluster(brokers=3, seed=1) as cluster:
        await cluster.create_topic("state", replication_factor=1, config=COMPACTED)
        for number in range(6):
            await cluster.client().produce("state", 0, [(b"k", b"%d" % number)])
        await cluster.compact("state")
        await cluster.reassign("state", 0, [1, 2, 3])
        await cluster.wait_until(lambda: len(cluster.isr("state", 0)) == 3)
        assert [record.offset for record in cluster.records("state")] == [5]
        logs = {cluster.log_bytes(broker, "state", 0) for broker in cluster.brokers}
        assert len(logs) == 1


async def test_other_topics_are_not_compacted() -> None:
    """A topic that is only deleted from keeps its records; one that is not there is named."""
    async with AsyncCluster(brokers=1, seed=1) as cluster:
        await cluster.create_topic("events")
        for topic, code in (
            ("events", ErrorCode.INVALID_CONFIG),
            ("absent", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ):
            with pytest.raises(KafkaError) as refused:
                await cluster.compact(topic)
            assert refused.value.code is code


def test_cluster_without_asyncio_compacts() -> None:
    """The same, from a test that is no coroutine."""
    with Cluster(brokers=1, seed=1) as cluster:
        cluster.create_topic("state", config=COMPACTED)
        cluster.client().produce("state", 0, [(b"k", b"1"), (b"k", b"2")])
        cluster.compact("state")
        assert [record.value for record in cluster.records("state")] == [b"2"]
