"""DeleteTopics (api key 20).

Behaviour
    The active controller decides; any other broker forwards. Each topic succeeds or fails on
    its own; one named twice is INVALID_REQUEST. The answer comes when the record is committed.
    With delete.topic.enable=false nothing is deleted: TOPIC_DELETION_DISABLED, before version
    3 INVALID_REQUEST. A timeout that is not positive is REQUEST_TIMED_OUT.

Versions
    1   throttle time
    3   TOPIC_DELETION_DISABLED (KIP-322)
    5   error message (KIP-599)
    6   by name or by id (KIP-516)

Not done
    Quotas.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ZERO_ID
from minikafka.broker.context import RequestContext
from minikafka.metadata.commands import DeletedTopic, DeleteTopics, TopicRef
from minikafka.wire.shapes import Shape, to_ms
from minikafka.wire.versions import ApiKey

__all__ = ["delete_topics"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    # Kafka leaves the text out of an answer that refuses the whole request.
    refused = dict.fromkeys(
        DeletedTopic(topic.name, topic.topic_id, error.code)
        for topic in _topics(request, version)
    )
    return {"responses": [_result(each) for each in refused]}


@api(ApiKey.DELETE_TOPICS, controller=True, on_error=_error_shape)
async def delete_topics(request: Any, context: RequestContext) -> Shape:
    """Delete topics, or say why not."""
    if not context.broker.config.delete_topic_enable:
        old = context.api_version < 3
        raise KafkaError(
            ErrorCode.INVALID_REQUEST if old else ErrorCode.TOPIC_DELETION_DISABLED
        )
    if to_ms(request.timeout) <= 0:
        raise KafkaError(ErrorCode.REQUEST_TIMED_OUT)
    command = DeleteTopics(_topics(request, context.api_version))
    results = await context.broker.decide(
        lambda controller, _: controller.delete_topics(command)
    )
    return {"responses": [_result(each) for each in results]}


def _topics(request: Any, version: int) -> tuple[TopicRef, ...]:
    if version < 6:
        return tuple(TopicRef(name) for name in request.topic_names)
    return tuple(TopicRef(each.name, each.topic_id or ZERO_ID) for each in request.topics)


def _result(result: DeletedTopic) -> Shape:
    return {
        "name": result.name,
        "topic_id": result.topic_id,
        "error_code": result.error,
        "error_message": result.message,
    }
