"""OffsetFetch (api key 9).

Behaviour
    Offsets that are committed in the log; with `require_stable` the answer waits for those that
    are on their way, and is UNSTABLE_OFFSET_COMMIT for those of a transaction that goes on. A group or a partition without an offset is no error: -1, epoch -1 and no
    metadata, in every version.

Versions
    1   partitions by name
    2   null for all partitions; an error for the whole
    5   leader epochs (KIP-320)
    6   flexible
    7   require stable (KIP-447)
    8   several groups (KIP-709)
    9   member id and epoch, checked for groups of the consumer protocol (KIP-848)

Not done
    10, which Kafka 4.1 has but does not list.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_LEADER_EPOCH, NO_OFFSET, TopicPartition
from minikafka.broker.context import RequestContext
from minikafka.broker.purgatory import settled
from minikafka.groups.coordinator import GroupCoordinator
from minikafka.groups.records import CommittedOffset
from minikafka.wire.shapes import Shape, optional
from minikafka.wire.versions import ApiKey

__all__ = ["offset_fetch"]

_NO_EPOCH = -1
# Kafka says so of a coordinator that cannot tell, because older clients know no other word.
_LOOK_ELSEWHERE = (ErrorCode.COORDINATOR_NOT_AVAILABLE,)


def _partition(index: int, value: CommittedOffset | None, code: ErrorCode) -> Shape:
    return {
        "partition_index": index,
        "committed_offset": NO_OFFSET if value is None else value.offset,
        "committed_leader_epoch": NO_LEADER_EPOCH if value is None else value.leader_epoch,
        "metadata": "" if value is None else value.metadata,
        "error_code": code,
    }


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    if version >= 8:
        return {
            "groups": [
                {"group_id": group.group_id, "error_code": error.code, "topics": []}
                for group in request.groups
            ]
        }
    topics = _refused(request.topics, error.code) if version < 2 else []
    return {"error_code": error.code, "topics": topics}


@api(ApiKey.OFFSET_FETCH, on_error=_error_shape)
async def offset_fetch(request: Any, context: RequestContext) -> Shape:
    """Return what groups have committed."""
    stable = optional(request, "require_stable", False)
    if context.api_version >= 8:
        groups = []
        for group in request.groups:
            member = (
                optional(group, "member_id", None),
                optional(group, "member_epoch", _NO_EPOCH),
            )
            code, topics = await _of_group(
                group.group_id, group.topics, stable, context, member
            )
            groups.append({"group_id": group.group_id, "error_code": code, "topics": topics})
        return {"groups": groups}
    code, topics = await _of_group(request.group_id, request.topics, stable, context)
    if code != ErrorCode.NONE and context.api_version < 2:
        topics = _refused(request.topics, code)
    return {"error_code": code, "topics": topics}


def _refused(topics: Sequence[Any], code: ErrorCode) -> list[Shape]:
    """Version 1 has no other place for the error than each partition."""
    return [
        {
            "name": topic.name,
            "partitions": [_partition(index, None, code) for index in topic.partition_indexes],
        }
        for topic in topics
    ]


async def _of_group(
    group_id: str,
    topics: Sequence[Any] | None,
    stable: bool,
    context: RequestContext,
    member: tuple[str | None, int] = (None, _NO_EPOCH),
) -> tuple[ErrorCode, list[Shape]]:
    """Return a group's error and its topics; none of them where there is an error."""
    unstable: dict[TopicPartition, None] = {}

    def look(groups: GroupCoordinator) -> dict[TopicPartition, CommittedOffset]:
        groups.check_fetch(group_id, *member)
        if stable:
            unstable.update(dict.fromkeys(groups.unstable(group_id)))
        return dict(groups.committed(group_id))

    try:
        coordinator = context.broker.groups.of(group_id)
        if stable:
            offsets = await settled(coordinator.read_stable(look))
        else:
            offsets = coordinator.read(look)
    except KafkaError as error:
        elsewhere = error.code in _LOOK_ELSEWHERE
        return (ErrorCode.NOT_COORDINATOR if elsewhere else error.code), []
    if topics is None:
        wanted: Iterable[TopicPartition] = dict.fromkeys((*offsets, *unstable))
    else:
        wanted = (
            TopicPartition(topic.name, index)
            for topic in topics
            for index in topic.partition_indexes
        )
    found: dict[str, list[Shape]] = {topic.name: [] for topic in topics or ()}
    for each in wanted:
        value, code = offsets.get(each), ErrorCode.NONE
        if each in unstable:
            value, code = None, ErrorCode.UNSTABLE_OFFSET_COMMIT
        found.setdefault(each.topic, []).append(_partition(each.partition, value, code))
    return ErrorCode.NONE, [
        {"name": name, "partitions": partitions} for name, partitions in found.items()
    ]
