"""A consumer group of aiokafka in virtual time: coordinators die, members die, nothing is lost."""

from __future__ import annotations

import asyncio
import functools
from random import Random
from typing import Any

import pytest
from aiokafka import (
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRebalanceListener,
)
from aiokafka.errors import KafkaError

from minikafka import KafkaError as MinikafkaError
from minikafka import sim
from minikafka.broker.group_coordinator import OFFSETS_TOPIC
from minikafka.broker.group_partition import GroupPartition
from minikafka.groups.states import GroupState
from minikafka.trials.runner import run_seeds

PARTITIONS = 4
RECORDS = 40
CONFIG = {
    "broker.session.timeout.ms": 2_000,
    "broker.heartbeat.interval.ms": 300,
    "replica.lag.time.max.ms": 2_000,
    "min.insync.replicas": 2,
    "offsets.topic.num.partitions": 3,  # the default of 50 costs most of a run's time
}
OF_GROUP = ord("g") % 3


class Ledger:
    """What the members of a group were told, against which they are held."""

    def __init__(self) -> None:
        self.read: list[tuple[int, int]] = []
        self.acknowledged: dict[int, int] = {}
        self.owners: dict[tuple[int, int], int] = {}
        self.rebalances = 0
        self.owned: dict[int, tuple[int, ...]] = {}


class Watch(ConsumerRebalanceListener):  # type: ignore[misc]
    """Looks at each assignment: G2, one owner in a generation; G4, no offset goes back."""

    def __init__(self, ledger: Ledger, number: int) -> None:
        self.ledger = ledger
        self.number = number
        self.consumer: Any = None

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Give partitions up."""
        self.ledger.owned[self.number] = ()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """Hold what is given against what was said before."""
        ledger = self.ledger
        ledger.rebalances += 1
        ledger.owned[self.number] = tuple(sorted(each.partition for each in assigned))
        generation = self.consumer._coordinator.generation
        for each in sorted(assigned):
            owner = ledger.owners.setdefault((generation, each.partition), self.number)
            assert owner == self.number, f"{each} has two owners in generation {generation}"


async def member(bootstrap: str, ledger: Ledger, number: int) -> None:
    """Read and commit, for ever; begin anew after any error."""
    while True:
        watch = Watch(ledger, number)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            group_id="g",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=6_000,
            heartbeat_interval_ms=500,
            max_poll_interval_ms=8_000,
        )
        watch.consumer = consumer
        consumer.subscribe(["orders"], listener=watch)
        try:
            await consumer.start()
            while True:
                await step(consumer, ledger)
        except (KafkaError, OSError):
            await asyncio.sleep(0.5)
        finally:
            await consumer.stop()


async def step(consumer: Any, ledger: Ledger) -> None:
    """Read a little, and commit it; what was acknowledged may never be seen to be less."""
    found = await consumer.getmany(timeout_ms=500, max_records=3)
    for partition, records in found.items():
        ledger.read += [(partition.partition, record.offset) for record in records]
        known = ledger.acknowledged.get(partition.partition, 0)
        seen = await consumer.committed(partition)
        assert (seen or 0) >= known, f"{partition} went back from {known} to {seen}"
        position = records[-1].offset + 1
        await consumer.commit({partition: position})
        ledger.acknowledged[partition.partition] = max(known, position)


async def produce(s: sim.Simulation) -> None:
    """Write records over some seconds."""
    producer = AIOKafkaProducer(bootstrap_servers=s.bootstrap, acks="all")
    await producer.start()
    for number in range(RECORDS):
        await producer.send_and_wait("orders", b"%d" % number, partition=number % PARTITIONS)
        await s.sleep(s.rng.uniform(0.05, 0.5))
    await producer.stop()


async def strike_coordinator(s: sim.Simulation, draws: Random) -> None:
    """Kill the broker that coordinates the group, or stop it for a while."""
    leader = s.cluster.leader(OFFSETS_TOPIC, OF_GROUP) if s.now > 2 else None
    if leader is None or not all(each.running for each in s.brokers):
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
    """Let a member's machine die and come back."""
    host = s.host(f"member-{draws.randrange(2)}")
    if host.up:
        s.faults += 1
        host.crash()
        await s.sleep(draws.uniform(0.5, 8))
        if not host.up:
            host.restart()


async def group_goes_on(s: sim.Simulation) -> Ledger:
    """Two members read what is produced while coordinators and members die."""
    ledger = Ledger()
    for number in range(2):
        s.host(f"member-{number}").start(
            lambda number=number: member(s.bootstrap, ledger, number)
        )
    chaos = s.chaos(strike_coordinator, kill_member, every=(1, 5), until=16)
    await s.host("shop").spawn(produce(s))
    await chaos
    everything = {(number % PARTITIONS, number // PARTITIONS) for number in range(RECORDS)}
    ends = {
        partition: max(offset for each, offset in everything if each == partition) + 1
        for partition in range(PARTITIONS)
    }
    await s.until(
        lambda: all(ledger.acknowledged.get(each, 0) >= end for each, end in ends.items()),
        timeout=240,
    )
    assert everything <= set(ledger.read), sorted(everything - set(ledger.read))
    assert ledger.rebalances >= 2
    return ledger


@pytest.mark.slow
@pytest.mark.time_limit(120)
@sim.test(seeds=4, brokers=3, topics={"orders": PARTITIONS}, config=CONFIG)
async def test_group_outlives_coordinators_and_members(s: sim.Simulation) -> None:
    """Every record is read at least once, no partition has two owners, no offset goes back."""
    await group_goes_on(s)


def coordinated(s: sim.Simulation) -> GroupPartition | None:
    """Return the group's coordinator where there is one, to look at."""
    leader = s.cluster.leader(OFFSETS_TOPIC, OF_GROUP)
    if leader is None or not s.broker(leader).running:
        return None
    try:
        return s.cluster._nodes[leader].broker.groups.of("g")
    except MinikafkaError:
        return None


async def hold_a_commit(s: sim.Simulation) -> None:
    """Cut the coordinator off its followers until it has a commit that it cannot answer.

    For a moment at a time: the producer may wait for the same broker, and nothing be consumed.
    """
    while True:
        found = coordinated(s)
        leader = s.cluster.leader(OFFSETS_TOPIC, OF_GROUP)
        if found is not None and leader is not None:
            s.cluster.network.partition({leader}, {1, 2, 3} - {leader})
            try:
                await s.until(functools.partial(_holds, found), timeout=3)
            except TimeoutError:
                s.cluster.network.heal()
            else:
                return
        await s.sleep(0.5)


def _holds(found: GroupPartition) -> bool:
    return found.closed or found.waiting_count > 0


def strike(s: sim.Simulation) -> int:
    """Kill the coordinator, and return which broker that was."""
    leader = s.cluster.leader(OFFSETS_TOPIC, OF_GROUP)
    assert leader is not None
    s.faults += 1
    s.broker(leader).crash()
    return leader


def start_member(s: sim.Simulation, ledger: Ledger, number: int) -> None:
    """Let a member live on a machine of its own."""
    s.host(f"member-{number}").start(lambda: member(s.bootstrap, ledger, number))


def all_owned(ledger: Ledger, members: int) -> bool:
    """Say whether so many members own all partitions, each once."""
    owned = [each for partitions in ledger.owned.values() for each in partitions]
    holders = sum(bool(partitions) for partitions in ledger.owned.values())
    return sorted(owned) == list(range(PARTITIONS)) and holders == members


@pytest.mark.slow
@pytest.mark.time_limit(60)
@sim.test(seeds=3, brokers=3, topics={"orders": PARTITIONS}, config=CONFIG)
async def test_coordinator_dies_in_the_middle_of_a_rebalance(s: sim.Simulation) -> None:
    """Members that were joining join the next coordinator, and share all partitions."""
    ledger = Ledger()
    start_member(s, ledger, 0)
    await s.until(lambda: all_owned(ledger, 1), timeout=60)
    start_member(s, ledger, 1)

    def rebalancing() -> bool:
        found = coordinated(s)
        group = None if found is None else found.read(lambda groups: groups.group("g"))
        return group is not None and group.state is GroupState.PREPARING_REBALANCE

    await s.until(rebalancing, timeout=60)
    struck = strike(s)
    await s.until(lambda: all_owned(ledger, 2), timeout=120)
    s.broker(struck).restart()
    await s.host("shop").spawn(produce(s))
    await s.until(lambda: sum(ledger.acknowledged.values()) >= RECORDS, timeout=120)


@pytest.mark.slow
@pytest.mark.time_limit(60)
@sim.test(seeds=3, brokers=3, topics={"orders": PARTITIONS}, config=CONFIG)
async def test_coordinator_dies_in_the_middle_of_a_commit(s: sim.Simulation) -> None:
    """What was acknowledged stays so; what was on its way is committed again, or read again."""
    ledger = Ledger()
    start_member(s, ledger, 0)
    await s.until(lambda: all_owned(ledger, 1), timeout=60)
    producing = s.host("shop").spawn(produce(s))
    await s.until(lambda: sum(ledger.acknowledged.values()) >= 5, timeout=60)
    await hold_a_commit(s)
    s.cluster.network.heal()
    struck = strike(s)
    await s.sleep(1)
    s.broker(struck).restart()
    await producing
    await s.until(lambda: sum(ledger.acknowledged.values()) >= RECORDS, timeout=240)


@pytest.mark.slow
@pytest.mark.time_limit(120)
def test_run_with_a_group_is_the_same_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Member ids, assignments and commits come of the seed alone, in any process (D1)."""
    simulation = test_group_outlives_coordinators_and_members.simulation  # type: ignore[attr-defined]
    once = {report.seed: report.hash for report in run_seeds(simulation.job(), range(1))}
    monkeypatch.setenv("PYTHONHASHSEED", "4711")
    again = {report.seed: report.hash for report in run_seeds(simulation.job(), range(1))}
    assert once == again
