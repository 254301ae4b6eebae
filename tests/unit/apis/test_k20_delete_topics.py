"""DeleteTopics: by name, by id, and what is refused."""

from __future__ import annotations

import uuid

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code

TIMEOUT_MS = 1000
ABSENT_ID = uuid.UUID(int=77)


async def stub_with_topics(**config: str) -> BrokerStub:
    """Return a broker that knows the topics `a` and `b`."""
    stub = BrokerStub(config={key.replace("_", "."): value for key, value in config.items()})
    await stub.create("a", [[1]])
    await stub.create("b", [[1]])
    return stub


@pytest.mark.parametrize("version", [1, 3, 5])
async def test_names_are_deleted_each_on_its_own(version: int) -> None:
    """A known name goes, an unknown one is reported, one named twice stays."""
    stub = await stub_with_topics()
    answer = await stub.ask(
        20, version, topic_names=["a", "nope", "b", "b"], timeout=TIMEOUT_MS
    )
    stub.close()
    assert {each.name: code(each) for each in answer.responses} == {
        "a": ErrorCode.NONE,
        "nope": ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        "b": ErrorCode.INVALID_REQUEST,
    }
    assert sorted(stub.image.topics) == ["b"]


async def test_ids_are_deleted_and_unknown_ones_reported() -> None:
    """From version 6 on a topic is named by name or by id, never by both or neither."""
    stub = await stub_with_topics()
    asked = [
        {"name": None, "topic_id": stub.image.topics["a"].topic_id},
        {"name": None, "topic_id": ABSENT_ID},
        {"name": "b", "topic_id": ABSENT_ID},
        {"name": None},
    ]
    answer = await stub.ask(20, 6, topics=asked, timeout=TIMEOUT_MS)
    stub.close()
    assert [(each.name, code(each)) for each in answer.responses] == [
        ("a", ErrorCode.NONE),
        (None, ErrorCode.UNKNOWN_TOPIC_ID),
        ("b", ErrorCode.INVALID_REQUEST),
        (None, ErrorCode.INVALID_REQUEST),
    ]
    assert stub.replicas.partition(("a", 0)) is None


@pytest.mark.parametrize(
    ("version", "want"),
    [(2, ErrorCode.INVALID_REQUEST), (3, ErrorCode.TOPIC_DELETION_DISABLED)],
)
async def test_deletion_can_be_switched_off(version: int, want: ErrorCode) -> None:
    """With delete.topic.enable=false nothing goes, said in words the version has (KIP-322)."""
    stub = await stub_with_topics(delete_topic_enable="false")
    answer = await stub.ask(20, version, topic_names=["a"], timeout=TIMEOUT_MS)
    stub.close()
    assert [code(each) for each in answer.responses] == [want]
    assert "a" in stub.image.topics


async def test_time_that_is_up_deletes_nothing() -> None:
    """A timeout of 0 refuses every topic without a text."""
    stub = await stub_with_topics()
    answer = await stub.ask(20, 6, topics=[{"name": "a"}, {"name": "b"}], timeout=0)
    stub.close()
    assert [(each.name, code(each), each.error_message) for each in answer.responses] == [
        ("a", ErrorCode.REQUEST_TIMED_OUT, None),
        ("b", ErrorCode.REQUEST_TIMED_OUT, None),
    ]
    assert sorted(stub.image.topics) == ["a", "b"]
