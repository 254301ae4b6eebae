"""Each rule of who answers what to readers, shown an answer that breaks it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from minikafka.broker.partition import Partition
from minikafka.trials.invariants import Answer
from minikafka.trials.simulation import Simulation
from minikafka.wire.fetch import FetchPartition
from minikafka.wire.versions import ApiKey
from tests.support.rule_runs import broken, led


async def produced(simulation: Simulation) -> Partition:
    """Produce a record, let all have it, and return the leader's partition."""
    await simulation.cluster.client().produce("t", 0, [b"x"])
    await simulation.sleep(2)
    return led(simulation)


def before_answers(simulation: Simulation, change: Callable[[Answer], None]) -> None:
    """Have something happen before the rules look at an answer."""
    simulation.invariants.hooks["answered"].insert(0, ("none", change))  # type: ignore[arg-type]


def test_sound_answers_break_nothing() -> None:
    """The latest offset, twice, and a fetch."""

    async def scenario(s: Simulation) -> None:
        await produced(s)
        for _ in range(2):
            await s.cluster.client().list_offsets("t", 0, -1)
            await s.cluster.client().fetch("t", 0, 0)

    assert broken(scenario) is None


def test_latest_offset_below_an_earlier_answer_breaks_r8() -> None:
    """Who was told an offset may rely on it."""

    async def scenario(s: Simulation) -> None:
        partition = await produced(s)
        s.invariants.ghost.partition(partition.log).latest[0] = 9
        await s.cluster.client().list_offsets("t", 0, -1)

    assert broken(scenario) == "R8"


def test_latest_offset_before_the_watermark_has_reached_the_epoch_breaks_r8() -> None:
    """A new leader does not know yet what was committed before it (KIP-207)."""

    async def scenario(s: Simulation) -> None:
        partition = await produced(s)
        assert partition.leader is not None

        def begin_later(answer: Answer) -> None:
            if answer.api_key == ApiKey.LIST_OFFSETS:
                assert partition.leader is not None
                partition.leader.leader_epoch_start_offset = 5

        before_answers(s, begin_later)
        await s.cluster.client().list_offsets("t", 0, -1)

    assert broken(scenario) == "R8"


@pytest.mark.parametrize("field", ["current_leader_epoch", "last_fetched_epoch"])
def test_records_for_a_follower_of_another_history_break_r16(field: str) -> None:
    """It is sent records only in its own epoch, behind a log like the leader's."""

    async def scenario(s: Simulation) -> None:
        await produced(s)

        def pretend(event: object) -> None:
            for asked in s.invariants.ghost.asked.values():
                for partition in asked.partitions.values():
                    assert isinstance(partition, FetchPartition)
                    setattr(partition, field, 7)

        s.invariants.hooks["appended"].insert(0, ("none", pretend))  # type: ignore[arg-type]
        await s.cluster.client().produce("t", 0, [b"y"])
        await s.sleep(2)

    assert broken(scenario) == "R16"


def test_answer_of_a_leader_that_its_metadata_has_deposed_breaks_w3() -> None:
    """What is applied is obeyed."""

    async def scenario(s: Simulation) -> None:
        partition = await produced(s)
        assert partition.leader is not None
        partition.leader.leader_epoch += 1
        await s.cluster.client().fetch("t", 0, 0)

    assert broken(scenario) == "W3"
