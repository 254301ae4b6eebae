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
    9   member epochs of the consumer protocol; GROUP_ID_NOT_FOUND instead of ILLEGAL_GENERATION
        for a group that is not there (KIP-848)

Not done
    10, which Kafka 4.1 has but does not list.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.group_requests import commit_shape, offsets_wanted, unknown_partitions
from minikafka.apis.registry import api
from minikafka.base.deferred import Deferred, mapped
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.broker.context import RequestContext
from minikafka.groups.commands import CommitOffsets, PartitionResult
from minikafka.wire.shapes import Shape, optional, to_ms
from minikafka.wire.versions import ApiKey

__all__ = ["offset_commit"]

_NO_RETENTION = -1


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return commit_shape(request, lambda partition: error.code)


@api(ApiKey.OFFSET_COMMIT, on_error=_error_shape)
def offset_commit(request: Any, context: RequestContext) -> Shape | Deferred[Shape]:
    """Commit a group's offsets."""
    wanted = offsets_wanted(request)
    codes = unknown_partitions(context.broker.image, wanted)
    known = {each: offset for each, offset in wanted.items() if each not in codes}
    if not known:
        return commit_shape(request, codes.__getitem__)
    command = CommitOffsets(
        request.group_id,
        request.generation_id_or_member_epoch,
        request.member_id,
        optional(request, "group_instance_id", None),
        tuple(known.values()),
        _retention_ms(request),
        ErrorCode.GROUP_ID_NOT_FOUND
        if context.api_version >= 9
        else ErrorCode.ILLEGAL_GENERATION,
        speaks_epochs=context.api_version >= 9,
    )

    def shape(results: tuple[PartitionResult, ...]) -> Shape:
        codes.update({TopicPartition(topic, index): code for topic, index, code in results})
        return commit_shape(request, codes.__getitem__)

    def refused(error: KafkaError) -> Shape:
        # What is not there stays so, whatever the group says of the rest.
        codes.update(dict.fromkeys(known, error.code))
        return commit_shape(request, codes.__getitem__)

    try:
        answer = context.broker.groups.write(
            request.group_id, lambda coordinator, now: coordinator.commit_offsets(command, now)
        )
    except KafkaError as error:
        return refused(error)
    return mapped(answer, shape, refused)


def _retention_ms(request: Any) -> int:
    retention = optional(request, "retention_time", None)
    return _NO_RETENTION if retention is None else to_ms(retention)
