"""A broker put together: registration, decisions, forwarding, ids, the metadata log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from minikafka import AsyncCluster, ErrorCode, KafkaError
from minikafka.base.ids import METADATA_PARTITION
from minikafka.broker.broker import Broker
from minikafka.broker.purgatory import settled
from minikafka.log.clean_shutdown import UNKNOWN_EPOCH, take_clean_shutdown
from minikafka.metadata.commands import Decision
from minikafka.metadata.records import ConfigChanged
from minikafka.net.network import Transport
from minikafka.wire.shapes import build_request
from minikafka.wire.versions import ApiKey
from tests.unit.broker.test_observer import Watched

both = pytest.mark.parametrize("transport", ["memory", "tcp"])
SHORT: dict[str, Any] = {
    "broker.heartbeat.interval.ms": 50,
    "broker.session.timeout.ms": 300,
    "request.timeout.ms": 200,
    "replica.fetch.wait.max.ms": 50,
    "replica.fetch.backoff.ms": 20,
    "replica.socket.timeout.ms": 200,
}


def broker(cluster: AsyncCluster, broker_id: int) -> Broker:
    """Return one broker of a cluster."""
    return cluster._nodes[broker_id].broker


def alive(cluster: AsyncCluster) -> list[int]:
    """Return the ids of the brokers that the controller calls alive."""
    return [each.broker_id for each in broker(cluster, 1).image.alive_brokers()]


def same_metadata(cluster: AsyncCluster) -> Callable[[], bool]:
    """Return a condition: every broker has applied the same offset."""

    def holds() -> bool:
        offsets = {broker(cluster, each).image.offset for each in cluster.brokers}
        return len(offsets) == 1

    return holds


def renamed(value: str) -> Callable[[Any, int], Decision[str]]:
    """Return a decision that writes one config of the cluster."""
    record = ConfigChanged(4, "", "log.retention.ms", value)
    return lambda controller, now_ms: Decision((record,), value)


async def test_lost_heartbeat_is_repeated_within_the_session() -> None:
    """Its channel gives up at half the session, or a broker that lives would be fenced."""
    async with AsyncCluster(brokers=2, config=SHORT) as cluster:
        follower = broker(cluster, 2)
        assert follower.controller_channel("lifecycle")._timeout == 0.150
        assert follower.controller_channel("isr")._timeout == 0.200


# --- metadata ---


@both
async def test_every_broker_applies_the_same_metadata_log(transport: Transport) -> None:
    """Byte for byte the same log, and the same brokers and topics in the image."""
    async with AsyncCluster(brokers=3, config=SHORT, transport=transport) as cluster:
        await cluster.create_topic("orders")
        await cluster.wait_until(same_metadata(cluster))
        brokers = [broker(cluster, each) for each in cluster.brokers]
        logs = [each.replicas.partition(METADATA_PARTITION) for each in brokers]
        assert len({log.log.all_bytes() for log in logs if log is not None}) == 1
        assert all(each.image.topics == brokers[0].image.topics for each in brokers)
        assert [each.is_controller for each in brokers] == [True, False, False]
        assert [each.controller_id for each in brokers] == [1, 1, 1]


async def test_decision_is_applied_here_before_it_is_answered() -> None:
    """Whoever asked finds in the image what was decided."""
    async with AsyncCluster(brokers=1, config=SHORT) as cluster:
        controller = broker(cluster, 1)
        offset = controller.image.offset
        assert await controller.decide(renamed("1234")) == "1234"
        assert controller.image.offset > offset
        assert controller.image.configs[4, ""]["log.retention.ms"] == "1234"


async def test_only_the_controller_decides() -> None:
    """Elsewhere NOT_CONTROLLER, and nothing is written."""
    async with AsyncCluster(brokers=2, config=SHORT) as cluster:
        offset = broker(cluster, 1).image.offset
        with pytest.raises(KafkaError) as refused:
            await broker(cluster, 2).decide(renamed("1234"))
        assert refused.value.code == ErrorCode.NOT_CONTROLLER
        assert broker(cluster, 1).image.offset == offset


async def test_wait_for_metadata_ends_by_the_image_or_the_deadline() -> None:
    """True once it holds, which wakes it; False when the time is up."""
    async with AsyncCluster(brokers=2, config=SHORT) as cluster:
        follower = broker(cluster, 2)
        deadline_ms = follower.clock.monotonic_ms() + 5_000
        waiting = asyncio.create_task(
            follower.wait_image(lambda image: "orders" in image.topics, deadline_ms)
        )
        await cluster.create_topic("orders")
        assert await waiting is True
        soon_ms = follower.clock.monotonic_ms() + 10
        assert await follower.wait_image(lambda image: False, soon_ms) is False


@both
async def test_broker_without_metadata_catches_up_after_a_cut(transport: Transport) -> None:
    """What was decided meanwhile is applied when the link is whole again."""
    async with AsyncCluster(brokers=3, config=SHORT, transport=transport) as cluster:
        cluster.network.partition([3], [1])
        for value in ("1", "2", "3"):
            await broker(cluster, 1).decide(renamed(value))
        assert broker(cluster, 3).image.offset < broker(cluster, 1).image.offset
        cluster.network.heal()
        await cluster.wait_until(same_metadata(cluster))
        assert broker(cluster, 3).image.configs[4, ""]["log.retention.ms"] == "3"


# --- living ---


@both
async def test_silent_broker_is_fenced_and_unfenced_when_heard_again(
    transport: Transport,
) -> None:
    """After broker.session.timeout.ms without a heartbeat, and back with the same registration."""
    async with AsyncCluster(brokers=3, config=SHORT, transport=transport) as cluster:
        epoch = broker(cluster, 3).lifecycle.broker_epoch
        cluster.network.partition([3], [1, 2])
        await cluster.wait_until(lambda: alive(cluster) == [1, 2])
        cluster.network.heal()
        await cluster.wait_until(lambda: alive(cluster) == [1, 2, 3])
        assert broker(cluster, 3).lifecycle.broker_epoch == epoch
        await cluster.wait_until(lambda: broker(cluster, 3).lifecycle.is_unfenced)


def leads_elsewhere(cluster: AsyncCluster, old: int) -> bool:
    """Say whether another broker than `old` leads, and has heard of it itself."""
    new = cluster.leader("orders", 0)
    if new in (old, None):
        return False
    replica = broker(cluster, new).replicas.partition(("orders", 0))
    return replica is not None and replica.leader is not None


async def test_leader_that_is_fenced_is_replaced_and_follows_when_it_is_back() -> None:
    """What only it had gives way to what the new leader wrote; acks=all records are kept."""
    async with AsyncCluster(brokers=3, config=SHORT, seed=1) as cluster:
        await cluster.create_topic("orders")
        client = cluster.client()
        old = cluster.leader("orders", 0)
        assert old == 2, "the seed lets another broker than the controller lead"
        await client.produce("orders", 0, [b"kept"])
        cluster.network.partition([old], [1, 3])
        await client.produce("orders", 0, [b"lost"], acks=1)
        await cluster.wait_until(lambda: leads_elsewhere(cluster, old))
        await client.produce("orders", 0, [b"new"], timeout_ms=5_000)
        cluster.network.heal()
        await cluster.wait_until(lambda: cluster.isr("orders", 0) == {1, 2, 3})
        logs = {cluster.log_bytes(each, "orders", 0) for each in cluster.brokers}
        assert len(logs) == 1
        assert [r.value for r in cluster.records("orders")] == [b"kept", b"new"]


# --- asking the controller ---


@both
async def test_request_to_a_cut_off_controller_times_out(transport: Transport) -> None:
    """REQUEST_TIMED_OUT: it may have been carried out."""
    async with AsyncCluster(brokers=2, config=SHORT, transport=transport) as cluster:
        cluster.network.partition([2], [1])
        request = build_request(ApiKey.DESCRIBE_CLUSTER, 0, {})
        with pytest.raises(KafkaError) as failed:
            await broker(cluster, 2).forward(ApiKey.DESCRIBE_CLUSTER, 0, request)
        assert failed.value.code == ErrorCode.REQUEST_TIMED_OUT


@both
async def test_producer_ids_differ_over_all_brokers(transport: Transport) -> None:
    """Each broker has a block of its own, and goes through it in order."""
    async with AsyncCluster(brokers=3, config=SHORT, transport=transport) as cluster:
        given = [
            await broker(cluster, each).next_producer_id()
            for _ in range(3)
            for each in cluster.brokers
        ]
        assert len(set(given)) == 9
        assert given[3] == given[0] + 1


async def test_producer_ids_asked_for_together_come_from_one_block() -> None:
    """One request to the controller is under way, and everybody waits for it."""
    async with AsyncCluster(brokers=2, config=SHORT) as cluster:
        follower = broker(cluster, 2)
        before = broker(cluster, 1).image.next_producer_id
        given = await asyncio.gather(*(follower.next_producer_id() for _ in range(20)))
        assert sorted(given) == list(range(before, before + 20))
        assert broker(cluster, 1).image.next_producer_id == before + 1_000


async def test_everybody_who_waits_for_a_block_hears_that_it_failed() -> None:
    """And the next one asks again."""
    async with AsyncCluster(brokers=2, config=SHORT) as cluster:
        follower = broker(cluster, 2)
        cluster.network.partition([2], [1])
        results = await asyncio.gather(
            *(follower.next_producer_id() for _ in range(3)), return_exceptions=True
        )
        assert [type(result) for result in results] == [KafkaError] * 3
        cluster.network.heal()
        assert await follower.next_producer_id() >= 0


# --- tasks ---


async def test_spawned_value_or_error_reaches_who_waits() -> None:
    """In the turn in which the coroutine ends."""
    async with AsyncCluster(brokers=1) as cluster:

        async def answer(value: int) -> int:
            if value < 0:
                raise ValueError("no")
            return value

        assert await settled(broker(cluster, 1).work.spawn(answer(7))) == 7
        with pytest.raises(ValueError, match="no"):
            await settled(broker(cluster, 1).work.spawn(answer(-1)))


@pytest.mark.parametrize("turns", [0, 2])
async def test_stop_ends_what_was_spawned(turns: int) -> None:
    """Whether it had begun or not, who waits for it hears that it was cancelled."""
    cluster = AsyncCluster(brokers=1)
    await cluster.start()
    answer = broker(cluster, 1).work.spawn(asyncio.sleep(3_600))
    for _ in range(turns):
        await asyncio.sleep(0)
    await cluster.close()
    with pytest.raises(asyncio.CancelledError):
        await settled(answer)


# --- shutting down ---


async def test_stopped_broker_notes_its_registration_and_its_logs_are_durable() -> None:
    """KIP-966: the note is there for the next start, which takes it."""
    hosting = Watched()
    async with AsyncCluster(brokers=2, config=SHORT, hosting=hosting) as cluster:
        await cluster.create_topic("orders")
        await cluster.client().produce("orders", 0, [b"a"])
        node, storage = cluster._nodes[2], hosting.place(2).storage
        epoch = broker(cluster, 2).lifecycle.broker_epoch
        await cluster.stop(2)
        log = node.broker.replicas.partition(("orders", 0))
        assert log is not None
        assert log.log.durable_end_offset == log.log.log_end_offset == 1
        assert len(hosting.listeners[2].of("stopped")) == 1
        assert take_clean_shutdown(storage) == epoch


async def test_broker_that_cannot_flush_leaves_no_note() -> None:
    """What is not durable may be lost: the shutdown counts as unclean."""
    hosting = Watched()
    async with AsyncCluster(brokers=2, config=SHORT, hosting=hosting) as cluster:

        def flush() -> None:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR)

        broker(cluster, 2).replicas.flush = flush  # type: ignore[method-assign]
        await cluster.stop(2)
        assert take_clean_shutdown(hosting.place(2).storage) == UNKNOWN_EPOCH
        assert hosting.listeners[2].of("stopped") == []


async def test_stop_is_for_who_is_up_and_boot_for_who_is_not() -> None:
    """A broker that shut down comes back with its records, and in sync."""
    async with AsyncCluster(brokers=2, config=SHORT) as cluster:
        await cluster.create_topic("orders")
        await cluster.client().produce("orders", 0, [b"a"])
        await cluster.stop(2)
        assert cluster.isr("orders", 0) == {1}
        with pytest.raises(RuntimeError, match="not up"):
            await cluster.stop(2)
        await cluster.boot(2)
        await cluster.wait_until(lambda: cluster.isr("orders", 0) == {1, 2})
        counts = broker(cluster, 1).quorum.controller
        assert counts is not None
        assert counts.election_counts.unclean == 0
