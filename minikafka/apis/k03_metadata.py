"""Metadata (api key 3).

Behaviour
    Every broker answers from the metadata it has applied. Named topics come once each, those
    that exist first, each kind sorted by name; partitions by index; brokers by id, fenced ones
    left out. The controller named is a live broker.
    A missing topic is UNKNOWN_TOPIC_OR_PARTITION also when it is being created for the asker
    (auto.create.topics.enable and the request's own flag): clients ask again. A name that
    cannot exist is INVALID_TOPIC_EXCEPTION.
    One topic id in the request, and only the ids count (12+).

Versions
    0   an empty list asks for all topics; replicas of fenced brokers are left out
    1   null asks for all, empty for none; controller, rack, internal flag
    4   whether to create missing topics
    7   leader epoch (KIP-320)
    8   authorized operations, if asked for (KIP-430); of the cluster only up to 10
    10  topic ids in answers (KIP-516); a null name or an id in a request is INVALID_REQUEST
    12  topic ids in requests
    13  error for the whole answer (KIP-1102)

Not done
    Listeners: there is one per broker.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.auto_topics import create_missing
from minikafka.apis.registry import api
from minikafka.apis.topic_shapes import (
    CLUSTER_OPERATIONS,
    NOT_ASKED,
    TOPIC_OPERATIONS,
    absent_topic_code,
    broker_shape,
    partition_shape,
    shown_controller,
    topic_shape,
)
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicId
from minikafka.broker.context import RequestContext
from minikafka.metadata.image import MetadataImage
from minikafka.wire.shapes import Shape, optional
from minikafka.wire.versions import ApiKey

__all__ = ["metadata"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {
        "brokers": [],
        "cluster_id": None,
        "controller_id": -1,
        "topics": [
            topic_shape(asked.name or "", optional(asked, "topic_id", None), error.code)
            for asked in request.topics or ()
        ],
        "error_code": error.code,
    }


@api(ApiKey.METADATA, on_error=_error_shape)
def metadata(request: Any, context: RequestContext) -> Shape:
    """Return brokers and topics as this broker knows them."""
    broker = context.broker
    image = broker.image
    cluster_operations = NOT_ASKED
    if optional(request, "include_cluster_authorized_operations", False):
        cluster_operations = CLUSTER_OPERATIONS
    return {
        "brokers": [broker_shape(each) for each in image.alive_brokers()],
        "cluster_id": broker.cluster_id,
        "controller_id": shown_controller(image, broker.controller_id),
        "topics": _topics(request, image, context),
        "cluster_authorized_operations": cluster_operations,
        "error_code": ErrorCode.NONE,
    }


def _topics(request: Any, image: MetadataImage, context: RequestContext) -> list[Shape]:
    version, asked = context.api_version, request.topics
    if asked is None or (version == 0 and not asked):
        return [_known(name, image, request, version) for name in sorted(image.topics)]
    names, topic_ids = _wanted(asked, version)
    if topic_ids:
        unknown = [each for each in topic_ids if each not in image.topic_names]
        names = [image.topic_names[each] for each in topic_ids if each in image.topic_names]
        no_id = ErrorCode.UNKNOWN_TOPIC_ID
        return [
            *(topic_shape(None, topic_id, no_id) for topic_id in unknown),
            *(_known(name, image, request, version) for name in sorted(names)),
        ]
    known = sorted(name for name in names if name in image.topics)
    missing = sorted(name for name in names if name not in image.topics)
    return [
        *(_known(name, image, request, version) for name in known),
        *_missing(missing, request, context),
    ]


def _wanted(asked: Any, version: int) -> tuple[list[str], list[TopicId]]:
    """Return the distinct names and the distinct ids of a request."""
    names = dict.fromkeys(topic.name for topic in asked)
    topic_ids = dict.fromkeys(optional(topic, "topic_id", None) for topic in asked)
    topic_ids.pop(None, None)
    if version < 12 and (None in names or topic_ids):
        raise KafkaError(ErrorCode.INVALID_REQUEST)
    if None in names and not topic_ids:
        # Neither name nor id: Kafka fails without a word, and so the code is what it is.
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR)
    return list(names), list(topic_ids)


def _known(name: str, image: MetadataImage, request: Any, version: int) -> Shape:
    topic = image.topics[name]
    return topic_shape(
        name,
        topic.topic_id,
        ErrorCode.NONE,
        (
            partition_shape(index, partition, image, alive_only=version == 0)
            for index, partition in enumerate(topic.partitions)
        ),
        _operations(request),
    )


def _missing(names: list[str], request: Any, context: RequestContext) -> list[Shape]:
    codes = {name: absent_topic_code(name) for name in names}
    creatable = [
        name for name, code in codes.items() if code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    ]
    wanted = optional(request, "allow_auto_topic_creation", True)
    if creatable and wanted and context.broker.config.auto_create_topics_enable:
        context.broker.work.spawn(create_missing(creatable, context))
    return [topic_shape(name, None, codes[name], (), _operations(request)) for name in names]


def _operations(request: Any) -> int:
    asked = optional(request, "include_topic_authorized_operations", False)
    return TOPIC_OPERATIONS if asked else NOT_ASKED
