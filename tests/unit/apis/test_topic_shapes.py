"""What several answers have in common: the controller shown, absent topics, operations."""

from __future__ import annotations

import pytest

from minikafka.apis.topic_shapes import absent_topic_code, shown_controller, topic_shape
from minikafka.base.errors import ErrorCode
from tests.support.broker_stub import BrokerStub


@pytest.mark.parametrize(
    ("fenced", "controller_id", "want"),
    [((), 2, 2), ((2,), 2, 1), ((1,), None, 2), ((), None, 1), ((1, 2, 3), 1, -1)],
)
async def test_controller_shown_is_a_live_broker(
    fenced: tuple[int, ...], controller_id: int | None, want: int
) -> None:
    """Java's admin client needs an address it knows of, whoever the controller is (trap 10)."""
    stub = BrokerStub()
    for broker_id in fenced:
        stub.fence(broker_id)
    stub.close()
    assert shown_controller(stub.image, controller_id) == want


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("t", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ("a b", ErrorCode.INVALID_TOPIC_EXCEPTION),
        ("", ErrorCode.INVALID_TOPIC_EXCEPTION),
        ("x" * 250, ErrorCode.INVALID_TOPIC_EXCEPTION),
    ],
)
def test_absent_topic_may_come_or_never(name: str, want: ErrorCode) -> None:
    """A client waits for the one, and gives up on the other."""
    assert absent_topic_code(name) == want


@pytest.mark.parametrize(
    ("name", "want"), [("__consumer_offsets", True), ("t", False), (None, False)]
)
def test_internal_topics_are_marked(name: str | None, want: bool) -> None:
    """Consumers leave marked topics out of a pattern (trap 14)."""
    assert topic_shape(name, None, ErrorCode.NONE)["is_internal"] is want
