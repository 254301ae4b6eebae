"""AlterPartitionReassignments (api key 45).

Behaviour
    The active controller decides; any other broker forwards. Each partition begins to move,
    gives its move up (`replicas` null), or is refused on its own. The answer means that the
    move has begun: it ends when the leader has all target replicas in the ISR.
    A timeout that is not positive is REQUEST_TIMED_OUT.

Versions
    0   KIP-455
    1   a target of another size may be refused (KIP-860)

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.metadata.reassignment import AlterReassignments, MovedPartition, Reassignment
from minikafka.wire.shapes import Shape, optional, to_ms
from minikafka.wire.versions import ApiKey

__all__ = ["alter_partition_reassignments"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    refused = [
        MovedPartition(move.topic, move.partition, error.code, error.message)
        for move in _moves(request)
    ]
    shape = _shape(request, refused, version)
    return {**shape, "error_code": error.code, "error_message": error.message}


@api(ApiKey.ALTER_PARTITION_REASSIGNMENTS, controller=True, on_error=_error_shape)
async def alter_partition_reassignments(request: Any, context: RequestContext) -> Shape:
    """Begin to move partitions, or give moves up."""
    if not request.topics:
        # Kafka answers before it looks at anything else, with an answer of defaults.
        nothing: dict[str, object] = {"error_message": "", "responses": []}
        if context.api_version >= 1:
            nothing["allow_replication_factor_change"] = True
        return {"error_code": ErrorCode.NONE, **nothing}
    if to_ms(request.timeout) <= 0:
        raise KafkaError(ErrorCode.REQUEST_TIMED_OUT)
    command = AlterReassignments(
        _moves(request), optional(request, "allow_replication_factor_change", True)
    )
    results = await context.broker.decide(
        lambda controller, _: controller.alter_reassignments(command)
    )
    return _shape(request, list(results), context.api_version)


def _moves(request: Any) -> tuple[Reassignment, ...]:
    return tuple(
        Reassignment(topic.name, asked.partition_index, asked.replicas)
        for topic in request.topics
        for asked in topic.partitions
    )


def _shape(request: Any, results: list[MovedPartition], version: int) -> Shape:
    """Group results as the request was; they are in its order."""
    rest = iter(results)
    shape: dict[str, object] = {
        "error_code": ErrorCode.NONE,
        "error_message": None,
        "responses": [
            {"name": topic.name, "partitions": [_result(next(rest)) for _ in topic.partitions]}
            for topic in request.topics
        ],
    }
    if version >= 1:
        shape["allow_replication_factor_change"] = request.allow_replication_factor_change
    return shape


def _result(result: MovedPartition) -> Shape:
    return {
        "partition_index": result.partition,
        "error_code": result.error,
        "error_message": result.message,
    }
