"""A trial's own members of the consumer protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from minikafka.trials.group_workload import Groups
from minikafka.trials.invariants import Answer
from minikafka.trials.profiles import CONSUMER_TIMES, GroupPlan
from minikafka.trials.run import run
from minikafka.trials.simulation import Simulation
from minikafka.wire.versions import ApiKey

CONFIG = {"offsets.topic.num.partitions": 1, **CONSUMER_TIMES}
RECORDS = 12


def plan(members: int, *, static: bool = False) -> GroupPlan:
    """Return a group of so many members."""
    return GroupPlan("g0", members, "uniform", True, static, 3_000, "consumer")


async def produce(simulation: Simulation) -> None:
    """Write some records into each partition."""
    for number in range(RECORDS):
        await simulation.cluster.client().produce("t", number % 3, [b"%d" % number])


@pytest.mark.parametrize("static", [False, True])
def test_members_share_all_partitions_and_commit_what_they_read(static: bool) -> None:
    """Also the second time, after one of them was killed."""

    async def scenario(simulation: Simulation) -> Groups:
        await produce(simulation)
        groups = Groups(simulation, {"t": 3}, (plan(2, static=static),), 0)
        groups.start()
        await groups.settled(60)
        host = simulation.host("member-g0-0")
        host.crash()
        await produce(simulation)
        host.restart()
        await groups.settled(60)
        groups.stop()
        return groups

    result = run(scenario, seed=1, topics={"t": 3}, config=CONFIG, keep_trace=False)
    assert result.error is None, result.text()
    values = {value for _, _, value in result.value.processed["g0"]}
    assert values == {b"%d" % number for number in range(RECORDS)}


def _heartbeats(act: Callable[[Simulation, Groups], Any]) -> list[tuple[int, Any, Any]]:
    """Return epoch, owned and told of each answered heartbeat of two members."""
    seen: list[tuple[int, Any, Any]] = []

    async def scenario(simulation: Simulation) -> None:
        def hear(answer: Answer) -> None:
            if answer.api_key == ApiKey.CONSUMER_GROUP_HEARTBEAT:
                request = answer.request
                code = int(answer.response.get("error_code", 0))
                seen.append((request.member_epoch, request.topic_partitions, code))

        simulation.invariants.on_answer.append(hear)
        groups = Groups(simulation, {"t": 3}, (plan(2),), 0)
        groups.start()
        await groups.settled(60)
        await simulation.sleep(3)  # until all is said
        seen.clear()
        await act(simulation, groups)
        await groups.settled(60)
        groups.stop()

    result = run(scenario, seed=1, topics={"t": 3}, config=CONFIG, keep_trace=False)
    assert result.error is None, result.text()
    return seen


def test_member_says_what_has_changed_and_no_more() -> None:
    """A group at rest sends empty heartbeats."""

    async def act(simulation: Simulation, groups: Groups) -> None:
        await simulation.sleep(5)

    seen = _heartbeats(act)
    assert len(seen) >= 6
    assert [(owned, code) for _, owned, code in seen] == [(None, 0)] * len(seen)


def test_member_that_is_put_out_joins_anew_with_nothing() -> None:
    """With epoch 0, as the coordinator does not know it any more."""

    async def act(simulation: Simulation, groups: Groups) -> None:
        simulation.host("member-g0-0").pause(8)
        await simulation.sleep(9)

    seen = _heartbeats(act)
    refused = next(at for at, (_, _, code) in enumerate(seen) if code == 25)
    assert seen[refused][0] > 0
    assert (0, (), 0) in [(epoch, tuple(owned or ()), code) for epoch, owned, code in seen]


def test_member_tells_a_new_coordinator_all() -> None:
    """It does not know what the former one has heard."""

    async def act(simulation: Simulation, groups: Groups) -> None:
        leader = simulation.cluster.leader("__consumer_offsets", 0)
        assert leader is not None
        simulation.broker(leader).crash()
        await simulation.until(
            lambda: simulation.cluster.leader("__consumer_offsets", 0) not in (None, leader)
        )
        await simulation.sleep(6)
        simulation.broker(leader).restart()

    seen = _heartbeats(act)
    full = [owned for epoch, owned, code in seen if epoch > 0 and owned and not code]
    assert full
