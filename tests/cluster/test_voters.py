"""The metadata quorum of a running cluster: snapshots, replaced disks, voters that change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from minikafka import AsyncCluster, Cluster, KafkaError
from minikafka.base.errors import ErrorCode
from minikafka.net.network import Transport

both = pytest.mark.parametrize("transport", ["memory", "tcp"])
SMALL = {
    "metadata.log.max.record.bytes.between.snapshots": 300,
    "metadata.max.retention.bytes": 1,
    "internal.metadata.max.fetch.size.in.bytes": 500,
    "controller.quorum.election.timeout.ms": 150,
    "controller.quorum.fetch.timeout.ms": 300,
    "broker.heartbeat.interval.ms": 100,
    "broker.session.timeout.ms": 1_000,
}


def starts(cluster: AsyncCluster) -> dict[int, int]:
    """Return where the metadata log begins on each broker that is up."""
    return {
        broker: node.broker.quorum.machine.log.log_start_offset
        for broker, node in sorted(cluster._nodes.items())
    }


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait for something that comes soon."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.01)


def offset(cluster: AsyncCluster, broker: int) -> int:
    """Return how much metadata a broker has applied."""
    return cluster._nodes[broker].broker.image.offset


@both
async def test_broker_far_behind_begins_with_a_snapshot(transport: Transport) -> None:
    """What it missed is gone from every log; it comes in several pieces, and counts the same."""
    async with AsyncCluster(3, SMALL, seed=1, transport=transport) as cluster:
        await cluster.create_topic("before")
        follower = next(
            b for b in cluster.brokers if not cluster._nodes[b].broker.is_controller
        )
        await cluster.broker(follower).crash()
        for number in range(6):
            await cluster.create_topic(
                f"meanwhile-{number}", partitions=3, replication_factor=2
            )
        assert all(start > 0 for start in starts(cluster).values())
        behind = cluster._nodes  # its log ends before those begin
        await cluster.broker(follower).start()
        await until(
            lambda: offset(cluster, follower) == max(offset(cluster, b) for b in behind)
        )
        image = cluster._nodes[follower].broker.image
        assert list(image.topics) == ["before", *(f"meanwhile-{n}" for n in range(6))]
        # It is whole again: it may lead, and its own next start begins with its snapshot.
        await cluster.broker(follower).crash()
        await cluster.broker(follower).start()
        await until(lambda: "before" in cluster._nodes[follower].broker.image.topics)


async def test_broker_with_another_disk_has_no_vote_until_it_is_given_one() -> None:
    """KIP-853: the voter that it was is removed, the one that it is now is added."""
    async with AsyncCluster(3, SMALL, seed=1) as cluster:
        await cluster.create_topic("orders")
        broker = cluster.broker(2)
        await broker.crash()
        broker.replace_disk()
        await broker.start()
        machine = cluster._nodes[2].broker.quorum.machine
        assert not machine.is_voter
        await until(lambda: "orders" in cluster._nodes[2].broker.image.topics)
        with pytest.raises(KafkaError) as refused:
            await cluster.add_voter(2)
        assert refused.value.code == ErrorCode.DUPLICATE_VOTER
        await cluster.remove_voter(2)
        assert cluster.voters == (1, 3)
        await cluster.add_voter(2)
        assert cluster.voters == (1, 2, 3)
        await until(lambda: machine.is_voter)


async def test_leader_that_is_removed_resigns_once_that_is_committed() -> None:
    """Another voter leads, and the cluster decides on; it comes back in as any other."""
    async with AsyncCluster(4, SMALL, seed=1) as cluster:
        await cluster.add_voter(4)
        leader = next(b for b, node in cluster._nodes.items() if node.broker.is_controller)
        await cluster.remove_voter(leader)
        assert leader not in cluster.voters
        await until(
            lambda: any(
                node.broker.is_controller for b, node in cluster._nodes.items() if b != leader
            )
        )
        await cluster.create_topic("after")
        await cluster.add_voter(leader)
        assert cluster.voters == (1, 2, 3, 4)


async def test_voter_that_must_not_go_is_kept() -> None:
    """Kafka's codes: no such voter, the last one."""
    async with AsyncCluster(2, SMALL, seed=1, voters=1) as cluster:
        for broker, code in ((2, ErrorCode.VOTER_NOT_FOUND), (1, ErrorCode.INVALID_REQUEST)):
            with pytest.raises(KafkaError) as refused:
                await cluster.remove_voter(broker)
            assert refused.value.code == code
        with pytest.raises(RuntimeError, match="is not up"):
            await cluster.add_voter(7)


def test_votes_change_from_a_thread() -> None:
    """The same calls, blocking."""
    with Cluster(4, SMALL, seed=1) as cluster:
        cluster.add_voter(4)
        cluster.remove_voter(1)
        assert cluster.voters == (2, 3, 4)
        broker = cluster.broker(1)
        broker.stop()
        broker.replace_disk()
        broker.start()
        cluster.add_voter(1)
        assert cluster.voters == (1, 2, 3, 4)
