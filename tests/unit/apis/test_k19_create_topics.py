"""CreateTopics: from the request to the controller and back."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code

TIMEOUT_MS = 1000


def topic(name: str, partitions: int = 2, factor: int = 3, **more: Any) -> dict[str, Any]:
    """Return a topic of a request."""
    return {"name": name, "num_partitions": partitions, "replication_factor": factor, **more}


async def create(stub: BrokerStub, version: int, *topics: dict[str, Any], **more: Any) -> Any:
    """Return the topics of the answer."""
    answer = await stub.ask(19, version, topics=topics, **{"timeout": TIMEOUT_MS, **more})
    stub.close()
    return answer.topics


async def test_new_topic_is_described_in_the_answer() -> None:
    """Id, counts and all configs come back, each config with a source that Java knows."""
    stub = BrokerStub()
    configs = [{"name": "retention.ms", "value": "1000"}]
    (created,) = await create(stub, 7, topic("t", configs=configs))
    assert code(created) == ErrorCode.NONE
    assert created.topic_id == stub.image.topics["t"].topic_id
    assert (created.num_partitions, created.replication_factor) == (2, 3)
    entries = {each.name: each for each in created.configs}
    assert (entries["retention.ms"].value, entries["retention.ms"].config_source) == ("1000", 1)
    assert entries["cleanup.policy"].config_source == 5
    assert min(each.config_source for each in created.configs) > 0


async def test_refused_topic_spoils_no_other() -> None:
    """Each topic has its own error; configs of a refused one are empty, never null (trap 6)."""
    stub = BrokerStub()
    answers = await create(stub, 5, topic("a b"), topic("t"), topic("u", factor=4))
    codes = {each.name: code(each) for each in answers}
    assert codes == {
        "a b": ErrorCode.INVALID_TOPIC_EXCEPTION,
        "t": ErrorCode.NONE,
        "u": ErrorCode.INVALID_REPLICATION_FACTOR,
    }
    assert sorted(stub.image.topics) == ["t"]
    assert [each.configs for each in answers if each.name != "t"] == [(), ()]


async def test_bad_config_is_refused_also_when_only_validating() -> None:
    """INVALID_CONFIG comes with validate_only as well (trap 11)."""
    bad = topic("t", configs=[{"name": "nope", "value": "1"}])
    (refused,) = await create(BrokerStub(), 7, bad, validate_only=True)
    assert code(refused) == ErrorCode.INVALID_CONFIG


async def test_validating_creates_nothing() -> None:
    """A good topic is answered as if created, and is not."""
    stub = BrokerStub()
    (valid,) = await create(stub, 7, topic("t"), validate_only=True)
    assert (code(valid), valid.num_partitions) == (ErrorCode.NONE, 2)
    assert stub.image.topics == {}


async def test_assignment_of_replicas_is_honoured() -> None:
    """A manual assignment decides on partitions and replicas."""
    stub = BrokerStub()
    manual = [
        {"partition_index": 1, "broker_ids": [3]},
        {"partition_index": 0, "broker_ids": [2]},
    ]
    await create(stub, 2, topic("t", -1, -1, assignments=manual))
    assert [each.replicas for each in stub.image.topics["t"].partitions] == [(2,), (3,)]


@pytest.mark.parametrize("timeout_ms", [0, -1])
async def test_time_that_is_up_creates_nothing(timeout_ms: int) -> None:
    """A timeout that is not positive has passed before the controller looks."""
    stub = BrokerStub()
    answers = await create(stub, 7, topic("t"), topic("t"), timeout=timeout_ms)
    assert [(each.name, code(each)) for each in answers] == [("t", ErrorCode.REQUEST_TIMED_OUT)]
    assert stub.image.topics == {}


async def test_other_broker_forwards_to_the_controller() -> None:
    """Clients may ask any broker; the controller's answer is theirs."""
    stub = BrokerStub(controller_id=2)
    (created,) = await create(stub, 7, topic("t"))
    assert (code(created), stub.forwarded) == (ErrorCode.NONE, [19])
