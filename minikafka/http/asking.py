"""Every broker asked the same, by Kafka's own requests: what coordinators know, each its own part.

A broker that stands still is not waited for, and what it coordinates is missing for as long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.cluster.cluster import AsyncCluster
from minikafka.cluster.overview import Overview
from minikafka.wire.shapes import Shape, build_request
from minikafka.wire.versions import ApiKey

__all__ = ["Asked", "ask", "ask_each"]

BROKER_SECONDS = 2.0
"""How long one broker is waited for."""

Asked = Callable[[int], Awaitable[list[dict[str, Any]]]]


async def ask(
    cluster: AsyncCluster, broker: int, key: ApiKey, version: int, shape: Shape
) -> Any:
    """Return a broker's answer.

    Raises:
        KafkaError: also where it is the answer as a whole that is refused.
    """
    answer = await cluster.client().call(
        broker, key, version, build_request(key, version, shape)
    )
    code = getattr(answer, "error_code", ErrorCode.NONE)
    if code != ErrorCode.NONE:
        raise KafkaError(code)
    return answer


async def ask_each(state: Overview, asked: Asked) -> tuple[list[dict[str, Any]], list[int]]:
    """Return what all brokers tell, and the brokers that are up and did not answer."""
    found: list[dict[str, Any]] = []
    unanswered = []
    for broker in state.brokers:
        if broker.condition == "down":
            continue
        if broker.condition == "paused":
            unanswered.append(broker.id)
            continue
        try:
            async with asyncio.timeout(BROKER_SECONDS):
                found += await asked(broker.id)
        except (TimeoutError, KafkaError):
            unanswered.append(broker.id)
    return found, unanswered
