"""Topics of a cluster in this process: created and deleted by Kafka's own requests.

Any broker is asked; brokers forward to the controller. Kafka counterpart:
org.apache.kafka.clients.admin.Admin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import UUID

from minikafka.base.config import config_text
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.cluster.client import call
from minikafka.cluster.observe import ClusterView
from minikafka.wire.shapes import Shape, build_request
from minikafka.wire.versions import ApiKey

__all__ = ["ConfigInput", "create_topic", "delete_topic", "topic_is_gone", "topic_is_ready"]

ConfigInput = str | int | float | bool
"""What a config value may be given as; `True` is Kafka's `true`."""

_CREATE_TOPICS_VERSION = 7
_DELETE_TOPICS_VERSION = 6
_TIMEOUT_MS = 30_000


async def create_topic(
    view: ClusterView,
    name: str,
    partitions: int,
    replication_factor: int,
    config: Mapping[str, ConfigInput] | None,
) -> UUID:
    """Return the id of a topic that the controller has recorded.

    Raises:
        KafkaError: TOPIC_ALREADY_EXISTS, INVALID_TOPIC_EXCEPTION, INVALID_PARTITIONS,
            INVALID_REPLICATION_FACTOR, INVALID_CONFIG.
    """
    shape: Shape = {
        "topics": [
            {
                "name": name,
                "num_partitions": partitions,
                "replication_factor": replication_factor,
                "assignments": [],
                "configs": [
                    {"name": key, "value": config_text(value)}
                    for key, value in (config or {}).items()
                ],
            }
        ],
        "timeout": _TIMEOUT_MS,
        "validate_only": False,
    }
    request = build_request(ApiKey.CREATE_TOPICS, _CREATE_TOPICS_VERSION, shape)
    answer = await call(
        view, _any_broker(view), ApiKey.CREATE_TOPICS, _CREATE_TOPICS_VERSION, request
    )
    result = answer.topics[0]
    if result.error_code != ErrorCode.NONE:
        raise KafkaError(result.error_code, result.error_message)
    topic_id: UUID = result.topic_id
    return topic_id


async def delete_topic(view: ClusterView, name: str) -> None:
    """The controller has recorded that the topic is gone.

    Raises:
        KafkaError: UNKNOWN_TOPIC_OR_PARTITION, TOPIC_DELETION_DISABLED.
    """
    shape: Shape = {"topics": [{"name": name, "topic_id": None}], "timeout": _TIMEOUT_MS}
    request = build_request(ApiKey.DELETE_TOPICS, _DELETE_TOPICS_VERSION, shape)
    answer = await call(
        view, _any_broker(view), ApiKey.DELETE_TOPICS, _DELETE_TOPICS_VERSION, request
    )
    result = answer.responses[0]
    if result.error_code != ErrorCode.NONE:
        raise KafkaError(result.error_code, result.error_message)


def topic_is_ready(view: ClusterView, name: str, topic_id: UUID) -> Callable[[], bool]:
    """Return whether every broker that is up knows the topic, and its leaders lead."""

    def ready() -> bool:
        for broker in sorted(view.nodes):
            topic = view.nodes[broker].broker.image.topics.get(name)
            if topic is None or topic.topic_id != topic_id:
                return False
        return all(_leads(view, name, number) for number in view.partitions(name))

    return ready


def topic_is_gone(view: ClusterView, name: str) -> Callable[[], bool]:
    """Return whether no broker that is up knows the topic."""
    return lambda: all(
        name not in view.nodes[broker].broker.image.topics for broker in sorted(view.nodes)
    )


def _leads(view: ClusterView, topic: str, number: int) -> bool:
    leader = view.leader(topic, number)
    if leader is None or leader not in view.nodes:
        return False
    replica = view.nodes[leader].broker.replicas.partition(TopicPartition(topic, number))
    return replica is not None and replica.leader is not None


def _any_broker(view: ClusterView) -> int:
    if not view.nodes:
        raise KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, "no broker is running")
    return min(view.nodes)
