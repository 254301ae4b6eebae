"""DeleteGroups (api key 42).

Behaviour
    Groups without members go, with their offsets; each has its own error (KIP-229). The state of a
    share group goes first, from the share coordinators (KIP-932).

Versions
    2   flexible

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.broker.purgatory import settled
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["delete_groups"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {
        "results": [
            {"group_id": group_id, "error_code": error.code}
            for group_id in dict.fromkeys(request.groups_names)
        ]
    }


@api(ApiKey.DELETE_GROUPS, on_error=_error_shape)
async def delete_groups(request: Any, context: RequestContext) -> Shape:
    """Delete groups and their offsets."""
    results = [
        {"group_id": group_id, "error_code": await _delete(group_id, context)}
        for group_id in dict.fromkeys(request.groups_names)
    ]
    return {"results": results}


async def _delete(group_id: str, context: RequestContext) -> ErrorCode:
    try:
        await context.broker.share_groups.delete_state(group_id)
        [(_, error)] = await settled(
            context.broker.groups.write(
                group_id, lambda coordinator, now: coordinator.delete_groups((group_id,))
            )
        )
    except KafkaError as refusal:
        return refusal.code
    return error
