"""Each rule of responses, shown one that breaks it."""

from __future__ import annotations

from minikafka.trials.ghost import GhostPartition
from minikafka.trials.invariants import Answer
from minikafka.trials.simulation import Simulation
from minikafka.wire.versions import ApiKey
from tests.support.rule_runs import broken


def ghost(simulation: Simulation) -> GhostPartition:
    """Return what the run knows of the one partition."""
    ghosts = simulation.invariants.ghost.partitions.values()
    return next(partition for partition in ghosts if partition.name == "t-0")


async def produced(simulation: Simulation) -> int:
    """Produce a record, let all have it, and return the leader."""
    await simulation.cluster.client().produce("t", 0, [b"x"])
    await simulation.sleep(2)
    leader = simulation.cluster.leader("t", 0)
    assert leader is not None
    return leader


def test_sound_answers_break_nothing() -> None:
    """A produce and two fetches."""

    async def scenario(s: Simulation) -> None:
        await produced(s)
        for _ in range(2):
            await s.cluster.client().fetch("t", 0, 0)

    assert broken(scenario) is None


def test_acknowledged_record_that_a_member_lacks_breaks_r11() -> None:
    """acks=all is a word about every in-sync replica."""

    async def scenario(s: Simulation) -> None:
        leader = await produced(s)
        follower = next(broker for broker in (1, 2, 3) if broker != leader)

        def forget(answer: Answer) -> None:
            if answer.api_key == ApiKey.PRODUCE:
                ghost(s).chains[follower].cut(0)

        s.invariants.hooks["answered"].insert(0, ("none", forget))
        await s.cluster.client().produce("t", 0, [b"y"])

    assert broken(scenario) == "R11"


def test_read_above_the_watermark_breaks_r16() -> None:
    """A consumer's answer ends at the watermark of whoever sends it."""

    async def scenario(s: Simulation) -> None:
        leader = await produced(s)
        log = ghost(s).chains[leader].log
        s.invariants.hooks["answered"].insert(
            0, ("none", lambda answer: setattr(log, "high_watermark", 0))
        )
        await s.cluster.client().fetch("t", 0, 0)

    assert broken(scenario) == "R16"


def test_consumer_sent_to_a_replica_out_of_sync_breaks_r16() -> None:
    """It might read there for ever what is behind."""

    async def scenario(s: Simulation) -> None:
        await produced(s)

        def send_elsewhere(answer: Answer) -> None:
            if answer.api_key == ApiKey.FETCH and not answer.from_broker:
                answer.response.topics[0].partitions[0].preferred_read_replica = 9

        s.invariants.hooks["answered"].insert(0, ("none", send_elsewhere))
        await s.cluster.client().fetch("t", 0, 0)

    assert broken(scenario) == "R16"


def test_another_record_than_was_seen_before_breaks_r19() -> None:
    """What was exposed at an offset stays there."""

    async def scenario(s: Simulation) -> None:
        await produced(s)
        await s.cluster.client().fetch("t", 0, 0)
        ghost(s).exposed[0] += 1
        await s.cluster.client().fetch("t", 0, 0)

    assert broken(scenario) == "R19"
