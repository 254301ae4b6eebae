"""Every kind of fault happens, and is taken back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import aiokafka  # noqa: F401 - clients are plugged where they are loaded before the run
import pytest

from minikafka.trials import chaos_groups
from minikafka.trials.chaos import ALL_KINDS, KINDS
from minikafka.trials.chaos_groups import GROUP_KINDS
from minikafka.trials.chaos_transactions import TRANSACTION_KINDS
from minikafka.trials.group_workload import Groups
from minikafka.trials.profiles import APPLIED, LEDGER, GroupPlan, TransactionPlan
from minikafka.trials.run import run
from minikafka.trials.simulation import Simulation
from minikafka.trials.transaction_workload import Transactions

pytestmark = pytest.mark.usefixtures("buried")

CONFIG = {
    "broker.session.timeout.ms": 2_000,
    "replica.lag.time.max.ms": 2_000,
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.num.partitions": 1,
}
PLAN = TransactionPlan(writers=1, own_writers=1, appliers=1, partitions=1)
GROUP = (GroupPlan("g0", 2, "range", by_hand=True, static=False, rebalance_ms=3_000),)


@pytest.mark.filterwarnings("ignore:Unclosed AIOKafka:ResourceWarning")
@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.__name__)
def test_cluster_is_whole_again_after_it(kind: Callable[..., Any]) -> None:
    """Twelve seconds of one kind of fault, and all replicas are in sync again."""

    async def scenario(simulation: Simulation) -> int:
        await simulation.cluster.client().produce("t", 0, [b"x"])
        groups = Groups(simulation, {"t": 2}, GROUP if kind in GROUP_KINDS else (), 12)
        groups.start()
        plan = PLAN if kind in TRANSACTION_KINDS else None
        transactions = Transactions(simulation, {"t": 2}, plan, 12)
        transactions.start()
        await simulation.chaos(kind, every=(0.5, 1.5), until=12)
        await groups.settled(60)
        groups.stop()
        await transactions.settled(60)
        await transactions.stop()
        assert transactions.wrong() is None
        await simulation.converged()
        assert all(broker.up for broker in simulation.brokers)
        return simulation.faults

    topics = {"t": 2, LEDGER: 1, APPLIED: 1} if kind in TRANSACTION_KINDS else {"t": 2}
    result = run(scenario, seed=1, topics=topics, config=CONFIG, keep_trace=False)
    assert result.error is None, result.text()
    # Those that aim come one at a time, or need a leader that is well.
    assert result.value >= (3 if kind in ALL_KINDS else 1)


def test_no_more_brokers_are_down_at_once_than_may_be() -> None:
    """Kills wait for who is down to come back."""
    down: list[int] = []

    async def scenario(simulation: Simulation) -> None:
        from minikafka.trials.chaos import kill

        def count() -> None:
            down.append(sum(not other.up for other in simulation.brokers))

        for broker in simulation.brokers:
            broker.host.on_crash.append(count)
        await simulation.chaos(kill, every=(0.1, 0.3), until=20)

    assert run(scenario, seed=2, config=CONFIG, keep_trace=False).error is None
    assert set(down) == {1}


def test_mute_leader_asks_again_while_no_broker_knows_the_topic() -> None:
    """Brokers that have all begun anew know nothing before they have a controller."""

    async def scenario(simulation: Simulation) -> bool:
        mute = asyncio.ensure_future(chaos_groups._lead_mutely(simulation, ()))
        await simulation.sleep(5.0)
        waits = not mute.done()
        mute.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await mute
        return waits

    result = run(scenario, seed=1, brokers=1, config=CONFIG, keep_trace=False)
    assert result.error is None, result.text()
    assert result.value
