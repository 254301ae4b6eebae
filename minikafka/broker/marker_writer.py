"""Writes the marker that ends a transaction in a partition that this broker leads.

Counterpart: the part of KafkaApis.handleWriteTxnMarkersRequest that appends. KIP-98.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikafka.base.deferred import Deferred, mapped
from minikafka.base.errors import ErrorCode
from minikafka.base.ids import ProducerId, TopicPartition
from minikafka.log.producer_state import AppendOrigin
from minikafka.records.markers import EndTransactionMarker, build_marker

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["write_marker"]


def write_marker(
    broker: Broker,
    topic_partition: TopicPartition,
    producer: tuple[ProducerId, int],
    marker: EndTransactionMarker,
) -> Deferred[ErrorCode]:
    """Append a marker; the value comes when the in-sync replicas have it, or at the deadline.

    Args:
        producer: its id, and the epoch that the marker belongs to.

    Raises:
        KafkaError: UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS,
            INVALID_PRODUCER_EPOCH, TRANSACTION_COORDINATOR_FENCED; nothing was written.
    """
    partition = broker.replicas.leading(*topic_partition)
    leader = partition.leader
    assert leader is not None
    timestamp_ms = broker.clock.wall_ms()
    batch = build_marker(*producer, marker, timestamp_ms)
    info = leader.append(batch, -1, timestamp_ms, AppendOrigin.COORDINATOR)
    end_offset, tenure = info.last_offset + 1, leader.tenure

    def is_decided() -> bool:
        now = partition.leader
        return (
            now is None
            or now.tenure is not tenure
            or partition.log.high_watermark >= end_offset
        )

    def code(in_time: bool) -> ErrorCode:
        now = partition.leader
        if not in_time:
            return ErrorCode.REQUEST_TIMED_OUT
        if now is None or now.tenure is not tenure:
            return ErrorCode.NOT_LEADER_OR_FOLLOWER
        return now.acks_error()

    broker.replicas.appended(partition, -1)
    deadline_ms = broker.clock.monotonic_ms() + broker.config.request_timeout_ms
    conditions = (partition.high_watermark_moved,)
    return mapped(broker.purgatory.wait(is_decided, conditions, deadline_ms), code)
