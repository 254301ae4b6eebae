"""ListPartitionReassignments: what moves, and nothing else."""

from __future__ import annotations

from typing import Any

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code


async def moving() -> BrokerStub:
    """Return a broker of a cluster in which t-1 of three partitions moves from 1 to 3."""
    stub = BrokerStub()
    await stub.create("t", [[1], [1], [1]])
    target = {"partition_index": 1, "replicas": [3]}
    await stub.ask(45, 0, topics=[{"name": "t", "partitions": [target]}], timeout=1000)
    return stub


def listed(answer: Any) -> list[tuple[str, int]]:
    """Return the partitions named."""
    assert code(answer) is ErrorCode.NONE
    return [(t.name, each.partition_index) for t in answer.topics for each in t.partitions]


async def test_all_that_moves_is_listed() -> None:
    """With the replicas as they are now, and who comes and goes."""
    stub = await moving()
    answer = await stub.ask(46, 0, topics=None, timeout=1000)
    stub.close()
    assert listed(answer) == [("t", 1)]
    found = answer.topics[0].partitions[0]
    assert (found.replicas, found.adding_replicas, found.removing_replicas) == (
        (3, 1),
        (3,),
        (1,),
    )


async def test_only_what_was_asked_for_is_listed() -> None:
    """Nothing asked, nothing told; unknown ones are passed over, and no timeout is too short."""
    stub = await moving()
    wanted = [{"name": "t", "partition_indexes": [0, 1, 7]}, {"name": "no"}]
    some = await stub.ask(46, 0, topics=wanted, timeout=1000)
    none = await stub.ask(46, 0, topics=[], timeout=0)
    late = await stub.ask(46, 0, topics=None, timeout=0)
    stub.close()
    assert listed(some) == [("t", 1)]
    assert listed(none) == []
    assert listed(late) == [("t", 1)]
