"""ElectLeaders (api key 43).

Behaviour
    The active controller decides; any other broker forwards. Each partition is elected or
    refused on its own: ELECTION_NOT_NEEDED where it is led as asked, else
    PREFERRED_LEADER_NOT_AVAILABLE or ELIGIBLE_LEADERS_NOT_AVAILABLE. No topics (null) means
    all partitions; then those that need no election are left out, but not their topics.
    A timeout that is not positive is REQUEST_TIMED_OUT.

Versions
    0   elects preferred leaders (KIP-183)
    1   election type, preferred or unclean; an error for the whole (KIP-460)
    2   flexible

Not done
    Nothing known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.metadata.commands import ElectionResult, ElectionType, ElectLeaders
from minikafka.wire.shapes import Shape, to_ms
from minikafka.wire.versions import ApiKey

__all__ = ["elect_leaders"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    topics = request.topic_partitions or ()
    refused = [
        ElectionResult(topic, number, error.code, error.message)
        for topic, number in _partitions(topics)
    ]
    return _answer(_names(topics), refused, error.code, version)


@api(ApiKey.ELECT_LEADERS, controller=True, on_error=_error_shape)
async def elect_leaders(request: Any, context: RequestContext) -> Shape:
    """Hold elections, or say why not."""
    if to_ms(request.timeout) <= 0:
        raise KafkaError(ErrorCode.REQUEST_TIMED_OUT)
    asked = request.topic_partitions
    command = ElectLeaders(
        request.election_type if context.api_version else ElectionType.PREFERRED,
        None if asked is None else _partitions(asked),
    )
    results = await context.broker.decide(
        lambda controller, _: controller.elect_leaders(command)
    )
    names = sorted(context.broker.image.topics) if asked is None else _names(asked)
    return _answer(names, results, ErrorCode.NONE, context.api_version)


def _names(topics: Iterable[Any]) -> list[str]:
    return [topic.topic for topic in topics]


def _partitions(topics: Iterable[Any]) -> tuple[tuple[str, int], ...]:
    return tuple((topic.topic, number) for topic in topics for number in topic.partitions)


def _answer(
    names: Iterable[str], results: Iterable[ElectionResult], code: ErrorCode, version: int
) -> Shape:
    topics: dict[str, list[Shape]] = {name: [] for name in names}
    for result in results:
        topics.setdefault(result.topic, []).append(
            {
                "partition_id": result.partition,
                "error_code": result.error,
                "error_message": result.message,
            }
        )
    return {
        **({"error_code": code} if version >= 1 else {}),
        "replica_election_results": [
            {"topic": topic, "partition_result": partitions}
            for topic, partitions in topics.items()
        ],
    }
