"""AlterPartitionReassignments: partitions begin to move, each on its own."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code


def move(name: str, *targets: list[int] | None) -> dict[str, Any]:
    """Return one topic of a request; the targets are those of its partitions in order."""
    partitions = [
        {"partition_index": index, "replicas": target} for index, target in enumerate(targets)
    ]
    return {"name": name, "partitions": partitions}


async def ask(stub: BrokerStub, version: int, *topics: dict[str, Any], **more: Any) -> Any:
    """Return the answer."""
    if version >= 1:
        more.setdefault("allow_replication_factor_change", True)
    answer = await stub.ask(45, version, topics=topics, **{"timeout": 1000, **more})
    stub.close()
    return answer


@pytest.mark.parametrize("version", [0, 1])
async def test_partitions_are_answered_in_the_order_of_the_request(version: int) -> None:
    """Good and bad stand side by side, and the request as a whole is fine."""
    stub = BrokerStub()
    await stub.create("t", [[1, 2], [1, 2]])
    answer = await ask(stub, version, move("t", [3, 1], [9]), move("no", [1]), move("t", None))
    assert code(answer) is ErrorCode.NONE
    assert [
        (topic.name, [code(each) for each in topic.partitions]) for topic in answer.responses
    ] == [
        ("t", [ErrorCode.NONE, ErrorCode.INVALID_REPLICA_ASSIGNMENT]),
        ("no", [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]),
        ("t", [ErrorCode.NONE]),
    ]
    # The last one gave up what the first one had begun.
    assert stub.image.topics["t"].partitions[0].replicas == (1, 2)


async def test_factor_may_be_held() -> None:
    """Version 1 can say that the number of replicas is to stay (KIP-860)."""
    stub = BrokerStub()
    await stub.create("t", [[1, 2]])
    answer = await ask(stub, 1, move("t", [1]), allow_replication_factor_change=False)
    assert answer.allow_replication_factor_change is False
    assert code(answer.responses[0].partitions[0]) is ErrorCode.INVALID_REPLICATION_FACTOR


async def test_timeout_that_is_up_refuses_the_whole() -> None:
    """The error stands at the top and at each partition."""
    stub = BrokerStub()
    await stub.create("t", [[1, 2]])
    answer = await ask(stub, 0, move("t", [3]), timeout=0)
    assert code(answer) is ErrorCode.REQUEST_TIMED_OUT
    assert code(answer.responses[0].partitions[0]) is ErrorCode.REQUEST_TIMED_OUT
    assert stub.image.topics["t"].partitions[0].replicas == (1, 2)
