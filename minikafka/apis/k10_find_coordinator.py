"""FindCoordinator (api key 10).

Behaviour
    There are no groups and no transactions yet, so every key is COORDINATOR_NOT_AVAILABLE,
    what Kafka answers while the coordinator's topic is being made; clients try again until
    their own time is up. A kind of key that Kafka 4.1 does not look up here (share groups
    need `group:topic:partition`, and are off by default) is INVALID_REQUEST.

Versions
    0   groups only
    1   key type, error message (KIP-98)
    4   several keys in one request (KIP-699)
    6   share coordinators (KIP-932)

Not done
    DIVERGENCE(coordinators): Kafka makes `__consumer_offsets` or `__transaction_state` on the
    first question; here that comes with groups and transactions.
"""

from __future__ import annotations

import re
from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.wire.shapes import Shape, optional
from minikafka.wire.versions import ApiKey

__all__ = ["find_coordinator"]

_GROUP, _TRANSACTION, _SHARE = 0, 1, 2
# What Kafka's clients show people; the Java broker sends these texts with the codes.
_NOT_AVAILABLE_TEXT = "The coordinator is not available."
_INVALID_TEXT = (
    "This most likely occurs because of a request being malformed by the client library or the "
    "message was sent to an incompatible broker. See the broker logs for more details."
)
# group:topic id:partition, the id in Kafka's base64 of 22 characters (KIP-932).
_SHARE_KEY = re.compile(r".*\S.*:[A-Za-z0-9_-]{22}:[0-9]{1,10}", re.DOTALL)
_NO_NODE = {"node_id": -1, "host": "", "port": -1}


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    text = error.message
    if version < 4:
        return {"error_code": error.code, "error_message": text, **_NO_NODE}
    return {
        "coordinators": [
            {"key": key, "error_code": error.code, "error_message": text, **_NO_NODE}
            for key in request.coordinator_keys
        ]
    }


@api(ApiKey.FIND_COORDINATOR, on_error=_error_shape)
def find_coordinator(request: Any, context: RequestContext) -> Shape:
    """Return which broker coordinates each key: at present none does."""
    version = context.api_version
    key_type = optional(request, "key_type", _GROUP)
    if key_type not in (_GROUP, _TRANSACTION, _SHARE):
        raise KafkaError(ErrorCode.INVALID_REQUEST, _INVALID_TEXT)
    if version < 4:
        if key_type == _SHARE:
            raise KafkaError(ErrorCode.INVALID_REQUEST, _INVALID_TEXT)
        raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE, _NOT_AVAILABLE_TEXT)
    # With a code of its own a key has no text, as in Kafka.
    return {
        "coordinators": [
            {
                "key": key,
                "error_code": _code(key, key_type, version),
                "error_message": "",
                **_NO_NODE,
            }
            for key in request.coordinator_keys
        ]
    }


def _code(key: str, key_type: int, version: int) -> ErrorCode:
    if key_type == _SHARE and (version < 6 or not _SHARE_KEY.fullmatch(key)):
        return ErrorCode.INVALID_REQUEST
    return ErrorCode.COORDINATOR_NOT_AVAILABLE
