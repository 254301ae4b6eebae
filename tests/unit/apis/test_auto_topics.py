"""Topics that come into being because someone asked for them."""

from __future__ import annotations

from typing import cast

import pytest

from minikafka.apis.auto_topics import creatable_topic, create_missing
from minikafka.base.config import BrokerConfig
from minikafka.broker.broker import Broker
from minikafka.broker.context import RequestContext
from tests.support.broker_stub import BrokerStub


def context_of(stub: BrokerStub) -> RequestContext:
    """Return the context of a Metadata request."""
    return RequestContext(cast("Broker", stub), 12, "client", 1, 0)


@pytest.mark.parametrize(("controller_id", "forwarded"), [(1, []), (2, [19])])
async def test_any_broker_has_topics_created_by_the_controller(
    controller_id: int, forwarded: list[int]
) -> None:
    """The controller decides itself, every other broker asks it; defaults are the broker's."""
    config = {"num.partitions": 4, "default.replication.factor": 2}
    stub = BrokerStub(config=dict(config), controller_id=controller_id)
    await create_missing(["t", "u"], context_of(stub))
    stub.close()
    assert stub.forwarded == forwarded
    assert sorted(stub.image.topics) == ["t", "u"]
    partitions = stub.image.topics["t"].partitions
    assert [len(each.replicas) for each in partitions] == [2] * 4


@pytest.mark.parametrize(
    "config",
    [{"default.replication.factor": 3}, {"request.timeout.ms": 0}],
    ids=["topic refused", "request refused"],
)
async def test_refusal_is_swallowed(config: dict[str, int]) -> None:
    """Too few brokers, or no answer in time: nothing is raised, and nothing made."""
    stub = BrokerStub(brokers=(1,), config=dict(config))
    await create_missing(["t"], context_of(stub))
    assert stub.image.topics == {}
    stub.close()


@pytest.mark.parametrize(
    ("name", "partitions", "factor", "policy"),
    [
        ("__consumer_offsets", 50, 3, "compact"),
        ("__transaction_state", 50, 3, "compact"),
        ("t", 1, 1, None),
    ],
)
def test_kafkas_own_topics_have_their_own_shape(
    name: str, partitions: int, factor: int, policy: str | None
) -> None:
    """Internal topics are compacted and sized by configs of their own."""
    topic = creatable_topic(name, BrokerConfig.parse(1), 5)
    configs = {each["name"]: each["value"] for each in topic["configs"]}
    assert (topic["num_partitions"], topic["replication_factor"]) == (partitions, factor)
    assert configs.get("cleanup.policy") == policy
