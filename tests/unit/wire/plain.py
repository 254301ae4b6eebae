"""Produce and Fetch entities of the schema library as the values of the hand-written codecs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from minikafka.base.ids import ZERO_ID
from minikafka.wire import fetch, produce
from minikafka.wire.endpoints import NodeEndpoint
from minikafka.wire.shapes import optional

_MS = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _topic(entity: Any, name: str) -> tuple[Any, Any]:
    if hasattr(entity, "topic_id"):
        return None, entity.topic_id or ZERO_ID
    return getattr(entity, name), None


def _view(records: bytes | None) -> memoryview | None:
    return None if records is None else memoryview(records)


def _pair(entity: Any, field: str, first: str, second: str) -> tuple[int, int] | None:
    """Return a tagged struct of two numbers, None at its default, which is not sent."""
    inner = optional(entity, field, None)
    if inner is None:
        return None
    pair = getattr(inner, first), getattr(inner, second)
    return None if pair == (-1, -1) else pair


def _endpoints(entity: Any) -> list[NodeEndpoint]:
    found = optional(entity, "node_endpoints", ())
    return [NodeEndpoint(node.node_id, node.host, node.port, node.rack) for node in found]


def produce_request(entity: Any) -> produce.ProduceRequest:
    """Translate a request."""
    topics = [
        produce.ProduceTopic(
            *_topic(topic, "name"),
            [
                produce.ProducePartition(partition.index, _view(partition.records))
                for partition in topic.partition_data
            ],
        )
        for topic in entity.topic_data
    ]
    timeout_ms = entity.timeout // _MS
    return produce.ProduceRequest(entity.transactional_id, entity.acks, timeout_ms, topics)


def _produce_result(entity: Any) -> produce.ProducePartitionResult:
    time = entity.log_append_time
    errors: list[tuple[int, str | None]] | tuple[()] = ()
    if hasattr(entity, "record_errors"):
        errors = [
            (error.batch_index, error.batch_index_error_message)
            for error in entity.record_errors
        ]
    return produce.ProducePartitionResult(
        index=entity.index,
        error_code=int(entity.error_code),
        base_offset=entity.base_offset,
        log_append_time_ms=-1 if time is None else (time - _EPOCH) // _MS,
        log_start_offset=optional(entity, "log_start_offset", -1),
        record_errors=errors,
        error_message=optional(entity, "error_message", None),
        current_leader=_pair(entity, "current_leader", "leader_id", "leader_epoch"),
    )


def produce_response(entity: Any) -> produce.ProduceResponse:
    """Translate a response."""
    topics = [
        produce.ProduceTopicResult(
            *_topic(topic, "name"),
            [_produce_result(partition) for partition in topic.partition_responses],
        )
        for topic in entity.responses
    ]
    endpoints = _endpoints(entity) if hasattr(entity, "node_endpoints") else ()
    return produce.ProduceResponse(topics, entity.throttle_time // _MS, endpoints)


def _fetch_partition(entity: Any) -> fetch.FetchPartition:
    return fetch.FetchPartition(
        index=entity.partition,
        current_leader_epoch=optional(entity, "current_leader_epoch", -1),
        fetch_offset=entity.fetch_offset,
        last_fetched_epoch=optional(entity, "last_fetched_epoch", -1),
        log_start_offset=optional(entity, "log_start_offset", -1),
        max_bytes=entity.partition_max_bytes,
        replica_directory_id=optional(entity, "replica_directory_id", None) or ZERO_ID,
        high_watermark=optional(entity, "high_watermark", fetch.HIGH_WATERMARK_UNSUPPORTED),
    )


def fetch_request(entity: Any) -> fetch.FetchRequest:
    """Translate a request."""
    replica = optional(entity, "replica_state", entity)
    return fetch.FetchRequest(
        replica_id=replica.replica_id,
        replica_epoch=optional(replica, "replica_epoch", -1),
        max_wait_ms=entity.max_wait // _MS,
        min_bytes=entity.min_bytes,
        max_bytes=entity.max_bytes,
        isolation_level=entity.isolation_level,
        session_id=optional(entity, "session_id", 0),
        session_epoch=optional(entity, "session_epoch", -1),
        topics=[
            fetch.FetchTopic(
                *_topic(topic, "topic"),
                [_fetch_partition(partition) for partition in topic.partitions],
            )
            for topic in entity.topics
        ],
        forgotten=[
            fetch.ForgottenTopic(*_topic(topic, "topic"), list(topic.partitions))
            for topic in optional(entity, "forgotten_topics_data", ())
        ],
        rack_id=optional(entity, "rack_id", ""),
        cluster_id=optional(entity, "cluster_id", None),
    )


def _fetched(entity: Any) -> fetch.FetchPartitionResponse:
    aborted = entity.aborted_transactions
    return fetch.FetchPartitionResponse(
        index=entity.partition_index,
        error_code=int(entity.error_code),
        high_watermark=entity.high_watermark,
        last_stable_offset=entity.last_stable_offset,
        log_start_offset=optional(entity, "log_start_offset", -1),
        aborted_transactions=None
        if aborted is None
        else [(transaction.producer_id, transaction.first_offset) for transaction in aborted],
        preferred_read_replica=optional(entity, "preferred_read_replica", -1),
        size=len(entity.records or b""),
        records=_view(entity.records),
        diverging_epoch=_pair(entity, "diverging_epoch", "epoch", "end_offset"),
        current_leader=_pair(entity, "current_leader", "leader_id", "leader_epoch"),
        snapshot_id=_pair(entity, "snapshot_id", "end_offset", "epoch"),
    )


def fetch_response(entity: Any) -> fetch.FetchResponse:
    """Translate a response."""
    return fetch.FetchResponse(
        throttle_time_ms=entity.throttle_time // _MS,
        error_code=int(optional(entity, "error_code", 0)),
        session_id=optional(entity, "session_id", 0),
        topics=[
            fetch.FetchTopicResponse(
                *_topic(topic, "topic"),
                [_fetched(partition) for partition in topic.partitions],
            )
            for topic in entity.responses
        ],
        node_endpoints=_endpoints(entity) if hasattr(entity, "node_endpoints") else (),
    )
