"""ApiVersions (api key 18).

Behaviour
    Lists every API told to clients, from the one table in `wire/versions.py`.
    From version 3 on, a client software name or version of another form is INVALID_REQUEST,
    with nothing listed.
    A version we do not serve is answered in version 0 with UNSUPPORTED_VERSION and this one
    API, so that the client can ask again (`unsupported_version`, used by the dispatcher).

Versions
    0   keys and ranges
    1   throttle time
    3   client software name and version, features (KIP-511, KIP-584)
    4   supported features whose lowest version is 0 are listed, too (KAFKA-17011)

Not done
    DIVERGENCE(features): kraft.version is not listed, and metadata.version at the one level
    that is that of Kafka 4.1.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import Offset
from minikafka.broker.context import RequestContext
from minikafka.broker.transaction_coordinator import TRANSACTION_VERSION
from minikafka.wire.shapes import Shape, build_response
from minikafka.wire.versions import SERVED, ApiKey, advertised

__all__ = ["api_versions", "unsupported_version"]

# Name, lowest and highest version supported, and the one finalized, as on a new cluster; 0 is
# not told. 27 is 4.1-IV1: tools read the cluster's release from it.
_FEATURES = (
    ("metadata.version", 27, 27, 27),
    ("group.version", 0, 1, 1),
    ("eligible.leader.replicas.version", 0, 1, 1),
    ("share.version", 0, 1, 0),
    ("transaction.version", 0, TRANSACTION_VERSION, TRANSACTION_VERSION),
)
# The form that Kafka asks of a client's name and version (KIP-511).
_SOFTWARE = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code, "api_keys": []}


@api(ApiKey.API_VERSIONS, on_error=_error_shape)
def api_versions(request: Any, context: RequestContext) -> Any:
    """Return what is served here."""
    if context.api_version >= 3 and not (
        _SOFTWARE.fullmatch(request.client_software_name)
        and _SOFTWARE.fullmatch(request.client_software_version)
    ):
        raise KafkaError(ErrorCode.INVALID_REQUEST)
    # Inclusive in Kafka: the offset of the last metadata record that counts.
    return _answer(context.api_version, context.broker.image.offset - 1)


@lru_cache(maxsize=16)
def _answer(version: int, epoch: Offset) -> Any:
    """Return the answer as an object: it is long, and every connection begins with it."""
    shape = {
        "error_code": ErrorCode.NONE,
        "api_keys": _API_KEYS,
        "finalized_features_epoch": epoch,
        "supported_features": [
            {"name": name, "min_version": lowest, "max_version": highest}
            for name, lowest, highest, _ in _FEATURES
            # KAFKA-17492: older clients fail on a lowest version of 0.
            if lowest or version >= 4
        ],
        "finalized_features": [
            {"name": name, "min_version_level": level, "max_version_level": level}
            for name, _, _, level in _FEATURES
            if level
        ],
    }
    return build_response(ApiKey.API_VERSIONS, version, shape)


def unsupported_version() -> Shape:
    """Return the version 0 answer to an ApiVersions request of a version not served."""
    served = SERVED[ApiKey.API_VERSIONS]
    return {
        "error_code": ErrorCode.UNSUPPORTED_VERSION,
        "api_keys": [_row(ApiKey.API_VERSIONS, served.min, served.max)],
    }


def _row(key: int, lowest: int, highest: int) -> Shape:
    return {"api_key": key, "min_version": lowest, "max_version": highest}


_API_KEYS = [_row(*each) for each in advertised()]
