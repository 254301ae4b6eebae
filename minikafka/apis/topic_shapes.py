"""Topics, partitions and brokers as Metadata, DescribeCluster and DescribeTopicPartitions show them.

Pure: image in, shapes out. Counterpart: kafka's KRaftMetadataCache.
"""

from __future__ import annotations

from collections.abc import Iterable

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_LEADER, BrokerId, TopicId
from minikafka.metadata.image import BrokerImage, MetadataImage, PartitionImage
from minikafka.metadata.names import check_topic_name, is_internal_topic
from minikafka.wire.shapes import Shape

__all__ = [
    "CLUSTER_OPERATIONS",
    "NOT_ASKED",
    "TOPIC_OPERATIONS",
    "absent_topic_code",
    "broker_shape",
    "partition_shape",
    "shown_controller",
    "topic_shape",
]

# Authorized operations are bit sets over Kafka's AclOperation ids (KIP-430); without an
# authorizer everything that the kind of resource knows is allowed.
TOPIC_OPERATIONS = sum(1 << operation for operation in (3, 4, 5, 6, 7, 8, 10, 11))
CLUSTER_OPERATIONS = sum(1 << operation for operation in (5, 7, 8, 9, 10, 11, 12))
NOT_ASKED = -(1 << 31)
"""Authorized operations where the client did not ask for them."""


def broker_shape(broker: BrokerImage) -> Shape:
    """Return a broker as Metadata and node endpoints name it."""
    return {
        "node_id": broker.broker_id,
        "host": broker.host,
        "port": broker.port,
        "rack": broker.rack,
    }


def shown_controller(image: MetadataImage, controller_id: BrokerId | None) -> BrokerId:
    """Return the broker to name as controller: one that lives, -1 where none does.

    Any broker forwards to the controller, and clients need an address they know of: so the
    active controller while it is unfenced, else the lowest id (Kafka draws one at random).
    """
    alive = [broker.broker_id for broker in image.alive_brokers()]
    if controller_id in alive and controller_id is not None:
        return controller_id
    return alive[0] if alive else NO_LEADER


def absent_topic_code(name: str) -> ErrorCode:
    """Return why there is no topic of this name: none yet, or there can be none."""
    try:
        check_topic_name(name)
    except KafkaError as error:
        return error.code
    return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def topic_shape(
    name: str | None,
    topic_id: TopicId | None,
    code: ErrorCode,
    partitions: Iterable[Shape] = (),
    operations: int = NOT_ASKED,
) -> Shape:
    """Return one topic; `partitions` already shaped and in order."""
    return {
        "error_code": code,
        "name": name,
        "topic_id": topic_id,
        "is_internal": name is not None and is_internal_topic(name),
        "partitions": list(partitions),
        "topic_authorized_operations": operations,
    }


def partition_shape(
    index: int, partition: PartitionImage, image: MetadataImage, *, alive_only: bool = False
) -> Shape:
    """Return one partition.

    Args:
        alive_only: leave fenced brokers out of replicas and ISR, and say so with
            REPLICA_NOT_AVAILABLE: what Metadata version 0 does.
    """
    offline = [replica for replica in partition.replicas if not _is_alive(replica, image)]
    replicas, isr = list(partition.replicas), list(partition.isr)
    if alive_only:
        replicas = [replica for replica in replicas if replica not in offline]
        isr = [replica for replica in isr if replica not in offline]
    leader = partition.leader if partition.leader in image.brokers else NO_LEADER
    code = ErrorCode.NONE
    if leader == NO_LEADER:
        code = ErrorCode.LEADER_NOT_AVAILABLE
    elif len(replicas) + len(isr) < len(partition.replicas) + len(partition.isr):
        code = ErrorCode.REPLICA_NOT_AVAILABLE
    return {
        "error_code": code,
        "partition_index": index,
        "leader_id": leader,
        "leader_epoch": partition.leader_epoch,
        "replica_nodes": replicas,
        "isr_nodes": isr,
        "offline_replicas": offline,
    }


def _is_alive(broker_id: BrokerId, image: MetadataImage) -> bool:
    broker = image.brokers.get(broker_id)
    return broker is not None and not broker.fenced
