"""What the APIs of groups have in common. Counterpart: parts of GroupCoordinatorService."""

from __future__ import annotations

from collections.abc import Iterable

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.broker.context import RequestContext
from minikafka.metadata.image import MetadataImage

__all__ = [
    "GROUP_OPERATIONS",
    "check_group_id",
    "shown_host",
    "unknown_partitions",
]

GROUP_OPERATIONS = 3400
"""What may be done with a group without ACLs: read, delete, describe, and its configs (KIP-430)."""


def check_group_id(group_id: str) -> None:
    """Raise KafkaError INVALID_GROUP_ID for an empty name: it is no group with members."""
    if not group_id:
        raise KafkaError(ErrorCode.INVALID_GROUP_ID)


def shown_host(context: RequestContext) -> str:
    """Return a client's address as DescribeGroups shows it: Java's, with an empty host name."""
    return f"/{context.client_host}"


def unknown_partitions(
    image: MetadataImage, partitions: Iterable[TopicPartition]
) -> dict[TopicPartition, ErrorCode]:
    """Return those partitions that are not there, with their error."""
    return {
        partition: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        for partition in partitions
        if image.partition(partition) is None
    }
