"""A trial's own members of share groups."""

from __future__ import annotations

from typing import Any

from minikafka.trials.group_workload import Groups
from minikafka.trials.invariants import Answer
from minikafka.trials.profiles import SHARE_CONFIG, GroupPlan
from minikafka.trials.run import run
from minikafka.trials.simulation import Simulation
from minikafka.wire.versions import ApiKey

CONFIG = {"offsets.topic.num.partitions": 1, **SHARE_CONFIG}
PLAN = GroupPlan("g0", 2, "uniform", False, False, 3_000, "share")


async def produce(simulation: Simulation, count: int) -> None:
    """Write some records into each partition."""
    for number in range(count):
        await simulation.cluster.client().produce("t", number % 3, [b"%d" % number])


def test_members_are_given_everything_and_say_what_becomes_of_it() -> None:
    """Also what was there before the group; and after one of them was killed, and a leader."""
    kinds: dict[int, None] = {}

    def hear(answer: Answer) -> None:
        if answer.api_key in (ApiKey.SHARE_FETCH, ApiKey.SHARE_ACKNOWLEDGE):
            request: Any = answer.request
            for topic in request.topics:
                for each in topic.partitions:
                    for batch in each.acknowledgement_batches:
                        kinds.update(dict.fromkeys(batch.acknowledge_types))

    async def scenario(simulation: Simulation) -> None:
        simulation.invariants.on_answer.append(hear)
        await produce(simulation, 30)
        groups = Groups(simulation, {"t": 3}, (PLAN,), simulation.now + 25)
        groups.start()
        await simulation.sleep(8)
        simulation.host("member-g0-0").crash()
        await produce(simulation, 30)
        simulation.host("member-g0-0").restart()
        leader = simulation.cluster.leader("t", 0)
        assert leader is not None
        simulation.broker(leader).crash()
        await simulation.sleep(5)
        simulation.broker(leader).restart()
        await simulation.sleep(12)
        await groups.settled(60)
        groups.stop()

    result = run(scenario, seed=1, topics={"t": 3}, config=CONFIG, keep_trace=False)
    assert result.error is None, result.text()
    assert sorted(kinds) == [1, 2, 3]


def test_group_that_has_not_done_all_is_not_settled() -> None:
    """L10: what nobody acknowledges is left."""

    async def scenario(simulation: Simulation) -> str | None:
        await produce(simulation, 3)
        groups = Groups(simulation, {"t": 3}, (PLAN,), 0)
        groups.start()
        await groups.settled(60)
        for number in range(2):
            simulation.host(f"member-g0-{number}").pause(5)
        await produce(simulation, 3)
        await simulation.sleep(1)
        missing = groups.unmet()
        groups.stop()
        return missing

    result = run(scenario, seed=1, topics={"t": 3}, config=CONFIG, keep_trace=False)
    assert result.error is None, result.text()
    assert "1 records are left" in (result.value or "")
