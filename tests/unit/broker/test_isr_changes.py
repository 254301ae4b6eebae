"""The in-sync replicas of a running cluster: who leaves, who comes back, what acks=all says."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka import AsyncCluster, ErrorCode, KafkaError
from minikafka.base.deferred import Deferred
from minikafka.broker.isr_changes import IsrChanges
from minikafka.net.channel import ChannelClosed
from minikafka.net.network import Transport
from minikafka.wire.shapes import build_response
from minikafka.wire.versions import ApiKey
from tests.support.replica_cell import BROKER_EPOCH, Cell, topic_id

# Seeds with which the one partition is led by the controller, broker 1, or by broker 2.
CONTROLLER_LEADS, OBSERVER_LEADS = 11, 1

both = pytest.mark.parametrize("transport", ["memory", "tcp"])

SHORT: dict[str, Any] = {
    "replica.lag.time.max.ms": 300,
    "replica.fetch.wait.max.ms": 50,
    "replica.fetch.backoff.ms": 20,
    "replica.socket.timeout.ms": 200,
    "broker.heartbeat.interval.ms": 50,
    "broker.session.timeout.ms": 60_000,
    "request.timeout.ms": 1_000,
}


async def led(cluster: AsyncCluster, **config: Any) -> int:
    """Create `orders` with three replicas; return its leader."""
    await cluster.create_topic(
        "orders", config={k.replace("_", "."): v for k, v in config.items()}
    )
    leader = cluster.leader("orders", 0)
    assert leader is not None
    return leader


def same_bytes(cluster: AsyncCluster) -> bool:
    """Say whether all replicas are byte-identical and know the same watermark."""
    states = cluster.describe("orders", 0).replica_states.values()
    logs = {cluster.log_bytes(broker, "orders", 0) for broker in cluster.brokers}
    return len(logs) == 1 and len({state.high_watermark for state in states}) == 1


@both
@pytest.mark.parametrize(
    ("source", "target", "oneway"),
    [(3, 1, False), (3, 1, True), (1, 3, True)],
    ids=["both ways", "not heard", "not hearing"],
)
async def test_cut_follower_leaves_the_isr_and_comes_back(
    transport: Transport, source: int, target: int, oneway: bool
) -> None:
    """After the lag time acks=all goes on without it; healed, it catches up and rejoins."""
    async with AsyncCluster(
        brokers=3, config=SHORT, transport=transport, seed=CONTROLLER_LEADS
    ) as cluster:
        assert await led(cluster) == 1
        client = cluster.client()
        await client.produce("orders", 0, [b"before"])
        cluster.network.partition([source], [target], oneway=oneway)
        await client.produce("orders", 0, [b"without"], timeout_ms=5_000)
        assert cluster.isr("orders", 0) == {1, 2}
        cluster.network.heal()
        await cluster.wait_until(lambda: cluster.isr("orders", 0) == {1, 2, 3})
        await client.produce("orders", 0, [b"after"])
        await cluster.wait_until(lambda: same_bytes(cluster))
        assert len(cluster.records("orders")) == 3


async def test_idle_partition_keeps_its_isr() -> None:
    """Nothing is written for many lag times, and nobody is thrown out (KAFKA-7152)."""
    async with AsyncCluster(brokers=3, config=SHORT) as cluster:
        await led(cluster)
        with pytest.raises(TimeoutError):
            await cluster.wait_until(lambda: len(cluster.isr("orders", 0)) < 3, timeout=1.0)


async def test_acks_all_is_refused_once_the_isr_is_under_the_minimum() -> None:
    """With both followers gone NOT_ENOUGH_REPLICAS, and nothing is written for it."""
    cluster = AsyncCluster(brokers=3, config=SHORT, seed=CONTROLLER_LEADS, voters=1)
    async with cluster:
        leader = await led(cluster, min_insync_replicas=2)
        assert leader == 1
        client = cluster.client()
        cluster.network.partition([leader], set(cluster.brokers) - {leader})
        # Followers lag only where there is something to fetch.
        await client.produce("orders", 0, [b"pending"], acks=1)
        await cluster.wait_until(lambda: cluster.isr("orders", 0) == {leader})
        end = len(cluster.log_bytes(leader, "orders", 0))
        with pytest.raises(KafkaError) as refused:
            await client.produce("orders", 0, [b"refused"])
        assert refused.value.code == ErrorCode.NOT_ENOUGH_REPLICAS
        assert len(cluster.log_bytes(leader, "orders", 0)) == end
        assert cluster.records("orders") == []
        cluster.network.heal()
        await cluster.wait_until(lambda: len(cluster.isr("orders", 0)) == 3)
        await client.produce("orders", 0, [b"accepted"])
        assert [r.value for r in cluster.records("orders")] == [b"pending", b"accepted"]


@pytest.mark.parametrize("seed", [CONTROLLER_LEADS, OBSERVER_LEADS])
async def test_fenced_broker_leaves_the_isr_at_once_and_comes_back(seed: int) -> None:
    """Nobody waits for the lag time: neither acks=all, nor the return once it is heard again."""
    config = {**SHORT, "replica.lag.time.max.ms": 600_000, "broker.session.timeout.ms": 300}
    async with AsyncCluster(brokers=3, config=config, seed=seed) as cluster:
        leader = await led(cluster)
        client = cluster.client()
        await client.produce("orders", 0, [b"before"])
        cluster.network.partition([3], [1, 2])
        await client.produce("orders", 0, [b"without"], timeout_ms=5_000)
        assert cluster.isr("orders", 0) == {1, 2}
        assert cluster.leader("orders", 0) == leader
        cluster.network.heal()
        await cluster.wait_until(lambda: cluster.isr("orders", 0) == {1, 2, 3})
        await cluster.wait_until(lambda: same_bytes(cluster))


async def test_broker_fenced_while_idle_comes_back_into_the_isr() -> None:
    """Cut off from the controller alone, it goes on fetching and has nothing new to say."""
    config = {**SHORT, "replica.lag.time.max.ms": 600_000, "broker.session.timeout.ms": 300}
    async with AsyncCluster(brokers=3, config=config, seed=OBSERVER_LEADS) as cluster:
        await led(cluster)
        cluster.network.partition([3], [1])
        await cluster.wait_until(lambda: cluster.isr("orders", 0) == {1, 2})
        cluster.network.heal()
        await cluster.wait_until(lambda: cluster.isr("orders", 0) == {1, 2, 3})


class Controller:
    """Gets the requests of one leader, and answers as the test says."""

    def __init__(self) -> None:
        self.cell = Cell()
        self.cell.create(replicas=(1, 2, 3))
        self.asked: list[Any] = []
        self.answers: list[Deferred[Any]] = []
        self.reachable = True
        self.broker_epoch = BROKER_EPOCH + 1
        self.partition = self.cell[1].partition()
        self.changes = IsrChanges(
            1,
            self.cell.loop.clock,
            send=self._send,
            broker_epoch=lambda: self.broker_epoch,
            call_later=self.cell.loop.as_loop.call_later,
        )
        # Follower 3 is out, and asks to come in again.
        self.cell.change(leader=1, leader_epoch=0, isr=(1, 2), partition_epoch=1)
        self.cell.loop.advance(1_000)

    def _send(self, key: ApiKey, version: int, request: object) -> Deferred[Any]:
        if not self.reachable:
            raise KafkaError(ErrorCode.NOT_CONTROLLER)
        assert key == ApiKey.ALTER_PARTITION
        self.asked.append(request)
        self.answers.append(Deferred())
        return self.answers[-1]

    def answer(self, code: ErrorCode) -> None:
        """Answer the last request with a code for its partition."""
        told = {"partition_index": 0, "error_code": code}
        topics = [{"topic_id": topic_id(0), "partitions": [told]}]
        shape = {"error_code": ErrorCode.NONE, "topics": topics}
        self.answers[-1].set(build_response(ApiKey.ALTER_PARTITION, 3, shape))


def test_wish_is_sent_once_with_all_epochs() -> None:
    """Until it is answered no other one is sent; and each member stands with its epoch."""
    controller = Controller()
    controller.changes.consider(controller.partition)
    controller.changes.consider(controller.partition)
    (request,) = controller.asked
    (asked,) = request.topics[0].partitions
    members = [(m.broker_id, m.broker_epoch) for m in asked.new_isr_with_epochs]
    assert members == [(1, 101), (2, 102), (3, 103)]
    assert (asked.leader_epoch, asked.partition_epoch) == (0, 1)
    assert (request.broker_id, request.broker_epoch) == (1, 101)


@pytest.mark.parametrize(
    "code", [ErrorCode.INELIGIBLE_REPLICA, ErrorCode.OPERATION_NOT_ATTEMPTED]
)
def test_refused_wish_is_given_up_and_may_be_made_again(code: ErrorCode) -> None:
    """The controller knew this state and has not changed it: the ISR stays as it was."""
    controller = Controller()
    controller.changes.consider(controller.partition)
    controller.answer(code)
    leader = controller.partition.leader
    assert leader is not None
    assert (leader.pending_isr, leader.isr) == (None, (1, 2))
    controller.changes.consider(controller.partition)
    assert len(controller.asked) == 2


@pytest.mark.parametrize(
    "code", [ErrorCode.FENCED_LEADER_EPOCH, ErrorCode.INVALID_UPDATE_VERSION]
)
def test_wish_of_who_knows_less_than_the_controller_waits_for_the_record(
    code: ErrorCode,
) -> None:
    """An earlier try may have been granted: until the record is here, all of it count."""
    controller = Controller()
    controller.changes.consider(controller.partition)
    controller.answer(code)
    leader = controller.partition.leader
    assert leader is not None
    assert leader.maximal_isr == (1, 2, 3)
    controller.cell.loop.advance(1_000)
    assert len(controller.asked) == 1


def test_granted_wish_waits_for_its_record() -> None:
    """The answer alone changes nothing: the ISR is what the metadata log says (KIP-497)."""
    controller = Controller()
    controller.changes.consider(controller.partition)
    controller.answer(ErrorCode.NONE)
    leader = controller.partition.leader
    assert leader is not None
    assert (leader.isr, leader.pending_isr) == ((1, 2), (1, 2, 3))
    controller.cell.change(leader=1, leader_epoch=0, isr=(1, 2, 3), partition_epoch=2)
    assert (leader.isr, leader.pending_isr) == ((1, 2, 3), None)


def test_wish_whose_answer_is_lost_stays_pending_and_is_sent_again() -> None:
    """It may have been granted: who is electable then must count for the watermark (KIP-497)."""
    controller = Controller()
    controller.changes.consider(controller.partition)
    controller.answers[-1].fail(ChannelClosed("cut"))
    leader = controller.partition.leader
    assert leader is not None
    assert leader.maximal_isr == (1, 2, 3)
    controller.reachable = False
    controller.cell.loop.advance(1_000)
    controller.reachable = True
    controller.cell.loop.advance(1_000)
    assert len(controller.asked) == 2
    assert controller.asked[1].topics == controller.asked[0].topics


def test_wish_that_a_record_has_answered_is_not_sent_again() -> None:
    """The record is the answer."""
    controller = Controller()
    controller.changes.consider(controller.partition)
    controller.answers[-1].fail(ChannelClosed("cut"))
    controller.cell.change(leader=1, leader_epoch=0, isr=(1, 2, 3), partition_epoch=2)
    controller.cell.loop.advance(1_000)
    assert len(controller.asked) == 1


def test_closed_it_asks_for_nothing_more() -> None:
    """A broker that stops lets its wishes be."""
    controller = Controller()
    controller.changes.consider(controller.partition)
    controller.answers[-1].fail(ChannelClosed("cut"))
    controller.changes.close()
    controller.cell.loop.advance(1_000)
    assert len(controller.asked) == 1


def test_wish_without_a_controller_is_given_up() -> None:
    """Nothing is pending that was never sent, and nobody who considers it fails."""
    controller = Controller()
    controller.reachable = False
    controller.changes.consider(controller.partition)
    leader = controller.partition.leader
    assert leader is not None
    assert leader.pending_isr is None
    controller.reachable = True
    controller.changes.consider(controller.partition)
    assert len(controller.asked) == 1


def test_unregistered_broker_wishes_nothing() -> None:
    """Without a broker epoch the controller could not believe it."""
    controller = Controller()
    controller.broker_epoch = -1
    controller.changes.consider(controller.partition)
    assert controller.asked == []


def test_follower_wishes_nothing() -> None:
    """Only leaders ask."""
    controller = Controller()
    controller.changes.consider(controller.cell[2].partition())
    assert controller.asked == []
