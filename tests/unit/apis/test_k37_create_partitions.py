"""CreatePartitions: more partitions, each topic on its own."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code


async def grow(
    stub: BrokerStub, *topics: dict[str, object], version: int = 3, **more: object
) -> dict[str, ErrorCode]:
    """Return the error code of each topic."""
    answer = await stub.ask(37, version, topics=topics, **{"timeout": 1000, **more})
    stub.close()
    return {each.name: code(each) for each in answer.results}


@pytest.mark.parametrize("version", [0, 3])
async def test_topic_grows_to_the_count(version: int) -> None:
    """`count` is how many there are afterwards; unknown and unchanged topics are refused."""
    stub = BrokerStub()
    await stub.create("t", [[1, 2]])
    await stub.create("same", [[1]])
    codes = await grow(
        stub,
        {"name": "t", "count": 3, "assignments": None},
        {"name": "same", "count": 1, "assignments": None},
        {"name": "nope", "count": 3, "assignments": None},
        version=version,
    )
    assert codes == {
        "t": ErrorCode.NONE,
        "same": ErrorCode.INVALID_PARTITIONS,
        "nope": ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    }
    assert len(stub.image.topics["t"].partitions) == 3


async def test_assignment_places_the_new_partitions_only() -> None:
    """The list of replicas is for the partitions to come."""
    stub = BrokerStub()
    await stub.create("t", [[1, 2]])
    await grow(stub, {"name": "t", "count": 2, "assignments": [{"broker_ids": [3, 1]}]})
    assert [each.replicas for each in stub.image.topics["t"].partitions] == [(1, 2), (3, 1)]


async def test_empty_assignment_is_not_a_missing_one() -> None:
    """Null lets the controller choose, an empty list assigns nothing and is refused."""
    stub = BrokerStub()
    await stub.create("t", [[1, 2]])
    codes = await grow(stub, {"name": "t", "count": 2, "assignments": []})
    assert codes == {"t": ErrorCode.INVALID_REPLICA_ASSIGNMENT}


@pytest.mark.parametrize(
    ("more", "want"),
    [({"validate_only": True}, ErrorCode.NONE), ({"timeout": 0}, ErrorCode.REQUEST_TIMED_OUT)],
)
async def test_nothing_grows_when_only_asked_or_too_late(
    more: dict[str, object], want: ErrorCode
) -> None:
    """Validation and a timeout that is up leave the topic as it was."""
    stub = BrokerStub()
    await stub.create("t", [[1, 2]])
    topic = {"name": "t", "count": 2, "assignments": None}
    assert await grow(stub, topic, **more) == {"t": want}
    assert len(stub.image.topics["t"].partitions) == 1
