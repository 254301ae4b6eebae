"""Compacted topics in virtual time: brokers compact, die, lose power, are elected and catch up."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from minikafka import sim
from minikafka.trials.compacted import newest_values

CONFIG = {
    "broker.session.timeout.ms": 2_000,
    "broker.heartbeat.interval.ms": 300,
    "replica.lag.time.max.ms": 2_000,
    "min.insync.replicas": 2,
    "log.cleaner.backoff.ms": 400,
}
TOPIC = {
    "cleanup.policy": "compact",
    "internal.segment.bytes": 400,
    "min.cleanable.dirty.ratio": 0.05,
    "delete.retention.ms": 3_000,
}
KEYS = 6
COMPACTIONS: Counter[str] = Counter()


class Latest:
    """What the last word on each key is: of those acknowledged, and of those that may be."""

    def __init__(self) -> None:
        self.acknowledged: dict[bytes, tuple[int, bytes | None]] = {}
        self.pending: dict[bytes, list[bytes | None]] = {}

    def said(self, key: bytes, offset: int, value: bytes | None) -> None:
        """Note what was acknowledged; offsets decide which is later."""
        if offset >= self.acknowledged.get(key, (-1, None))[0]:
            self.acknowledged[key] = (offset, value)


async def write(s: sim.Simulation, latest: Latest) -> None:
    """Set and delete keys for a while."""
    producer = AIOKafkaProducer(
        bootstrap_servers=s.bootstrap, acks="all", request_timeout_ms=5_000
    )
    await producer.start()
    number = 0
    while s.now < 30:
        key = b"key-%d" % s.rng.randrange(KEYS)
        value = None if s.rng.random() < 0.2 else b"value-%d" % number
        number += 1
        try:
            sent = await producer.send_and_wait("state", value, key=key, partition=0)
        except KafkaError:
            latest.pending.setdefault(key, []).append(value)
        else:
            latest.said(key, sent.offset, value)
        await s.sleep(s.rng.uniform(0.01, 0.1))
    await producer.stop()


async def compacted_state_outlives_faults(s: sim.Simulation) -> int:
    """Write under faults; at the end every replica has the last acknowledged word on each key."""
    await s.cluster.create_topic("state", partitions=1, replication_factor=3, config=TOPIC)
    latest = Latest()
    chaos = s.chaos(sim.kill, sim.power_loss, sim.pause, sim.partition, every=(1, 4), until=28)
    await s.host("writer").spawn(write(s, latest))
    await chaos
    s.calm()
    await s.converged()
    return _check(s, latest)


def _check(s: sim.Simulation, latest: Latest) -> int:
    compactions = 0
    for broker in s.brokers:
        log: Any = s.cluster._view._log(broker.id, "state", 0)
        compactions += log.gaps_below > 0
        values = newest_values(log)
        for key, (offset, value) in latest.acknowledged.items():
            found = values.get(key)
            newer = found is not None and found[0] > offset
            unsure = latest.pending.get(key, [])
            if newer or (found is None and None in unsure):
                continue  # one of those that were not acknowledged came through
            assert (None if found is None else found[1]) == value, (broker.id, key, offset)
    return compactions


@pytest.mark.slow
@pytest.mark.time_limit(120)
@sim.test(seeds=4, brokers=3, config=CONFIG)
async def test_newest_value_of_each_key_outlives_faults_and_compaction(
    s: sim.Simulation,
) -> None:
    """All replicas agree on the newest values, which are those acknowledged; all had gaps."""
    assert await compacted_state_outlives_faults(s) == 3
