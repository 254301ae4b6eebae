"""OffsetCommit (api key 8).

Behaviour
    Partitions that are not there are refused by themselves; of the others all are committed in
    one batch of the group's partition of `__consumer_offsets`, and answered when that is
    committed. A member has to name its generation; generation -1 is for anybody, while the group
    has no members.

Versions
    2   a retention for these offsets, up to 4 (KIP-211)
    6   leader epochs (KIP-320)
    7   group.instance.id (KIP-345)
    8   flexible
    9   GROUP_ID_NOT_FOUND instead of ILLEGAL_GENERATION for a group that is not there (KIP-848)
    10  topic ids

Not done
    Groups of KIP-848, which 9 is made for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minikafka.apis.group_requests import topic_name, unknown_partitions
from minikafka.apis.registry import api
from minikafka.base.deferred import Deferred, mapped
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_LEADER_EPOCH, TopicPartition
from minikafka.broker.context import RequestContext
from minikafka.groups.commands import CommitOffsets, OffsetToCommit, PartitionResult
from minikafka.metadata.image import MetadataImage
from minikafka.wire.shapes import Shape, optional, to_ms
from minikafka.wire.versions import ApiKey

__all__ = ["offset_commit"]

_NO_RETENTION = -1


def _shape(request: Any, code: Callable[[Any, int], ErrorCode]) -> Shape:
    """Return the answer; `code` gives a partition's error, by its topic in the request."""
    return {
        "topics": [
            {
                "name": optional(topic, "name", ""),
                "topic_id": optional(topic, "topic_id", None),
                "partitions": [
                    {
                        "partition_index": each.partition_index,
                        "error_code": code(topic, each.partition_index),
                    }
                    for each in topic.partitions
                ],
            }
            for topic in request.topics
        ]
    }


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return _shape(request, lambda name, partition: error.code)


@api(ApiKey.OFFSET_COMMIT, on_error=_error_shape)
def offset_commit(request: Any, context: RequestContext) -> Shape | Deferred[Shape]:
    """Commit a group's offsets."""
    image = context.broker.image
    wanted = _wanted(request, image)
    codes = unknown_partitions(
        image, [TopicPartition(each.topic, each.partition) for each in wanted]
    )

    def shape(results: tuple[PartitionResult, ...]) -> Shape:
        codes.update({TopicPartition(topic, index): code for topic, index, code in results})
        return _shape(request, lambda topic, index: _code(topic, index, image, codes))

    def refused(error: KafkaError) -> Shape:
        # What is not there stays so, whatever the group says of the rest.
        return shape(
            tuple(PartitionResult(each.topic, each.partition, error.code) for each in known)
        )

    known = tuple(
        each for each in wanted if TopicPartition(each.topic, each.partition) not in codes
    )
    if not known:
        return shape(())
    command = CommitOffsets(
        request.group_id,
        request.generation_id_or_member_epoch,
        request.member_id,
        optional(request, "group_instance_id", None),
        known,
        _retention_ms(request),
        ErrorCode.GROUP_ID_NOT_FOUND
        if context.api_version >= 9
        else ErrorCode.ILLEGAL_GENERATION,
    )
    try:
        answer = context.broker.groups.write(
            request.group_id, lambda coordinator, now: coordinator.commit_offsets(command, now)
        )
    except KafkaError as error:
        return refused(error)
    return mapped(answer, shape, refused)


def _code(
    topic: Any, index: int, image: MetadataImage, codes: Mapping[TopicPartition, ErrorCode]
) -> ErrorCode:
    name = _name(topic, image)
    return ErrorCode.UNKNOWN_TOPIC_ID if name is None else codes[TopicPartition(name, index)]


def _name(topic: Any, image: MetadataImage) -> str | None:
    return topic_name(image, optional(topic, "name", None), optional(topic, "topic_id", None))


def _wanted(request: Any, image: MetadataImage) -> list[OffsetToCommit]:
    wanted = []
    for topic in request.topics:
        name = _name(topic, image)
        if name is None:
            continue
        wanted += [
            OffsetToCommit(
                name,
                each.partition_index,
                each.committed_offset,
                optional(each, "committed_leader_epoch", NO_LEADER_EPOCH),
                each.committed_metadata,
            )
            for each in topic.partitions
        ]
    return wanted


def _retention_ms(request: Any) -> int:
    retention = optional(request, "retention_time", None)
    return _NO_RETENTION if retention is None else to_ms(retention)
