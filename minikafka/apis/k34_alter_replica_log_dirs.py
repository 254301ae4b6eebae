"""AlterReplicaLogDirs (api key 34).

Behaviour
    There is one log directory: a replica is in it already, so moving it there does nothing.
    LOG_DIR_NOT_FOUND for any other one, REPLICA_NOT_AVAILABLE for what is not here.

Versions
    1   KIP-113
    2   flexible

Not done
    Several log directories.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["alter_replica_log_dirs"]

# A replica on its way has a directory named `topic-partition.` and 32 digits and `-future`.
_SUFFIX_SIZE = 1 + 32 + len("-future")
_NAME_SIZE_MAX = 255


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return _shape(dict.fromkeys(_destinations(request), error.code))


@api(ApiKey.ALTER_REPLICA_LOG_DIRS, on_error=_error_shape)
def alter_replica_log_dirs(request: Any, context: RequestContext) -> Shape:
    """Say where replicas are already, or why they cannot go."""
    codes = {
        place: _code(context, place, path) for place, path in _destinations(request).items()
    }
    return _shape(codes)


def _destinations(request: Any) -> dict[tuple[str, int], str]:
    return {
        (topic.name, index): each.path
        for each in request.dirs
        for topic in each.topics
        for index in topic.partitions
    }


def _code(context: RequestContext, place: tuple[str, int], path: str) -> ErrorCode:
    topic, index = place
    if len(f"{topic}-{index}") + _SUFFIX_SIZE > _NAME_SIZE_MAX:
        return ErrorCode.INVALID_TOPIC_EXCEPTION
    if path != context.broker.config.log_directory:
        return ErrorCode.LOG_DIR_NOT_FOUND
    partition = context.broker.replicas.partition(place)
    if partition is None or partition.internal:
        known = context.broker.image.topics.get(topic)
        exists = known is not None and 0 <= index < len(known.partitions)
        return (
            ErrorCode.REPLICA_NOT_AVAILABLE if exists else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        )
    return ErrorCode.NONE


def _shape(codes: dict[tuple[str, int], ErrorCode]) -> Shape:
    topics: dict[str, list[Shape]] = {}
    for (topic, index), code in codes.items():
        told = {"partition_index": index, "error_code": code}
        topics.setdefault(topic, []).append(told)
    return {
        "results": [
            {"topic_name": topic, "partitions": partitions}
            for topic, partitions in topics.items()
        ]
    }
