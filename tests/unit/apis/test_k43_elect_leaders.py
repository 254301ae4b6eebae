"""ElectLeaders: who leads is asked for, each partition on its own."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code

PREFERRED = 0
UNCLEAN = 1


async def elect(
    stub: BrokerStub, *names: tuple[str, list[int]], version: int = 2, **more: Any
) -> Any:
    """Return the answer; without topics all are meant."""
    shape: dict[str, Any] = {
        "topic_partitions": [{"topic": t, "partitions": p} for t, p in names] or None,
        "timeout": 1000,
        **({"election_type": PREFERRED} if version else {}),
        **more,
    }
    answer = await stub.ask(43, version, **shape)
    stub.close()
    return answer


def codes(answer: Any) -> dict[str, list[tuple[int, ErrorCode]]]:
    """Return partitions and their error codes by topic."""
    return {
        topic.topic: [(each.partition_id, code(each)) for each in topic.partition_result]
        for topic in answer.replica_election_results
    }


async def moved() -> BrokerStub:
    """Return a broker with a topic whose second partition has lost its last in-sync replica."""
    stub = BrokerStub()
    await stub.create("a", [[1, 2]])
    await stub.create("b", [[1], [3], [2]])
    stub.fence(3)
    return stub


@pytest.mark.parametrize("version", [0, 1, 2])
async def test_partitions_are_refused_each_on_its_own(version: int) -> None:
    """Led as asked, no leader that may lead, no such partition, no such topic."""
    answer = await elect(await moved(), ("b", [0, 1, 9]), ("nope", [0]), version=version)
    assert codes(answer) == {
        "b": [
            (0, ErrorCode.ELECTION_NOT_NEEDED),
            (1, ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE),
            (9, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ],
        "nope": [(0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)],
    }


async def test_all_topics_are_named_and_only_the_elections_needed() -> None:
    """Null topics mean all partitions."""
    answer = await elect(await moved())
    assert codes(answer) == {"a": [], "b": [(1, ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE)]}


async def test_unclean_election_takes_any_live_replica() -> None:
    """Where the last in-sync replica is gone (KIP-460)."""
    stub = BrokerStub()
    await stub.create("t", [[2, 1]])
    stub.fence(1)
    stub.fence(2)
    stub.heartbeat(1, stub.image.brokers[1].broker_epoch)
    answer = await elect(stub, ("t", [0]), election_type=UNCLEAN)
    assert codes(answer) == {"t": [(0, ErrorCode.NONE)]}
    state = stub.image.topics["t"].partitions[0]
    assert (state.leader, state.isr, state.recovering) == (1, (1,), True)


@pytest.mark.parametrize(
    ("more", "want"),
    [
        ({"timeout": 0}, ErrorCode.REQUEST_TIMED_OUT),
        ({"election_type": 7}, ErrorCode.INVALID_REQUEST),
    ],
)
async def test_whole_request_is_refused_for_every_partition(
    more: dict[str, Any], want: ErrorCode
) -> None:
    """Each partition that was named hears of it."""
    answer = await elect(await moved(), ("a", [0]), ("b", [0, 1]), **more)
    assert code(answer) == want
    assert codes(answer) == {"a": [(0, want)], "b": [(0, want), (1, want)]}
