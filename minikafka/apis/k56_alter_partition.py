"""AlterPartition (api key 56), from leaders to the controller.

Behaviour
    A leader proposes the ISR of partitions it leads; the controller takes or refuses each on
    its own and answers with the partition's state. A leader takes the new ISR from the metadata
    log, not from here. A stale broker epoch refuses the whole request.

Versions
    2   topic ids (KIP-841)
    3   broker epochs of the proposed ISR (KIP-903)

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ZERO_ID, TopicId
from minikafka.broker.context import RequestContext
from minikafka.metadata.commands import AlterPartition, IsrChange, IsrChangeResult
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["alter_partition"]

_RECOVERING = 1
_UNKNOWN_BROKER_EPOCH = -1


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code, "topics": []}


@api(ApiKey.ALTER_PARTITION, controller=True, on_error=_error_shape)
async def alter_partition(request: Any, context: RequestContext) -> Shape:
    """Decide on the ISRs that a leader proposes."""
    command = AlterPartition(
        request.broker_id,
        request.broker_epoch,
        tuple(
            _change(topic.topic_id or ZERO_ID, asked, context.api_version)
            for topic in request.topics
            for asked in topic.partitions
        ),
    )
    results = await context.broker.decide(
        lambda controller, _: controller.alter_partition(command)
    )
    topics: dict[TopicId, list[Shape]] = {}
    for result in results:
        topics.setdefault(result.topic_id, []).append(_result(result))
    return {
        "error_code": ErrorCode.NONE,
        "topics": [
            {"topic_id": topic_id, "partitions": partitions}
            for topic_id, partitions in topics.items()
        ],
    }


def _change(topic_id: TopicId, asked: Any, version: int) -> IsrChange:
    if version < 3:
        isr = tuple((broker_id, _UNKNOWN_BROKER_EPOCH) for broker_id in asked.new_isr)
    else:
        isr = tuple((each.broker_id, each.broker_epoch) for each in asked.new_isr_with_epochs)
    return IsrChange(
        topic_id,
        asked.partition_index,
        asked.leader_epoch,
        asked.partition_epoch,
        isr,
        recovering=asked.leader_recovery_state == _RECOVERING,
    )


def _result(result: IsrChangeResult) -> Shape:
    return {
        "partition_index": result.partition,
        "error_code": result.error,
        "leader_id": result.leader,
        "leader_epoch": result.leader_epoch,
        "isr": result.isr,
        "leader_recovery_state": int(result.recovering),
        "partition_epoch": result.partition_epoch,
    }
