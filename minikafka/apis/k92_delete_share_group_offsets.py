"""DeleteShareGroupOffsets (api key 92).

Behaviour
    A share group without members forgets topics: its share coordinators forget what had become of
    their records. Each topic has its own error.
    UNSUPPORTED_VERSION unless share groups are switched on (`group.share.enable`).

Versions
    0   share groups (KIP-932)

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.group_requests import check_group_id
from minikafka.apis.registry import api
from minikafka.apis.share_requests import check_enabled
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ZERO_ID
from minikafka.broker.context import RequestContext
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["delete_share_group_offsets"]

_UNKNOWN = KafkaError(
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition."
)
_NOTHING = KafkaError(
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "There is no offset information to delete."
)


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code, "error_message": error.message, "responses": []}


@api(ApiKey.DELETE_SHARE_GROUP_OFFSETS, on_error=_error_shape)
async def delete_share_group_offsets(request: Any, context: RequestContext) -> Shape:
    """Let a share group forget topics."""
    check_enabled(context)
    check_group_id(request.group_id)
    topics = context.broker.image.topics
    names = [topic.topic_name for topic in request.topics]
    ids = {name: topics[name].topic_id for name in names if name in topics}
    responses: list[Shape] = []
    if names:
        found = await context.broker.share_groups.delete_topics(
            request.group_id, list(ids.values())
        )
        for name in names:
            topic_id = ids.get(name, ZERO_ID)
            error = found.get(topic_id, _NOTHING if name in ids else _UNKNOWN)
            responses.append(
                {
                    "topic_name": name,
                    "topic_id": topic_id if topic_id in found else ZERO_ID,
                    "error_code": ErrorCode.NONE if error is None else error.code,
                    "error_message": None if error is None else error.message,
                }
            )
    return {"error_code": ErrorCode.NONE, "error_message": None, "responses": responses}
