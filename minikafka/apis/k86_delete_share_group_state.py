"""DeleteShareGroupState (api key 86).

Behaviour
    The group coordinator has a share-partition forgotten; one that is not there is no error.

Versions
    0   share groups (KIP-932)

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.apis.share_state_requests import answer_each, refusing
from minikafka.broker.context import RequestContext
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["delete_share_group_state"]


@api(ApiKey.DELETE_SHARE_GROUP_STATE, on_error=refusing({}))
async def delete_share_group_state(request: Any, context: RequestContext) -> Shape:
    """Forget share-partitions."""
    return await answer_each(
        request,
        context,
        lambda coordinator, key, each, now: coordinator.delete(key),
        lambda found: {},
    )
