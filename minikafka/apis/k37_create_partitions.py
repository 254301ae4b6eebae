"""CreatePartitions (api key 37).

Behaviour
    The active controller decides; any other broker forwards. `count` is the number of
    partitions afterwards, which must be more than there are. Each topic succeeds or fails on
    its own; one named twice is INVALID_REQUEST. A timeout that is not positive is
    REQUEST_TIMED_OUT.

Versions
    0   KIP-195
    2   flexible
    3   throttling error (KIP-599); nothing throttles here

Not done
    Quotas.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.metadata.commands import CreatePartitions, NewPartitions, NewPartitionsResult
from minikafka.wire.shapes import Shape, to_ms
from minikafka.wire.versions import ApiKey

__all__ = ["create_partitions"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    names = dict.fromkeys(topic.name for topic in request.topics)
    refused = (NewPartitionsResult(name, error.code, error.message) for name in names)
    return {"results": [_result(each) for each in refused]}


@api(ApiKey.CREATE_PARTITIONS, controller=True, on_error=_error_shape)
async def create_partitions(request: Any, context: RequestContext) -> Shape:
    """Add partitions to topics, or say why not."""
    if to_ms(request.timeout) <= 0:
        raise KafkaError(ErrorCode.REQUEST_TIMED_OUT)
    command = CreatePartitions(
        tuple(_topic(each) for each in request.topics), validate_only=request.validate_only
    )
    results = await context.broker.decide(
        lambda controller, _: controller.create_partitions(command)
    )
    return {"results": [_result(each) for each in results]}


def _topic(topic: Any) -> NewPartitions:
    assignments = topic.assignments
    return NewPartitions(
        topic.name,
        topic.count,
        None if assignments is None else tuple(each.broker_ids for each in assignments),
    )


def _result(result: NewPartitionsResult) -> Shape:
    return {
        "name": result.name,
        "error_code": result.error,
        "error_message": result.message,
    }
