"""What the API says no with: an HTTP status, and the name and code of a Kafka error.

One shape for every refusal, whoever refuses: `{"error": {"name": ..., "code": ...,
"message": ...}}`. Knows no request. Counterpart: the errors of Kafka's REST proxies.
"""

from __future__ import annotations

from collections.abc import Mapping

from minikafka.base.errors import ErrorCode, KafkaError

__all__ = [
    "BAD_REQUEST",
    "BUG",
    "CONFLICT",
    "NOT_FOUND",
    "TOO_LARGE",
    "TOO_LATE",
    "UNAVAILABLE",
    "Refusal",
    "error_shape",
    "refusal_of",
    "status_of",
]

BAD_REQUEST = 400
NOT_FOUND = 404
CONFLICT = 409
TOO_LARGE = 413
BUG = 500
UNAVAILABLE = 503
TOO_LATE = 504


class Refusal(Exception):
    """A request is refused.

    Args:
        status: of HTTP.
        code: the nearest Kafka error.
        message: one line for people.
        headers: to answer with.
    """

    def __init__(
        self,
        status: int,
        code: ErrorCode,
        message: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        super().__init__(f"{status} {code.name}: {message}")


# What is left out is 503 where Kafka's clients would try again, else 400.
_STATUS: Mapping[ErrorCode, int] = {
    ErrorCode.UNKNOWN_SERVER_ERROR: BUG,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION: NOT_FOUND,
    ErrorCode.UNKNOWN_TOPIC_ID: NOT_FOUND,
    ErrorCode.BROKER_ID_NOT_REGISTERED: NOT_FOUND,
    ErrorCode.GROUP_ID_NOT_FOUND: NOT_FOUND,
    ErrorCode.RESOURCE_NOT_FOUND: NOT_FOUND,
    ErrorCode.TOPIC_ALREADY_EXISTS: CONFLICT,
    ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER: CONFLICT,
    ErrorCode.DUPLICATE_SEQUENCE_NUMBER: CONFLICT,
    ErrorCode.INVALID_PRODUCER_EPOCH: CONFLICT,
    ErrorCode.INVALID_TXN_STATE: CONFLICT,
    ErrorCode.INVALID_PRODUCER_ID_MAPPING: CONFLICT,
    ErrorCode.UNKNOWN_PRODUCER_ID: CONFLICT,
    ErrorCode.PRODUCER_FENCED: CONFLICT,
    ErrorCode.TRANSACTION_ABORTABLE: CONFLICT,
    ErrorCode.CONCURRENT_TRANSACTIONS: CONFLICT,
    ErrorCode.DUPLICATE_BROKER_REGISTRATION: CONFLICT,
    ErrorCode.MESSAGE_TOO_LARGE: TOO_LARGE,
    ErrorCode.RECORD_LIST_TOO_LARGE: TOO_LARGE,
    ErrorCode.CORRUPT_MESSAGE: BAD_REQUEST,
    ErrorCode.BROKER_NOT_AVAILABLE: UNAVAILABLE,
    ErrorCode.INVALID_REPLICATION_FACTOR: BAD_REQUEST,
    ErrorCode.REQUEST_TIMED_OUT: TOO_LATE,
}


def status_of(code: ErrorCode) -> int:
    """Return the HTTP status of a Kafka error.

    >>> status_of(ErrorCode.NOT_ENOUGH_REPLICAS), status_of(ErrorCode.OFFSET_OUT_OF_RANGE)
    (503, 400)
    """
    retriable = KafkaError(code).retriable
    return _STATUS.get(code, UNAVAILABLE if retriable else BAD_REQUEST)


def refusal_of(error: KafkaError) -> Refusal:
    """Return a broker's refusal as one of the API's."""
    message = error.message or f"the broker answers {error.code.name}"
    return Refusal(status_of(error.code), error.code, message)


def error_shape(refusal: Refusal) -> dict[str, object]:
    """Return what is answered."""
    return {
        "error": {
            "name": refusal.code.name,
            "code": int(refusal.code),
            "message": refusal.message,
        }
    }
