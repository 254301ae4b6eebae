"""DescribeLogDirs (api key 35).

Behaviour
    A broker describes its own one log directory: the replicas it has, their sizes, and how far
    each lies behind the high watermark it knows. `topics` null asks for all of them; what is
    not here is passed over. The metadata log is none of them.

Versions
    1   KIP-113
    2   flexible
    3   top-level error
    4   size of the volume (KIP-827); not known, logs are in memory

Not done
    Several log directories. Replicas on their way from one to another.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.broker.partition import Partition
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["describe_log_dirs"]

_UNKNOWN_BYTES = -1


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    # Before version 3 there is no place for an error but that of a directory.
    refused = {"error_code": error.code, "log_dir": "", "topics": [], **_volume(version)}
    shape: dict[str, object] = {"results": [refused] if version < 3 else []}
    if version >= 3:
        shape["error_code"] = error.code
    return shape


@api(ApiKey.DESCRIBE_LOG_DIRS, on_error=_error_shape)
def describe_log_dirs(request: Any, context: RequestContext) -> Shape:
    """Return what this broker stores."""
    broker, version = context.broker, context.api_version
    wanted = None
    if request.topics is not None:
        wanted = {(each.topic, index) for each in request.topics for index in each.partitions}
    topics: dict[str, list[Shape]] = {}
    for partition in broker.replicas:
        if wanted is None or partition.topic_partition in wanted:
            name = partition.topic_partition.topic
            topics.setdefault(name, []).append(_described(partition))
    result = {
        "error_code": ErrorCode.NONE,
        "log_dir": broker.config.log_directory,
        "topics": [
            {"name": name, "partitions": partitions} for name, partitions in topics.items()
        ],
        **_volume(version),
    }
    shape: dict[str, object] = {"results": [result]}
    if version >= 3:
        shape["error_code"] = ErrorCode.NONE
    return shape


def _described(partition: Partition) -> Shape:
    log = partition.log
    return {
        "partition_index": partition.topic_partition.partition,
        "partition_size": log.size_bytes,
        "offset_lag": max(log.high_watermark - log.log_end_offset, 0),
        "is_future_key": False,
    }


def _volume(version: int) -> dict[str, object]:
    if version < 4:
        return {}
    return {"total_bytes": _UNKNOWN_BYTES, "usable_bytes": _UNKNOWN_BYTES}
