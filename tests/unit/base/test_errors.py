"""Refusals with a Kafka error code."""

from __future__ import annotations

import pytest

from minikafka.base.errors import RETRIABLE, BrokerBug, ErrorCode, KafkaError


def test_error_shows_its_code_by_name_and_its_message() -> None:
    """A log line is readable without a table of codes."""
    assert str(KafkaError(ErrorCode.NOT_CONTROLLER)) == "NOT_CONTROLLER"
    error = KafkaError(17, "bad name")
    assert str(error) == "INVALID_TOPIC_EXCEPTION: bad name"
    assert (error.code, error.message) == (ErrorCode.INVALID_TOPIC_EXCEPTION, "bad name")


def test_number_that_is_no_code_is_refused() -> None:
    """An error with a code nobody knows would be a second error."""
    with pytest.raises(ValueError, match="31999"):
        KafkaError(31_999)


@pytest.mark.parametrize(
    ("code", "retriable"),
    [
        (ErrorCode.NOT_LEADER_OR_FOLLOWER, True),
        (ErrorCode.REQUEST_TIMED_OUT, True),
        (ErrorCode.NOT_ENOUGH_REPLICAS, True),
        (ErrorCode.MESSAGE_TOO_LARGE, False),
        (ErrorCode.UNKNOWN_SERVER_ERROR, False),
        (ErrorCode.NONE, False),
    ],
)
def test_retriable_says_whether_a_client_would_try_again(
    code: ErrorCode, retriable: bool
) -> None:
    """As Kafka's clients sort them."""
    assert KafkaError(code).retriable is retriable
    assert (code in RETRIABLE) is retriable


def test_bug_is_no_refusal() -> None:
    """What answers refusals must not answer over a broken invariant."""
    assert not issubclass(BrokerBug, KafkaError)
    assert issubclass(BrokerBug, AssertionError)
