"""A transaction that is to be committed is, whoever dies at whichever point between its decision and its end."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Literal

import pytest

from minikafka.base.ids import TopicPartition
from minikafka.broker.transaction_coordinator import TRANSACTIONS_TOPIC
from minikafka.records.markers import decode_marker
from minikafka.records.records import decode_records
from minikafka.transactions.metadata import V2
from minikafka.transactions.records import decode_transaction
from minikafka.transactions.states import TransactionState
from minikafka.trials.invariants import Replica, Transacted
from minikafka.trials.ledger import committed_values
from minikafka.trials.own_producer import OwnProducer
from minikafka.trials.run import run
from minikafka.trials.simulation import Simulation

CONFIG = {
    "broker.session.timeout.ms": 2_000,
    "broker.heartbeat.interval.ms": 300,
    "replica.lag.time.max.ms": 2_000,
    "min.insync.replicas": 2,
    "transaction.state.log.num.partitions": 1,
}
PLACES = [TopicPartition("t", 0), TopicPartition("t", 1)]

Point = Literal[
    "decision written",
    "decision committed",
    "first marker written",
    "first marker committed",
    "all markers committed",
    "end written",
    "end committed",
]
POINTS: tuple[Point, ...] = Point.__args__  # type: ignore[attr-defined]


class Watch:
    """Waits for a point, and ends a process there, once."""

    def __init__(self, s: Simulation, point: Point, victim: Callable[[], int]) -> None:
        self.hit = False
        self._s = s
        self._point = point
        self._victim = victim
        self._marked: dict[TopicPartition, int] = {}
        s.invariants.add("point", "appended", self._appended)
        s.invariants.add("point", "watermark", self._watermark)
        s.invariants.add("point", "transacted", self._transacted)

    def _appended(self, replica: Replica) -> None:
        batch = replica.log.segments[-1].batches[-1]
        place = replica.log.partition
        if replica.epoch < 0:
            return
        if place in PLACES and batch.is_control and decode_marker(batch) is not None:
            self._marked[place] = batch.next_offset
            self._reached("first marker written")
        if place.topic == TRANSACTIONS_TOPIC and not batch.is_control:
            for record in decode_records(batch):
                found = decode_transaction(record.key, record.value)
                assert found is not None
                assert found.metadata is not None
                if found.metadata.state is TransactionState.PREPARE_COMMIT:
                    self._reached("decision written")
                elif found.metadata.state is TransactionState.COMPLETE_COMMIT:
                    self._reached("end written")

    def _watermark(self, replica: Replica) -> None:
        marked = self._marked.get(replica.log.partition)
        if replica.epoch < 0 or marked is None or replica.log.high_watermark < marked:
            return
        self._marked[replica.log.partition] = 0
        self._reached("first marker committed")
        if list(self._marked.values()) == [0, 0]:
            self._reached("all markers committed")

    def _transacted(self, step: Transacted) -> None:
        assert step.after is not None
        if step.after.state is TransactionState.PREPARE_COMMIT:
            self._reached("decision committed")
        elif step.after.state is TransactionState.COMPLETE_COMMIT:
            self._reached("end committed")

    def _reached(self, point: Point) -> None:
        if point != self._point or self.hit:
            return
        self.hit = True
        loop, victim = self._s.loop, self._victim()
        loop.at_ns(loop.now_ns, lambda: self._s.broker(victim).crash())
        loop.at_ns(loop.now_ns + 4_000_000_000, lambda: self._s.broker(victim).restart())


async def shop(s: Simulation, version: int) -> None:
    """Commit one transaction in both partitions, and another one."""
    producer = OwnProducer(s.bootstrap, "shop", ["t"], Random(1), version)
    await producer.begin(60_000)
    for values in ([b"first"], [b"second"]):
        for place in PLACES:
            await producer.send(producer.make(place, values))
        await producer.end(committed=True)
    await producer.close()


@pytest.mark.parametrize("version", [0, V2])
@pytest.mark.parametrize("who", ["coordinator", "leader"])
@pytest.mark.parametrize("point", POINTS)
def test_committed_all_the_same(point: Point, who: str, version: int) -> None:
    """In all its partitions, once; and the next one begins when it has ended."""

    async def scenario(s: Simulation) -> list[list[bytes]]:
        topic = TRANSACTIONS_TOPIC if who == "coordinator" else "t"
        watch = Watch(s, point, lambda: s.cluster.leader(topic, 0) or 1)
        await s.host("shop").spawn(shop(s, version))
        assert watch.hit
        await s.until(lambda: all(broker.running for broker in s.brokers))
        await s.converged()
        await s.until(lambda: s.invariants.ghost.transactions.undecided() is None)
        found = []
        for topic, index in PLACES:
            leader = s.cluster.leader(topic, index)
            assert leader is not None
            partition = s.invariants.ghost.brokers[leader].replicas.partition((topic, index))
            assert partition is not None
            assert partition.log.last_stable_offset == partition.log.high_watermark
            found.append([value for _, value in committed_values(partition.log)])
        return found

    result = run(scenario, seed=1, topics={"t": 2}, config=CONFIG, keep_trace=False)
    assert result.error is None, result.text()
    assert result.value == [[b"first", b"second"]] * 2
