"""IncrementalAlterConfigs: what the asked broker refuses, and what the controller does."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub, code

TOPIC, BROKER, METRICS, GROUP = 2, 4, 16, 32
SET, DELETE, APPEND = 0, 1, 2
Change = tuple[int, str, list[tuple[str, int, str | None]]]


async def alter(
    stub: BrokerStub, *changes: Change, version: int = 1, validate_only: bool = False
) -> list[tuple[str, ErrorCode]]:
    """Return (resource name, error code) for (type, name, [(config, operation, value)])."""
    resources = [
        {
            "resource_type": kind,
            "resource_name": name,
            "configs": [
                {"name": config, "config_operation": operation, "value": value}
                for config, operation, value in configs
            ],
        }
        for kind, name, configs in changes
    ]
    answer = await stub.ask(44, version, resources=resources, validate_only=validate_only)
    stub.close()
    return [(each.resource_name, code(each)) for each in answer.responses]


@pytest.mark.parametrize("controller_id", [1, 2])
async def test_resources_change_each_on_its_own_in_the_order_asked(controller_id: int) -> None:
    """Good resources change, bad ones are refused, on the controller and through another."""
    stub = BrokerStub(controller_id=controller_id)
    await stub.create("t", [[1]])
    codes = await alter(
        stub,
        (TOPIC, "nope", [("retention.ms", SET, "1")]),
        (TOPIC, "t", [("retention.ms", SET, "7"), ("cleanup.policy", APPEND, "compact")]),
        (GROUP, "g", [("consumer.session.timeout.ms", SET, "1")]),
        (BROKER, "1", [("log.retention.ms", SET, "5")]),
        (TOPIC, "null", [("retention.ms", SET, None)]),
    )
    assert codes == [
        ("nope", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ("t", ErrorCode.NONE),
        ("g", ErrorCode.INVALID_CONFIG),
        ("1", ErrorCode.NONE),
        ("null", ErrorCode.INVALID_REQUEST),
    ]
    config = stub.image.topic_config("t")
    assert (config.retention_ms, config.cleanup_policy) == (7, ("delete", "compact"))
    assert stub.image.broker_overrides(1)["log.retention.ms"] == "5"


async def test_changed_config_reaches_the_log() -> None:
    """A leader goes by the new config as soon as it is applied."""
    stub = BrokerStub()
    await stub.create("t", [[1]])
    await alter(stub, (TOPIC, "t", [("max.message.bytes", SET, "10")]), version=0)
    assert stub.hosted("t").log.config.max_message_bytes == 10
    await alter(stub, (TOPIC, "t", [("max.message.bytes", DELETE, None)]))
    assert stub.hosted("t").log.config.max_message_bytes == 1048588


@pytest.mark.parametrize("validate_only", [False, True])
async def test_bad_value_is_refused_and_nothing_of_its_resource_changes(
    validate_only: bool,
) -> None:
    """INVALID_CONFIG, also when only validating (trap 11); the good change beside it too."""
    stub = BrokerStub()
    await stub.create("t", [[1]])
    bad = (TOPIC, "t", [("segment.ms", SET, "5"), ("retention.ms", SET, "x")])
    codes = await alter(stub, bad, validate_only=validate_only)
    assert codes == [("t", ErrorCode.INVALID_CONFIG)]
    assert stub.image.topic_overrides("t") == {}


async def test_validating_changes_nothing() -> None:
    """A good change is answered as if made, and is not."""
    stub = BrokerStub()
    await stub.create("t", [[1]])
    good = (TOPIC, "t", [("retention.ms", SET, "5")])
    assert await alter(stub, good, validate_only=True) == [("t", ErrorCode.NONE)]
    assert stub.image.topic_overrides("t") == {}


async def test_resource_named_twice_is_refused_twice() -> None:
    """Neither of two changes of one resource happens."""
    stub = BrokerStub()
    await stub.create("t", [[1]])
    change = (TOPIC, "t", [("retention.ms", SET, "5")])
    assert await alter(stub, change, change) == [("t", ErrorCode.INVALID_REQUEST)] * 2
    assert stub.image.topic_overrides("t") == {}


@pytest.mark.parametrize("controller_id", [1, 2])
@pytest.mark.parametrize("name", ["2", "9", "x"])
async def test_broker_refuses_the_configs_of_another(controller_id: int, name: str) -> None:
    """A client must ask the broker that it means, also where that is the controller."""
    stub = BrokerStub(controller_id=controller_id)
    change = (BROKER, name, [("log.retention.ms", SET, "5")])
    assert await alter(stub, change) == [(name, ErrorCode.INVALID_REQUEST)]
    assert stub.forwarded == []


async def test_controller_takes_what_another_broker_sends_on() -> None:
    """The asked broker has seen to it that the request names itself."""
    stub = BrokerStub(node_id=2, controller_id=1)
    change = (BROKER, "2", [("log.retention.ms", SET, "5")])
    assert await alter(stub, change) == [("2", ErrorCode.NONE)]
    assert stub.forwarded == [44]
    assert stub.image.broker_overrides(2)["log.retention.ms"] == "5"


async def test_refused_request_is_not_sent_on() -> None:
    """Where nothing is left after the asked broker's checks, the controller hears nothing."""
    stub = BrokerStub(controller_id=2)
    await alter(stub, (METRICS, "m", []))
    assert stub.forwarded == []
