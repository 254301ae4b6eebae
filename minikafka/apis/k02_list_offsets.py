"""ListOffsets (api key 2).

Behaviour
    Each partition led here answers on its own. A timestamp of 0 or more finds the first record
    at or after it; the others are names: -1 latest, -2 earliest, -3 the record with the largest
    timestamp, -4 earliest on this broker's disk, -5 last in tiered storage (none here: -1).
    A name that the version does not know is UNSUPPORTED_VERSION for its partition.
    Consumers are shown nothing at or beyond the high watermark, with read_committed at or beyond
    the last stable offset; a broker (replica id 0 or more)
    and the debugging replica id -2 see the whole log, and -2 may ask a follower.
    A leader whose high watermark has not reached the start of its epoch does not know the
    latest offset yet: OFFSET_NOT_AVAILABLE, before version 5 LEADER_NOT_AVAILABLE (KIP-207).
    A partition named twice is INVALID_REQUEST, once. A topic without partitions is left out.

Versions
    1   one offset per partition (KIP-79)
    2   isolation level (KIP-98)
    4   leader epochs (KIP-320)
    7   -3 (KIP-734)
    8   -4 (KIP-405)
    9   -5 (KIP-1005)
    10  timeout, for tiered storage only (KIP-1075)

Not done
    Tiered storage.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import (
    NO_LEADER_EPOCH,
    NO_OFFSET,
    NO_TIMESTAMP,
    LeaderEpoch,
    Offset,
)
from minikafka.broker.context import RequestContext
from minikafka.broker.fetch_operation import READ_COMMITTED
from minikafka.broker.partition import Partition
from minikafka.log.partition_log import PartitionLog
from minikafka.log.timestamps import TimestampOffset, max_timestamp, offset_for_timestamp
from minikafka.wire.shapes import Shape, optional
from minikafka.wire.versions import ApiKey

__all__ = ["list_offsets"]

_LATEST, _EARLIEST, _MAX_TIMESTAMP, _EARLIEST_LOCAL, _LATEST_TIERED = -1, -2, -3, -4, -5
# First version that knows each name.
_KNOWN_FROM = {
    _LATEST: 1,
    _EARLIEST: 1,
    _MAX_TIMESTAMP: 7,
    _EARLIEST_LOCAL: 8,
    _LATEST_TIERED: 9,
}
_CONSUMER, _DEBUGGING = -1, -2
_ISOLATION_LEVELS = (0, 1)

_NOT_FOUND = TimestampOffset(NO_TIMESTAMP, NO_OFFSET, NO_LEADER_EPOCH)


def _result(index: int, code: ErrorCode, found: TimestampOffset = _NOT_FOUND) -> Shape:
    return {
        "partition_index": index,
        "error_code": code,
        "timestamp": found.timestamp_ms,
        "offset": found.offset,
        "leader_epoch": found.leader_epoch,
    }


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {
        "topics": [
            {
                "name": topic.name,
                "partitions": [
                    _result(asked.partition_index, error.code) for asked in topic.partitions
                ],
            }
            for topic in request.topics
        ]
    }


@api(ApiKey.LIST_OFFSETS, on_error=_error_shape)
def list_offsets(request: Any, context: RequestContext) -> Shape:
    """Return the offset each partition has at the asked time."""
    answers: dict[str, dict[int, Shape]] = {}
    for topic in request.topics:
        results = answers.setdefault(topic.name, {})
        for asked in topic.partitions:
            index = asked.partition_index
            if index in results:
                results[index] = _result(index, ErrorCode.INVALID_REQUEST)
            else:
                results[index] = _answer(topic.name, asked, request, context)
    return {
        "topics": [
            {"name": name, "partitions": list(results.values())}
            for name, results in answers.items()
            if results
        ]
    }


def _answer(topic: str, asked: Any, request: Any, context: RequestContext) -> Shape:
    version, timestamp = context.api_version, asked.timestamp
    if timestamp < 0 and version < _KNOWN_FROM.get(timestamp, version + 1):
        return _result(asked.partition_index, ErrorCode.UNSUPPORTED_VERSION)
    try:
        found = _look_up(topic, asked, request, context)
    except KafkaError as error:
        code = error.code
        if code is ErrorCode.OFFSET_NOT_AVAILABLE and version < 5:
            code = ErrorCode.LEADER_NOT_AVAILABLE
        return _result(asked.partition_index, code)
    return _result(asked.partition_index, ErrorCode.NONE, found)


def _look_up(topic: str, asked: Any, request: Any, context: RequestContext) -> TimestampOffset:
    partition = _partition(topic, asked, request.replica_id, context)
    from_consumer = request.replica_id == _CONSUMER
    # Java refuses the number where it first reads it: in the partition.
    isolation_level = optional(request, "isolation_level", 0)
    if from_consumer and isolation_level not in _ISOLATION_LEVELS:
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR)
    log = partition.log
    end_offset = log.high_watermark if from_consumer else log.log_end_offset
    if from_consumer and isolation_level == READ_COMMITTED:
        end_offset = log.last_stable_offset
    unsure = from_consumer and _watermark_lags(partition)
    if asked.timestamp == _LATEST:
        if unsure:
            raise KafkaError(ErrorCode.OFFSET_NOT_AVAILABLE)
        epoch = context.broker.replicas.leader_epoch(partition)
        return TimestampOffset(NO_TIMESTAMP, end_offset, epoch)
    if asked.timestamp in (_EARLIEST, _EARLIEST_LOCAL):
        return TimestampOffset(NO_TIMESTAMP, log.log_start_offset, _earliest_epoch(log))
    found = _by_timestamp(log, asked.timestamp)
    if found is not None and found.offset < end_offset:
        return found
    if unsure:
        raise KafkaError(ErrorCode.OFFSET_NOT_AVAILABLE)
    return _NOT_FOUND


def _partition(topic: str, asked: Any, replica_id: int, context: RequestContext) -> Partition:
    replicas = context.broker.replicas
    epoch = optional(asked, "current_leader_epoch", NO_LEADER_EPOCH)
    if replica_id == _DEBUGGING:
        hosted = replicas.partition((topic, asked.partition_index))
        if hosted is not None and epoch < 0 and not hosted.internal:
            return hosted
    led = replicas.leading(topic, asked.partition_index, epoch)
    if epoch < NO_LEADER_EPOCH:
        # Fetch takes any number below 0 for "unknown", this API takes -1 alone.
        raise KafkaError(ErrorCode.FENCED_LEADER_EPOCH)
    return led


def _watermark_lags(partition: Partition) -> bool:
    """Say whether a new leader may still hold records that consumers have read elsewhere."""
    leader = partition.leader
    start: Offset = NO_OFFSET if leader is None else leader.leader_epoch_start_offset
    return start > partition.log.high_watermark


def _earliest_epoch(log: PartitionLog) -> LeaderEpoch:
    return log.epochs.epoch_of(log.log_start_offset)


def _by_timestamp(log: PartitionLog, timestamp: int) -> TimestampOffset | None:
    if timestamp == _LATEST_TIERED:
        return None
    if timestamp == _MAX_TIMESTAMP:
        return max_timestamp(log, log.log_end_offset)
    return offset_for_timestamp(log, timestamp, log.log_end_offset)
