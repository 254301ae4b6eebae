"""What the APIs of groups have in common. Counterpart: parts of GroupCoordinatorService."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_LEADER_EPOCH, TopicPartition
from minikafka.broker.context import RequestContext
from minikafka.groups.commands import OffsetToCommit
from minikafka.metadata.image import MetadataImage
from minikafka.wire.shapes import Shape, optional

__all__ = [
    "GROUP_OPERATIONS",
    "check_group_id",
    "commit_shape",
    "offsets_wanted",
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


def commit_shape(request: Any, code: Callable[[TopicPartition], ErrorCode]) -> Shape:
    """Return the answer to a commit of offsets, with the code of each partition."""
    return {
        "topics": [
            {
                "name": topic.name,
                "partitions": [
                    {
                        "partition_index": each.partition_index,
                        "error_code": code(TopicPartition(topic.name, each.partition_index)),
                    }
                    for each in topic.partitions
                ],
            }
            for topic in request.topics
        ]
    }


def offsets_wanted(request: Any) -> dict[TopicPartition, OffsetToCommit]:
    """Return what is to be committed; of a partition named twice what came last."""
    return {
        TopicPartition(topic.name, each.partition_index): OffsetToCommit(
            topic.name,
            each.partition_index,
            each.committed_offset,
            optional(each, "committed_leader_epoch", NO_LEADER_EPOCH),
            each.committed_metadata,
        )
        for topic in request.topics
        for each in topic.partitions
    }
