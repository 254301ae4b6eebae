"""Each rule of idempotent producers, shown a cluster that breaks it."""

from __future__ import annotations

import pytest

from minikafka.log.producer_state import ProducerStates
from minikafka.trials.invariants import Answer
from minikafka.trials.simulation import Simulation
from minikafka.wire.versions import ApiKey
from tests.support.builders import producer_batch
from tests.support.rule_runs import broken, led


def forced(s: Simulation, sequence: int, epoch: int = 1) -> None:
    """Have the leader append a batch whatever it knows of the producer."""
    leader = led(s).leader
    assert leader is not None
    leader.log.producers.clear()
    leader.append(producer_batch(sequence, epoch=epoch), 1, 0)


async def send(s: Simulation, sequence: int, epoch: int = 1) -> int:
    """Produce one record of producer 1; return its offset."""
    result = await s.cluster.client().produce(
        "t", 0, [b"x"], producer_id=1, producer_epoch=epoch, base_sequence=sequence
    )
    return result.base_offset


def test_a_sound_producer_breaks_nothing() -> None:
    """Batches in order, one of them twice, a new epoch, another leader, a restart."""

    async def scenario(s: Simulation) -> None:
        for sequence in (0, 1, 1, 2):
            await send(s, sequence)
        await send(s, 0, epoch=2)
        s.broker(led(s).leader.broker_id).crash("kill")  # type: ignore[union-attr]
        await s.sleep(15)
        await send(s, 0, epoch=2)
        await send(s, 1, epoch=2)
        for broker in s.brokers:
            if not broker.running:
                broker.restart()
        await s.converged()

    assert broken(scenario) is None


@pytest.mark.parametrize("sequence", [0, 2])
def test_a_batch_out_of_sequence_breaks_p1(sequence: int) -> None:
    """Whether it leaves a gap or is there already."""

    async def scenario(s: Simulation) -> None:
        await send(s, 0)
        forced(s, sequence)

    assert broken(scenario) == "P1"


def test_a_new_epoch_that_does_not_begin_with_0_breaks_p1() -> None:
    """The sequences of the old one count no more."""

    async def scenario(s: Simulation) -> None:
        await send(s, 0)
        forced(s, 1, epoch=2)

    assert broken(scenario) == "P1"


def test_an_older_epoch_behind_a_newer_one_breaks_p3() -> None:
    """Whoever writes with it does not know that there is another one."""

    async def scenario(s: Simulation) -> None:
        await send(s, 0, epoch=2)
        forced(s, 1, epoch=1)

    assert broken(scenario) == "P3"


def test_a_leader_that_forgets_a_producer_breaks_p4() -> None:
    """Its log says otherwise, when it begins to lead."""

    async def scenario(s: Simulation) -> None:
        await send(s, 0)
        for broker in s.invariants.ghost.brokers.values():
            partition = broker.replicas.partition(("t", 0))
            if partition is not None:
                partition.log.producers.clear()
        s.broker(led(s).leader.broker_id).crash("kill")  # type: ignore[union-attr]
        await s.sleep(15)

    assert broken(scenario) == "P4"


@pytest.mark.parametrize("what", ["invented", "ahead", "short"])
def test_a_truncated_log_that_knows_something_else_breaks_p4(what: str) -> None:
    """A producer that never wrote, a batch that was never written, or too few batches."""

    async def scenario(s: Simulation) -> None:
        for sequence in range(3):
            await send(s, sequence)
        log = led(s).log
        if what == "invented":
            log.producers.take(producer_batch(0, offset=2, producer_id=9))
        elif what == "ahead":
            log.producers.take(producer_batch(3, offset=3))
        else:
            log.producers.entries[1].batches.popleft()
        ProducerStates.truncate = lambda self, end_offset, batches: None  # type: ignore[method-assign]
        log.truncate_to(log.log_end_offset)

    real = ProducerStates.truncate
    try:
        assert broken(scenario) == "P4"
    finally:
        ProducerStates.truncate = real  # type: ignore[method-assign]


def test_a_batch_acknowledged_where_another_one_lies_breaks_p5() -> None:
    """What came again is told the place of its first coming, and no other."""

    async def scenario(s: Simulation) -> None:
        await send(s, 0)
        await send(s, 1)

        def mislead(answer: Answer) -> None:
            if answer.api_key == ApiKey.PRODUCE:
                answer.response.topics[0].partitions[0].base_offset = 0

        s.invariants.hooks["answered"].insert(0, ("none", mislead))
        await send(s, 2)

    assert broken(scenario) == "P5"


def test_an_identity_given_twice_breaks_p7() -> None:
    """Two producers with one id would take each other's batches for their own."""

    async def scenario(s: Simulation) -> None:
        first = await s.cluster.client().init_producer_id()
        for broker in s.invariants.ghost.brokers.values():
            broker._producer_ids._next = first.producer_id
        await s.cluster.client().init_producer_id()

    assert broken(scenario) == "P7"
