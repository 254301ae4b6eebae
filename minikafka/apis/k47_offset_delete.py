"""OffsetDelete (api key 47).

Behaviour
    Deletes a group's offsets of topics that none of its members is subscribed to (KIP-496).
    Partitions that are not there, and those that are in use, are refused by themselves.

Versions
    0   the only one

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.group_requests import check_group_id, unknown_partitions
from minikafka.apis.registry import api
from minikafka.base.deferred import Deferred, mapped
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.broker.context import RequestContext
from minikafka.groups.commands import PartitionResult
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["offset_delete"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code, "topics": []}


@api(ApiKey.OFFSET_DELETE, on_error=_error_shape)
def offset_delete(request: Any, context: RequestContext) -> Deferred[Shape]:
    """Delete some of a group's offsets."""
    check_group_id(request.group_id)
    partitions = [
        TopicPartition(topic.name, each.partition_index)
        for topic in request.topics
        for each in topic.partitions
    ]
    codes = unknown_partitions(context.broker.image, partitions)
    known = [each for each in partitions if each not in codes]

    def shape(results: tuple[PartitionResult, ...]) -> Shape:
        codes.update({TopicPartition(topic, index): code for topic, index, code in results})
        return {
            "error_code": ErrorCode.NONE,
            "topics": [
                {
                    "name": topic.name,
                    "partitions": [
                        {
                            "partition_index": each.partition_index,
                            "error_code": codes[
                                TopicPartition(topic.name, each.partition_index)
                            ],
                        }
                        for each in topic.partitions
                    ],
                }
                for topic in request.topics
            ],
        }

    answer = context.broker.groups.write(
        request.group_id,
        lambda coordinator, now: coordinator.delete_offsets(request.group_id, known),
    )
    return mapped(answer, shape)
