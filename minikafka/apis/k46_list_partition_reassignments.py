"""ListPartitionReassignments (api key 46).

Behaviour
    The active controller answers from its own state; any other broker forwards. Only
    partitions that move are named; `topics` null asks for all of them. What does not exist is
    passed over. The timeout means nothing: a read of the controller's state does not wait.

Versions
    0   KIP-455

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.metadata.commands import Decision
from minikafka.metadata.reassignment import OngoingReassignment, ongoing_reassignments
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["list_partition_reassignments"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    nothing: Shape = {"replicas": [], "adding_replicas": [], "removing_replicas": []}
    return {
        "error_code": error.code,
        "error_message": error.message,
        "topics": [
            {
                "name": topic.name,
                "partitions": [
                    {"partition_index": index, **nothing} for index in topic.partition_indexes
                ],
            }
            for topic in request.topics or ()
        ],
    }


@api(ApiKey.LIST_PARTITION_REASSIGNMENTS, controller=True, on_error=_error_shape)
async def list_partition_reassignments(request: Any, context: RequestContext) -> Shape:
    """Return the partitions that move."""
    wanted = None
    if request.topics is not None:
        wanted = [
            (topic.name, index) for topic in request.topics for index in topic.partition_indexes
        ]
    found = await context.broker.decide(
        lambda controller, _: Decision((), ongoing_reassignments(controller.image, wanted))
    )
    topics: dict[str, list[Shape]] = {}
    for each in found:
        topics.setdefault(each.topic, []).append(_partition(each))
    return {
        "error_code": ErrorCode.NONE,
        "error_message": None,
        "topics": [
            {"name": name, "partitions": partitions} for name, partitions in topics.items()
        ],
    }


def _partition(ongoing: OngoingReassignment) -> Shape:
    return {
        "partition_index": ongoing.partition,
        "replicas": ongoing.assignment.replicas,
        "adding_replicas": ongoing.assignment.adding,
        "removing_replicas": ongoing.assignment.removing,
    }
