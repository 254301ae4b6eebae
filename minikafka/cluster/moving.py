"""Partitions of a cluster in this process move, and brokers go: by Kafka's own requests.

Any broker is asked; brokers forward to the controller. Kafka counterpart:
org.apache.kafka.clients.admin.Admin, alterPartitionReassignments and unregisterBroker.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.cluster.client import call
from minikafka.cluster.observe import ClusterView
from minikafka.wire.shapes import Shape, build_request
from minikafka.wire.versions import ApiKey

__all__ = ["MOVE_TIMEOUT_S", "begin_move", "is_at_rest", "unregister"]

_REASSIGNMENTS_VERSION = 1
_UNREGISTER_VERSION = 0
_TIMEOUT_MS = 30_000
MOVE_TIMEOUT_S = 60.0


async def begin_move(
    view: ClusterView, topic: str, partition: int, replicas: Sequence[int] | None
) -> None:
    """The controller has recorded that a partition moves; None gives the move up.

    Raises:
        KafkaError: UNKNOWN_TOPIC_OR_PARTITION, INVALID_REPLICA_ASSIGNMENT,
            NO_REASSIGNMENT_IN_PROGRESS.
    """
    target = None if replicas is None else tuple(replicas)
    asked = {"partition_index": partition, "replicas": target}
    shape: Shape = {
        "timeout": _TIMEOUT_MS,
        "allow_replication_factor_change": True,
        "topics": [{"name": topic, "partitions": [asked]}],
    }
    key, version = ApiKey.ALTER_PARTITION_REASSIGNMENTS, _REASSIGNMENTS_VERSION
    answer = await call(view, _anyone(view), key, version, build_request(key, version, shape))
    for told in (answer, *(each for of in answer.responses for each in of.partitions)):
        if told.error_code != ErrorCode.NONE:
            raise KafkaError(told.error_code, told.error_message)


def is_at_rest(view: ClusterView, topic: str, partition: int) -> Callable[[], bool]:
    """Return whether the partition does not move, and its leader knows so."""

    def rests() -> bool:
        newest = view.partition_image(topic, partition)
        leader = view.nodes.get(newest.leader)
        if newest.adding or newest.removing or leader is None:
            return False
        return leader.broker.image.partition(TopicPartition(topic, partition)) == newest

    return rests


async def unregister(view: ClusterView, broker: int) -> None:
    """The controller has forgotten a broker.

    Raises:
        KafkaError: BROKER_ID_NOT_REGISTERED.
    """
    key, version = ApiKey.UNREGISTER_BROKER, _UNREGISTER_VERSION
    request = build_request(key, version, {"broker_id": broker})
    answer = await call(view, _anyone(view), key, version, request)
    if answer.error_code != ErrorCode.NONE:
        raise KafkaError(answer.error_code, answer.error_message)


def _anyone(view: ClusterView) -> int:
    if not view.nodes:
        raise KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, "no broker is running")
    return min(view.nodes)
