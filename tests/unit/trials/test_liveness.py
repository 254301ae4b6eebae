"""What must come to be after the faults: shown clusters in which it has not."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from minikafka.broker.partition import Partition
from minikafka.trials.chains import Entry
from minikafka.trials.liveness import STEPS_PER_S_MAX, storm, unmet, wrong_replicas
from minikafka.trials.run import run
from minikafka.trials.simulation import Simulation

CONFIG = {"broker.session.timeout.ms": 2_000, "broker.heartbeat.interval.ms": 500}


def found(scenario: Callable[[Simulation], Coroutine[Any, Any, Any]]) -> Any:
    """Run a scenario on a cluster that is whole, and return what it returns."""

    async def whole(s: Simulation) -> Any:
        await s.cluster.client().produce("t", 0, [b"x"])
        await s.converged()
        return await scenario(s)

    result = run(whole, seed=1, topics={"t": 1}, config=CONFIG, keep_trace=False)
    if result.error is not None:
        raise result.error
    return result.value


def name(unmet_or_none: tuple[str, str] | None) -> str | None:
    """Return the rule alone."""
    return None if unmet_or_none is None else unmet_or_none[0]


def hosted(s: Simulation, broker: int) -> Partition:
    """Return a broker's replica."""
    partition = s.invariants.ghost.brokers[broker].replicas.partition(("t", 0))
    assert partition is not None
    return partition


def change(s: Simulation, **fields: Any) -> None:
    """Pretend that the controller has recorded something else of the partition."""
    image = s.invariants.ghost.image
    assert image is not None
    topic = image.topics["t"]
    changed = replace(topic, partitions=(replace(topic.partitions[0], **fields),))
    s.invariants.ghost.image = replace(image, topics={"t": changed})


def test_whole_cluster_lacks_nothing() -> None:
    """All up, all in sync, all equal."""

    async def scenario(s: Simulation) -> Any:
        return unmet(s), wrong_replicas(s)

    assert found(scenario) == (None, None)


def test_broker_that_is_down_where_the_core_must_do_without_it_breaks_l2() -> None:
    """L2 is about those that are well; of them the rest is asked, too."""

    async def scenario(s: Simulation) -> Any:
        s.broker(2).crash("kill")
        at_once = name(unmet(s, [1, 3]))
        await s.sleep(8)
        seen = name(unmet(s)), at_once, unmet(s, [1, 3])
        s.broker(2).restart()
        return seen

    assert found(scenario) == ("L2", "L4", None)


def test_broker_whose_former_life_is_registered_breaks_l2() -> None:
    """Nobody has noticed yet that it ended; until it is registered anew it is not back."""

    async def scenario(s: Simulation) -> Any:
        s.broker(2).crash("kill")
        s.broker(2).restart()
        at_once = name(unmet(s))
        await s.until(lambda: s.broker(2).running)
        booted = name(unmet(s))
        await s.converged()
        return at_once, booted

    assert found(scenario) == ("L2", "L2")


def test_new_controller_breaks_l1_for_a_while() -> None:
    """L1: it has to stay."""

    async def scenario(s: Simulation) -> Any:
        s.invariants.ghost.controller_since_ms = int(s.now * 1000)
        return name(unmet(s))

    assert found(scenario) == "L1"


def _changed(**fields: Any) -> str | None:
    """Return what is unmet where the controller has recorded something else."""

    async def scenario(s: Simulation) -> Any:
        change(s, **fields)
        return name(unmet(s))

    unmet_rule: str | None = found(scenario)
    return unmet_rule


def test_partition_without_a_leader_breaks_l3() -> None:
    """Somebody who is well might lead it."""
    assert _changed(leader=-1) == "L3"


def test_replica_that_is_not_in_sync_breaks_l4() -> None:
    """All that are well come back."""
    assert _changed(isr=(1, 2)) == "L4"


def test_move_that_does_not_end_breaks_l8() -> None:
    """All its targets are well."""
    assert _changed(adding=(3,)) == "L8"


def test_partition_that_nobody_well_may_lead_is_excused() -> None:
    """Its last in-sync replica is away: without it there is no leader."""

    async def scenario(s: Simulation) -> Any:
        change(s, leader=-1, isr=(2,))
        s.broker(2).crash("kill")
        seen = unmet(s, [1, 3])
        s.broker(2).restart()
        return seen

    assert found(scenario) is None


def test_replicas_that_differ_break_r21() -> None:
    """In bytes, or in what they know of epochs."""

    async def scenario(s: Simulation) -> Any:
        log = hosted(s, 2).log
        log.segments[0].batches[0].view[-1] ^= 1
        bytes_differ = name(wrong_replicas(s))
        log.segments[0].batches[0].view[-1] ^= 1
        log.epochs.clear()
        log.epochs.assign(5, 0)
        return bytes_differ, name(wrong_replicas(s))

    assert found(scenario) == ("R21", "R21")


def test_replicas_that_know_other_producers_break_r21() -> None:
    """Who leads next would take a retry for a new batch."""

    async def scenario(s: Simulation) -> Any:
        client = s.cluster.client()
        await client.produce("t", 0, [b"x"], producer_id=1, producer_epoch=0, base_sequence=0)
        await s.converged()
        same = wrong_replicas(s)
        hosted(s, 2).log.producers.clear()
        return same, name(wrong_replicas(s))

    assert found(scenario) == (None, "R21")


def test_committed_record_on_no_disk_breaks_r20() -> None:
    """Somebody has it, or its loss was allowed."""

    async def scenario(s: Simulation) -> Any:
        ghost = s.invariants.ghost.partition(hosted(s, 1).log)
        ghost.committed.append(Entry(1, 2, 0, 4711))
        seen = name(wrong_replicas(s))
        ghost.committed.pop()
        return seen

    assert found(scenario) == "R20"


def test_busy_idle_cluster_breaks_l9() -> None:
    """Who has nothing to do and does a lot goes round in circles."""

    async def scenario(s: Simulation) -> Any:
        before = s.loop.steps
        await s.sleep(2)
        return storm(s, s.loop.steps - before, 2), storm(s, 2 * 3 * STEPS_PER_S_MAX + 1, 2)

    calm, busy = found(scenario)
    assert calm is None
    assert busy is not None
