"""SaslHandshake (api key 17).

Behaviour
    Listeners are plaintext, so there is no mechanism to agree on: ILLEGAL_SASL_STATE. A client
    that was configured for SASL thus learns what is wrong, which a closed connection would not
    tell.

Versions
    0   raw tokens follow (KIP-43)
    1   SaslAuthenticate requests follow (KIP-152)

Not done
    DIVERGENCE(sasl-authenticate): SaslAuthenticate is not served; Kafka answers it the same.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["sasl_handshake"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code, "mechanisms": []}


@api(ApiKey.SASL_HANDSHAKE, on_error=_error_shape)
def sasl_handshake(request: Any, context: RequestContext) -> Shape:
    """Refuse: nothing is authenticated here."""
    raise KafkaError(ErrorCode.ILLEGAL_SASL_STATE)
