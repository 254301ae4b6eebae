"""CreateTopics (api key 19).

Behaviour
    The active controller decides; any other broker forwards. Each topic succeeds or fails on
    its own. The answer comes when the record of the topic is committed: leaders and followers
    learn of it a moment later.
    A timeout that is not positive has passed before the controller looks: REQUEST_TIMED_OUT.
    `configs` is an array in every answer, empty on error, and each source is a number above 0:
    null or -1 ends the Java client.

Versions
    2   validate only, error message (KIP-4)
    4   -1 partitions or replicas for the default; here from 2 on, as in Kafka 4 (KIP-464)
    5   partitions, replication factor and configs in the answer (KIP-525)
    7   topic id (KIP-516)

Not done
    Quotas. Create topic policies.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.metadata.commands import ConfigEntry, CreateTopics, NewTopic, NewTopicResult
from minikafka.wire.shapes import Shape, to_ms
from minikafka.wire.versions import ApiKey

__all__ = ["create_topics"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    # A topic named twice is refused once.
    names = dict.fromkeys(topic.name for topic in request.topics)
    refused = (NewTopicResult(name, error.code, error.message) for name in names)
    return {"topics": [_result(each) for each in refused]}


@api(ApiKey.CREATE_TOPICS, controller=True, on_error=_error_shape)
async def create_topics(request: Any, context: RequestContext) -> Shape:
    """Create topics, or say why not."""
    if to_ms(request.timeout) <= 0:
        raise KafkaError(ErrorCode.REQUEST_TIMED_OUT)
    command = CreateTopics(
        tuple(_topic(each) for each in request.topics), validate_only=request.validate_only
    )
    results = await context.broker.decide(
        lambda controller, _: controller.create_topics(command)
    )
    return {"topics": [_result(each) for each in results]}


def _topic(topic: Any) -> NewTopic:
    return NewTopic(
        topic.name,
        topic.num_partitions,
        topic.replication_factor,
        tuple((each.partition_index, each.broker_ids) for each in topic.assignments),
        tuple((each.name, each.value) for each in topic.configs),
    )


def _result(result: NewTopicResult) -> Shape:
    return {
        "name": result.name,
        "topic_id": result.topic_id,
        "error_code": result.error,
        "error_message": result.message,
        "num_partitions": result.num_partitions,
        "replication_factor": result.replication_factor,
        "configs": [_config(each) for each in result.configs],
    }


def _config(entry: ConfigEntry) -> Shape:
    return {
        "name": entry.name,
        "value": entry.value,
        "read_only": entry.read_only,
        "config_source": entry.config_source,
        "is_sensitive": entry.is_sensitive,
    }
