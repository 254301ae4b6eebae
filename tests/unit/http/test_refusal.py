"""Kafka's errors as statuses of HTTP."""

from __future__ import annotations

import pytest

from minikafka.base.errors import RETRIABLE, ErrorCode, KafkaError
from minikafka.http.refusal import error_shape, refusal_of, status_of


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (ErrorCode.NOT_ENOUGH_REPLICAS, 503),
        (ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND, 503),
        (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 404),
        (ErrorCode.TOPIC_ALREADY_EXISTS, 409),
        (ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, 409),
        (ErrorCode.INVALID_PARTITIONS, 400),
        (ErrorCode.MESSAGE_TOO_LARGE, 413),
        (ErrorCode.REQUEST_TIMED_OUT, 504),
        (ErrorCode.UNKNOWN_SERVER_ERROR, 500),
    ],
)
def test_each_error_has_the_status_of_what_can_be_done_about_it(
    code: ErrorCode, status: int
) -> None:
    """Wait, look elsewhere, or ask for something else."""
    assert status_of(code) == status


def test_only_a_bug_is_500_and_only_what_may_be_tried_again_is_503() -> None:
    """Every code has a status, and none says that the server is broken that is not."""
    for code in ErrorCode:
        assert (status_of(code) == 500) == (code == ErrorCode.UNKNOWN_SERVER_ERROR)
        if status_of(code) == 503:
            assert code in RETRIABLE or code == ErrorCode.BROKER_NOT_AVAILABLE


def test_shape_of_an_error_has_kafkas_name_and_code() -> None:
    """Also where the broker has said nothing but the code."""
    shape = error_shape(refusal_of(KafkaError(ErrorCode.NOT_ENOUGH_REPLICAS)))
    assert shape == {
        "error": {
            "name": "NOT_ENOUGH_REPLICAS",
            "code": 19,
            "message": "the broker answers NOT_ENOUGH_REPLICAS",
        }
    }
