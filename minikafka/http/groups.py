"""Groups, their members and their lag, asked of the coordinators by Kafka's own requests.

Each broker lists the groups that it coordinates; it is asked for their offsets and their
members, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minikafka.base.errors import ErrorCode
from minikafka.cluster.cluster import AsyncCluster
from minikafka.cluster.overview import Overview
from minikafka.groups.embedded import read_assignment
from minikafka.http.asking import ask, ask_each
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["groups_of"]

_LIST_GROUPS_VERSION = 5
_OFFSET_FETCH_VERSION = 9
_DESCRIBE_GROUPS_VERSION = 5

# By type of the group: whom to ask for members of the newer protocols.
_DESCRIBED_BY: Mapping[str, tuple[ApiKey, int]] = {
    "consumer": (ApiKey.CONSUMER_GROUP_DESCRIBE, 1),
    "share": (ApiKey.SHARE_GROUP_DESCRIBE, 1),
}


async def groups_of(
    cluster: AsyncCluster, *, members: bool = True
) -> tuple[list[dict[str, Any]], list[int]]:
    """Return the groups, by name, and the brokers that are up and did not answer.

    Args:
        members: whether they are asked for; without them there are none.
    """
    state = cluster.overview()

    async def asked(broker: int) -> list[dict[str, Any]]:
        return await _groups_at(cluster, state, broker, members=members)

    found, unanswered = await ask_each(state, asked)
    return sorted(found, key=lambda group: str(group["group_id"])), unanswered


async def _groups_at(
    cluster: AsyncCluster, state: Overview, broker: int, *, members: bool
) -> list[dict[str, Any]]:
    shape: Shape = {"states_filter": [], "types_filter": []}
    answer = await ask(cluster, broker, ApiKey.LIST_GROUPS, _LIST_GROUPS_VERSION, shape)
    return [
        {
            "group_id": group.group_id,
            "type": group.group_type,
            "protocol_type": group.protocol_type,
            "state": group.group_state,
            "coordinator": broker,
            "members": await _members(cluster, broker, group) if members else [],
            "offsets": await _offsets(cluster, state, broker, group.group_id),
        }
        for group in answer.groups
    ]


async def _members(cluster: AsyncCluster, broker: int, group: Any) -> list[dict[str, Any]]:
    newer = _DESCRIBED_BY.get(group.group_type)
    if newer is None:
        key, version = ApiKey.DESCRIBE_GROUPS, _DESCRIBE_GROUPS_VERSION
        shape: Shape = {"groups": [group.group_id], "include_authorized_operations": False}
    else:
        key, version = newer
        shape = {"group_ids": [group.group_id], "include_authorized_operations": False}
    (described,) = (await ask(cluster, broker, key, version, shape)).groups
    if described.error_code != ErrorCode.NONE:
        return []  # it is gone by now
    return [_member(each) for each in described.members]


def _member(member: Any) -> dict[str, Any]:
    """Return a member; each protocol has another set of names for it."""
    instance_id = getattr(member, "instance_id", None)
    return {
        "member_id": member.member_id,
        "instance_id": getattr(member, "group_instance_id", instance_id),
        "client_id": member.client_id,
        "client_host": member.client_host,
        "assignment": [
            {"topic": topic, "partitions": list(numbers)}
            for topic, numbers in _assigned(member)
        ],
    }


def _assigned(member: Any) -> Sequence[tuple[str, Sequence[int]]]:
    if not hasattr(member, "member_assignment"):
        given = member.assignment.topic_partitions
        return [(each.topic_name, each.partitions) for each in given]
    # What members of the classic protocol tell each other is theirs: it may be anything.
    read = read_assignment(member.member_assignment)
    return () if read is None else read.partitions


async def _offsets(
    cluster: AsyncCluster, state: Overview, broker: int, group_id: str
) -> list[dict[str, Any]]:
    group: Shape = {
        "group_id": group_id,
        "member_id": None,
        "member_epoch": -1,
        "topics": None,
    }
    shape: Shape = {"groups": [group], "require_stable": False}
    key = ApiKey.OFFSET_FETCH
    (answer,) = (await ask(cluster, broker, key, _OFFSET_FETCH_VERSION, shape)).groups
    if answer.error_code != ErrorCode.NONE:
        # A share group has none of these, and another may be gone by now.
        return []
    return [
        _offset(state, topic.name, each)
        for topic in answer.topics
        for each in topic.partitions
        if each.error_code == ErrorCode.NONE and each.committed_offset >= 0
    ]


def _offset(state: Overview, topic: str, committed: Any) -> dict[str, Any]:
    number = committed.partition_index
    watermark = _high_watermark(state, topic, number)
    offset = committed.committed_offset
    return {
        "topic": topic,
        "partition": number,
        "committed_offset": offset,
        "metadata": committed.metadata,
        "high_watermark": watermark,
        # Behind the watermark by nothing where it was reset to what is not there yet.
        "lag": None if watermark is None else max(0, watermark - offset),
    }


def _high_watermark(state: Overview, topic: str, number: int) -> int | None:
    known = state.topics.get(topic)
    if known is None or number >= len(known.partitions):
        return None
    partition = known.partitions[number]
    replica = (
        None if partition.leader is None else partition.replica_states.get(partition.leader)
    )
    return None if replica is None else replica.high_watermark
