"""A trial's consumer with a rack."""

from __future__ import annotations

from typing import Any

from minikafka.replication.selector import RACK_AWARE
from minikafka.trials.invariants import Answer
from minikafka.trials.rack_reader import read_by_rack
from minikafka.trials.run import run
from minikafka.trials.simulation import Simulation
from minikafka.wire.versions import ApiKey


def test_reader_is_served_by_the_broker_of_its_rack() -> None:
    """Whoever leads, sooner or later records come from there."""
    served: list[int] = []

    async def scenario(simulation: Simulation) -> None:
        def hear(answer: Answer) -> None:
            if answer.api_key == ApiKey.FETCH and not answer.from_broker:
                told: Any = answer.response.topics[0].partitions[0]
                if told.batches:
                    served.append(answer.broker.node_id)

        simulation.invariants.on_answer.append(hear)
        work = read_by_rack(simulation, [("t", 0), ("t", 1), ("t", 2)], "b")
        task = simulation.host("rack-b").spawn(work, name="rack-b")
        for partition in (0, 1, 2):
            await simulation.cluster.client().produce("t", partition, [b"x"])
        await simulation.sleep(20)
        task.cancel()

    result = run(
        scenario,
        seed=1,
        topics={"t": 3},
        config={"replica.selector.class": RACK_AWARE},
        racks=("a", "b", "c"),
        keep_trace=False,
    )
    assert result.error is None, result.text()
    assert served.count(2) >= 3
