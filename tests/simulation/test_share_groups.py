"""A share group in virtual time: leaders die, coordinators die, members die; what is done is done."""

from __future__ import annotations

from random import Random

import pytest
from aiokafka import AIOKafkaProducer

from minikafka import sim
from minikafka.broker.group_coordinator import OFFSETS_TOPIC
from minikafka.broker.share_coordinator import SHARE_STATE_TOPIC
from tests.support.share_member import ShareLedger, share_member

RECORDS = 30
LIMIT = 10
CONFIG = {
    "broker.session.timeout.ms": 2_000,
    "broker.heartbeat.interval.ms": 300,
    "replica.lag.time.max.ms": 2_000,
    "min.insync.replicas": 2,
    "offsets.topic.num.partitions": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    "group.share.enable": True,
    "group.share.delivery.count.limit": LIMIT,
    "group.share.min.session.timeout.ms": 1_000,
    "group.share.session.timeout.ms": 6_000,
    "group.share.min.record.lock.duration.ms": 1_000,
    "group.share.record.lock.duration.ms": 3_000,
}


async def produce(s: sim.Simulation, ledger: ShareLedger) -> None:
    """Write records over some seconds, once both members read."""
    await s.until(lambda: ledger.reading >= 2, timeout=60)
    producer = AIOKafkaProducer(bootstrap_servers=s.bootstrap, acks="all")
    await producer.start()
    for number in range(RECORDS):
        await producer.send_and_wait("orders", b"%d" % number, partition=0)
        await s.sleep(s.rng.uniform(0.05, 0.5))
    await producer.stop()


async def strike(s: sim.Simulation, draws: Random) -> None:
    """Kill a broker that matters, or stop it for a while: longer than a lock, or not."""
    if s.now < 12 or not all(each.running for each in s.brokers):
        return
    topic = draws.choice(["orders", OFFSETS_TOPIC, SHARE_STATE_TOPIC])
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


async def kill_member(s: sim.Simulation, draws: Random) -> None:
    """Let a member's machine die and come back; what it held goes to the other."""
    host = s.host(f"member-{draws.randrange(2)}")
    if s.now > 12 and host.up:
        s.faults += 1
        host.crash()
        await s.sleep(draws.uniform(0.5, 8))
        if not host.up:
            host.restart()


@pytest.mark.slow
@pytest.mark.time_limit(120)
@sim.test(seeds=4, brokers=3, topics={"orders": 1}, config=CONFIG)
async def test_nothing_acknowledged_comes_again(s: sim.Simulation) -> None:
    """All is delivered and acknowledged in the end; and nothing after that, whoever has died."""
    ledger = ShareLedger()
    for number in range(2):
        draws = Random(s.rng.random())
        s.host(f"member-{number}").start(
            lambda number=number, draws=draws: share_member(
                s.bootstrap, number, ledger, lambda: draws.random() < 0.3, LIMIT
            )
        )
    chaos = s.chaos(strike, kill_member, every=(1, 5), until=26)
    await s.host("shop").spawn(produce(s, ledger))
    await chaos
    await s.until(lambda: len(ledger.accepted) >= RECORDS, timeout=240)
    assert sum(ledger.delivered.values()) > RECORDS
