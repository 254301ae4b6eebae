"""DescribeConfigs: values, where they come from, and whose configs may be asked for."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code
from tests.support.consumer_stub import join
from tests.support.group_stub import coordinating

TOPIC, BROKER, LOGGER, METRICS, GROUP = 2, 4, 8, 16, 32
TOPIC_SOURCE, STATIC_SOURCE, DEFAULT_SOURCE = 1, 4, 5


async def describe(
    stub: BrokerStub,
    *resources: tuple[int, str, list[str] | None],
    version: int = 4,
    **more: bool,
) -> Any:
    """Return the results for (type, name, keys)."""
    asked = [
        {"resource_type": kind, "resource_name": name, "configuration_keys": keys}
        for kind, name, keys in resources
    ]
    answer = await stub.ask(32, version, resources=asked, **more)
    stub.close()
    return answer.results


async def test_topic_shows_its_own_values_over_the_brokers() -> None:
    """Only the named keys come, each with its source and what stands behind it."""
    stub = BrokerStub(config={"log.retention.ms": 5000})
    await stub.create("t", [[1]], retention_ms="1000")
    keys = ["retention.ms", "nope"]
    (result,) = await describe(stub, (TOPIC, "t", keys), include_synonyms=True)
    assert (code(result), result.error_message) == (ErrorCode.NONE, "")
    (entry,) = result.configs
    assert (entry.name, entry.value, entry.config_source) == (
        "retention.ms",
        "1000",
        TOPIC_SOURCE,
    )
    assert [(s.name, s.value, s.source) for s in entry.synonyms] == [
        ("retention.ms", "1000", TOPIC_SOURCE),
        ("log.retention.ms", "5000", STATIC_SOURCE),
        ("log.retention.hours", "168", DEFAULT_SOURCE),
    ]


@pytest.mark.parametrize("keys", [None, []])
async def test_no_keys_means_all_of_them(keys: list[str] | None) -> None:
    """Null and an empty list of keys ask for every config, without synonyms unless asked."""
    stub = BrokerStub()
    await stub.create("t", [[1]])
    (result,) = await describe(stub, (TOPIC, "t", keys), version=1)
    assert len(result.configs) == 33
    assert {entry.synonyms for entry in result.configs} == {()}


async def test_broker_describes_itself() -> None:
    """What was given to this broker stands there as static, as tools look for it (trap 14)."""
    given = {"advertised.listeners": "PLAINTEXT://h:1", "num.partitions": 3}
    stub = BrokerStub(config=dict(given))
    (result,) = await describe(stub, (BROKER, "1", None))
    entries = {entry.name: entry for entry in result.configs}
    for name, value in (*given.items(), ("broker.id", 1)):
        assert (entries[name].value, entries[name].config_source) == (str(value), STATIC_SOURCE)
    assert entries["default.replication.factor"].config_source == DEFAULT_SOURCE


@pytest.mark.parametrize(
    ("kind", "name", "want"),
    [
        (TOPIC, "nope", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (TOPIC, "a b", ErrorCode.INVALID_TOPIC_EXCEPTION),
        (BROKER, "2", ErrorCode.INVALID_REQUEST),
        (BROKER, "x", ErrorCode.INVALID_REQUEST),
        (LOGGER, "", ErrorCode.INVALID_REQUEST),
        (METRICS, "", ErrorCode.INVALID_REQUEST),
        (METRICS, "m", ErrorCode.INVALID_REQUEST),
        (GROUP, "", ErrorCode.INVALID_REQUEST),
    ],
)
async def test_resource_that_cannot_be_described_spoils_no_other(
    kind: int, name: str, want: ErrorCode
) -> None:
    """Each resource has its own error, with an empty list of configs."""
    bad, good = await describe(BrokerStub(), (kind, name, None), (BROKER, "", None))
    assert (code(bad), bad.configs, bad.resource_name) == (want, (), name)
    assert code(good) == ErrorCode.NONE
    assert [each.name for each in good.configs] == ["min.insync.replicas"]


async def test_number_that_is_no_kind_of_resource_refuses_the_request() -> None:
    """One resource of an unknown type refuses them all, with a text."""
    results = await describe(BrokerStub(), (3, "x", None), (BROKER, "1", None))
    assert [code(each) for each in results] == [ErrorCode.INVALID_REQUEST] * 2
    assert all(each.error_message for each in results)


async def test_configs_of_a_group_are_set_described_and_followed() -> None:
    """Whether the group is there or not; members hear of them with the next heartbeat."""
    stub = await coordinating()
    change = {
        "name": "consumer.heartbeat.interval.ms", "config_operation": 0, "value": "7000",
    }  # fmt: skip
    asked = {"resource_type": 32, "resource_name": "g", "configs": [change]}
    altered = await stub.ask(44, 1, resources=[asked], validate_only=False)
    resource = {
        "resource_type": 32,
        "resource_name": "g",
        "configuration_keys": [change["name"], "consumer.session.timeout.ms"],
    }
    answer = await stub.ask(32, 4, resources=[resource], include_synonyms=True)
    member = await join(stub, 1, "m")
    refused = await stub.ask(
        44, 1, resources=[{**asked, "configs": [{**change, "value": "1"}]}], validate_only=False
    )
    stub.close()
    assert code(altered.responses[0]) == ErrorCode.NONE
    found = {each.name: (each.value, each.config_source) for each in answer.results[0].configs}
    assert found == {
        "consumer.heartbeat.interval.ms": ("7000", 8),
        "consumer.session.timeout.ms": ("45000", 5),
    }
    assert member.heartbeat_interval.total_seconds() == 7
    assert code(refused.responses[0]) == ErrorCode.INVALID_CONFIG
