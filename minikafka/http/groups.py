"""Groups and their lag, asked of the coordinators by Kafka's own requests.

Each broker lists the groups that it coordinates; it is asked for their offsets, too. A broker
that stands still is not waited for, and what it coordinates is missing for as long.
"""

from __future__ import annotations

import asyncio
from typing import Any

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.cluster.cluster import AsyncCluster
from minikafka.cluster.overview import Overview
from minikafka.wire.shapes import Shape, build_request
from minikafka.wire.versions import ApiKey

__all__ = ["groups_of"]

BROKER_SECONDS = 2.0
"""How long one broker is waited for."""

_LIST_GROUPS_VERSION = 5
_OFFSET_FETCH_VERSION = 9


async def groups_of(cluster: AsyncCluster) -> tuple[list[dict[str, Any]], list[int]]:
    """Return the groups, by name, and the brokers that are up and did not answer."""
    found: list[dict[str, Any]] = []
    unanswered = []
    state = cluster.overview()
    for broker in state.brokers:
        if broker.condition == "down":
            continue
        if broker.condition == "paused":
            unanswered.append(broker.id)
            continue
        try:
            async with asyncio.timeout(BROKER_SECONDS):
                found += await _groups_at(cluster, state, broker.id)
        except (TimeoutError, KafkaError):
            unanswered.append(broker.id)
    return sorted(found, key=lambda group: str(group["group_id"])), unanswered


async def _groups_at(
    cluster: AsyncCluster, state: Overview, broker: int
) -> list[dict[str, Any]]:
    key, version = ApiKey.LIST_GROUPS, _LIST_GROUPS_VERSION
    request = build_request(key, version, {"states_filter": [], "types_filter": []})
    answer = await cluster.client().call(broker, key, version, request)
    if answer.error_code != ErrorCode.NONE:
        raise KafkaError(answer.error_code)
    return [
        {
            "group_id": group.group_id,
            "type": group.group_type,
            "protocol_type": group.protocol_type,
            "state": group.group_state,
            "coordinator": broker,
            "offsets": await _offsets(cluster, state, broker, group.group_id),
        }
        for group in answer.groups
    ]


async def _offsets(
    cluster: AsyncCluster, state: Overview, broker: int, group_id: str
) -> list[dict[str, Any]]:
    key, version = ApiKey.OFFSET_FETCH, _OFFSET_FETCH_VERSION
    group: Shape = {
        "group_id": group_id,
        "member_id": None,
        "member_epoch": -1,
        "topics": None,
    }
    request = build_request(key, version, {"groups": [group], "require_stable": False})
    (answer,) = (await cluster.client().call(broker, key, version, request)).groups
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
