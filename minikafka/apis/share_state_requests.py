"""What the APIs of the share coordinator have in common: each share-partition by itself. KIP-932."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, TypeVar

from minikafka.apis.registry import ErrorShape
from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ZERO_ID
from minikafka.broker.context import RequestContext
from minikafka.broker.purgatory import settled
from minikafka.groups.commands import Decision, Moment
from minikafka.shares.records import ShareKey
from minikafka.shares.state_coordinator import ShareCoordinator
from minikafka.wire.shapes import Shape

__all__ = ["Asked", "answer_each", "refusing"]

T = TypeVar("T")
Asked = Callable[[ShareCoordinator, ShareKey, Any, Moment], Decision[T]]
"""What to ask of the coordinator, by share-partition and by its part of the request."""


def refusing(blank: Shape) -> ErrorShape:
    """Return what answers every share-partition with an error.

    Args:
        blank: the fields of the API besides, for a share-partition of which nothing is known.
    """

    def refuse(request: Any, error: KafkaError, version: int) -> Shape:
        return {
            "results": [
                {
                    "topic_id": topic.topic_id,
                    "partitions": [
                        _refused(each.partition, error, blank) for each in topic.partitions
                    ],
                }
                for topic in request.topics
            ]
        }

    return refuse


def _refused(partition: int, error: KafkaError, blank: Shape) -> Shape:
    told = {"partition": partition, "error_code": error.code, "error_message": error.message}
    return {**told, **blank}


async def answer_each(
    request: Any,
    context: RequestContext,
    ask: Asked[T],
    shape: Callable[[T], Shape],
    blank: Shape = MappingProxyType({}),
) -> Shape:
    """Return the answer, with what `shape` makes of each success.

    As in Kafka it is empty where there is no group id, or a topic has no partitions.
    """
    if not request.group_id or any(not topic.partitions for topic in request.topics):
        return {"results": []}
    asked = [
        (topic.topic_id, each, _asked(request.group_id, topic, each, context, ask))
        for topic in request.topics
        for each in topic.partitions
    ]
    results: dict[object, list[Shape]] = {}
    for topic_id, each, answer in asked:
        partitions = results.setdefault(topic_id, [])
        try:
            found = await settled(answer)
        except KafkaError as error:
            partitions.append(_refused(each.partition, error, blank))
            continue
        told = {"partition": each.partition, "error_code": ErrorCode.NONE}
        partitions.append({**told, "error_message": None, **shape(found)})
    return {
        "results": [
            {"topic_id": topic_id, "partitions": found} for topic_id, found in results.items()
        ]
    }


def _asked(
    group_id: str, topic: Any, each: Any, context: RequestContext, ask: Asked[T]
) -> Deferred[T]:
    key = ShareKey(group_id, topic.topic_id or ZERO_ID, each.partition)
    try:
        return context.broker.share_state.write(
            str(key), lambda coordinator, now: ask(coordinator, key, each, now)
        )
    except KafkaError as error:
        refused: Deferred[T] = Deferred()
        refused.fail(error)
        return refused
