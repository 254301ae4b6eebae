"""Transactional ids, asked of their coordinators by Kafka's own requests (KIP-664)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from minikafka.base.errors import ErrorCode
from minikafka.cluster.cluster import AsyncCluster
from minikafka.http.asking import ask, ask_each
from minikafka.wire.shapes import Shape, to_ms
from minikafka.wire.versions import ApiKey

__all__ = ["transactions_of"]

_LIST_VERSION = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DESCRIBE_VERSION = 0


async def transactions_of(cluster: AsyncCluster) -> tuple[list[dict[str, Any]], list[int]]:
    """Return the transactional ids, sorted, and the brokers that are up and did not answer."""

    async def asked(broker: int) -> list[dict[str, Any]]:
        return await _transactions_at(cluster, broker)

    found, unanswered = await ask_each(cluster.overview(), asked)
    return sorted(found, key=lambda each: str(each["transactional_id"])), unanswered


async def _transactions_at(cluster: AsyncCluster, broker: int) -> list[dict[str, Any]]:
    everything: Shape = {
        "state_filters": [],
        "producer_id_filters": [],
        "duration_filter": -1,
    }
    listed = await ask(cluster, broker, ApiKey.LIST_TRANSACTIONS, _LIST_VERSION, everything)
    names = [each.transactional_id for each in listed.transaction_states]
    if not names:
        return []
    wanted: Shape = {"transactional_ids": names}
    key = ApiKey.DESCRIBE_TRANSACTIONS
    answer = await ask(cluster, broker, key, _DESCRIBE_VERSION, wanted)
    return [
        _transaction(each, broker)
        for each in answer.transaction_states
        if each.error_code == ErrorCode.NONE  # else it has expired, or moved
    ]


def _transaction(state: Any, broker: int) -> dict[str, Any]:
    return {
        "transactional_id": state.transactional_id,
        "state": state.transaction_state,
        "coordinator": broker,
        "producer_id": state.producer_id,
        "producer_epoch": state.producer_epoch,
        "timeout_ms": to_ms(state.transaction_timeout),
        "start_time_ms": _start_ms(state.transaction_start_time),
        "partitions": [
            {"topic": topic.topic, "partitions": list(topic.partitions)}
            for topic in state.topics
        ],
    }


def _start_ms(start: datetime | None) -> int | None:
    """Return when a transaction began, None where there is none."""
    return None if start is None else (start - _EPOCH) // timedelta(milliseconds=1)
