"""DescribeCluster (api key 60).

Behaviour
    The brokers that live, by id, and one of them as controller: any broker forwards to the
    active one. An endpoint type other than brokers is refused: this is a broker's listener.

Versions
    0   brokers, controller, authorized operations of the cluster if asked for (KIP-700)
    1   endpoint type (KIP-919); before, a wrong one would be INVALID_REQUEST
    2   fenced brokers too, if asked for (KIP-1073)

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.apis.topic_shapes import CLUSTER_OPERATIONS, NOT_ASKED, shown_controller
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.metadata.image import BrokerImage
from minikafka.wire.shapes import Shape, optional
from minikafka.wire.versions import ApiKey

__all__ = ["describe_cluster"]

_BROKERS, _CONTROLLERS = 1, 2


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {
        "error_code": error.code,
        "error_message": error.message,
        "endpoint_type": _BROKERS,
        "cluster_id": "",
        "controller_id": -1,
        "brokers": [],
        "cluster_authorized_operations": NOT_ASKED,
    }


@api(ApiKey.DESCRIBE_CLUSTER, on_error=_error_shape)
def describe_cluster(request: Any, context: RequestContext) -> Shape:
    """Return who is in the cluster."""
    _check_endpoint_type(optional(request, "endpoint_type", _BROKERS))
    image = context.broker.image
    brokers = image.alive_brokers()
    if optional(request, "include_fenced_brokers", False):
        brokers = [broker for _, broker in sorted(image.brokers.items())]
    asked = request.include_cluster_authorized_operations
    return {
        "error_code": ErrorCode.NONE,
        "error_message": None,
        "endpoint_type": _BROKERS,
        "cluster_id": context.broker.cluster_id,
        "controller_id": shown_controller(image, context.broker.controller_id),
        "brokers": [_broker(each) for each in brokers],
        "cluster_authorized_operations": CLUSTER_OPERATIONS if asked else NOT_ASKED,
    }


def _broker(broker: BrokerImage) -> Shape:
    return {
        "broker_id": broker.broker_id,
        "host": broker.host,
        "port": broker.port,
        "rack": broker.rack,
        "is_fenced": broker.fenced,
    }


def _check_endpoint_type(endpoint_type: int) -> None:
    if endpoint_type == _CONTROLLERS:
        raise KafkaError(
            ErrorCode.MISMATCHED_ENDPOINT_TYPE,
            "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of "
            "type CONTROLLER",
        )
    if endpoint_type != _BROKERS:
        raise KafkaError(
            ErrorCode.UNSUPPORTED_ENDPOINT_TYPE, f"Unsupported endpoint type {endpoint_type}"
        )
