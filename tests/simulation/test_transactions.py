"""Transactions in virtual time: coordinators die, leaders die; each transaction is there whole, or not at all."""

from __future__ import annotations

from random import Random

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from minikafka import sim
from minikafka.broker.transaction_coordinator import TRANSACTIONS_TOPIC

PARTITIONS = 3
TRANSACTIONS = 25
CONFIG = {
    "broker.session.timeout.ms": 2_000,
    "broker.heartbeat.interval.ms": 300,
    "replica.lag.time.max.ms": 2_000,
    "min.insync.replicas": 2,
    "transaction.state.log.num.partitions": 1,
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1_000,
}


class Ledger:
    """What became of each transaction, as its producer knows it; None where it does not."""

    def __init__(self) -> None:
        self.ends: dict[int, bool | None] = {}


async def started(s: sim.Simulation) -> AIOKafkaProducer:
    """Return a producer that has the transactional id, however often it has to ask."""
    while True:
        producer = AIOKafkaProducer(
            bootstrap_servers=s.bootstrap,
            transactional_id="shop",
            transaction_timeout_ms=5_000,
            request_timeout_ms=3_000,
        )
        try:
            await producer.start()
        except KafkaError:
            await producer.stop()
        else:
            return producer
        await s.sleep(0.5)


async def trade(s: sim.Simulation, ledger: Ledger, draws: Random) -> None:
    """Write transactions, each into all partitions; some are aborted, some end nobody knows how."""
    producer = await started(s)
    for number in range(TRANSACTIONS):
        commits = number + 1 == TRANSACTIONS or draws.random() < 0.7
        ledger.ends[number] = False
        try:
            await producer.begin_transaction()
            for partition in range(PARTITIONS):
                await producer.send_and_wait("orders", b"%d" % number, partition=partition)
            if commits:
                ledger.ends[number] = None
                await producer.commit_transaction()
                ledger.ends[number] = True
            else:
                await producer.abort_transaction()
        except KafkaError:
            await producer.stop()
            producer = await started(s)
        await s.sleep(draws.uniform(0.05, 1))
    await producer.stop()


async def strike(s: sim.Simulation, draws: Random) -> None:
    """Kill the coordinator or a leader, or stop it for a while."""
    if s.now < 5 or not all(each.running for each in s.brokers):
        return
    topic = draws.choice(["orders", TRANSACTIONS_TOPIC, TRANSACTIONS_TOPIC])
    leader = s.cluster.leader(topic, 0)
    if leader is None:
        return
    broker = s.broker(leader)
    s.faults += 1
    if draws.random() < 0.3:
        broker.pause(draws.uniform(0.5, 4))
        return
    broker.crash()
    await s.sleep(draws.uniform(0.5, 4))
    broker.restart()


async def read(s: sim.Simulation, partition: int) -> list[int]:
    """Return the transactions of one partition, as a reader of what is committed sees them."""
    place = TopicPartition("orders", partition)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=s.bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    await consumer.start()
    consumer.assign([place])
    found: list[int] = []
    while not found or found[-1] != TRANSACTIONS:
        message = await consumer.getone()
        found.append(int(message.value))
    await consumer.stop()
    return found


async def close_the_books(s: sim.Simulation) -> None:
    """Write one more transaction: it can be read only when all before it have ended."""
    producer = await started(s)
    async with producer.transaction():
        for partition in range(PARTITIONS):
            await producer.send_and_wait("orders", b"%d" % TRANSACTIONS, partition=partition)
    await producer.stop()


@pytest.mark.slow
@pytest.mark.time_limit(120)
@sim.test(seeds=4, brokers=3, topics={"orders": PARTITIONS}, config=CONFIG)
async def test_each_transaction_is_seen_whole_or_not_at_all(s: sim.Simulation) -> None:
    """Once and in order, in all partitions or in none; and as its producer was told."""
    ledger = Ledger()
    chaos = s.chaos(strike, every=(1, 4), until=40)
    await s.host("shop").spawn(trade(s, ledger, Random(s.rng.random())))
    await chaos
    await s.host("shop").spawn(close_the_books(s))
    seen = [await s.host("reader").spawn(read(s, partition)) for partition in range(PARTITIONS)]
    assert seen[1:] == seen[:-1]
    assert sorted(set(seen[0])) == seen[0]
    for number, end in ledger.ends.items():
        assert end is None or (number in seen[0]) is end, f"{number} ended as {end}"
