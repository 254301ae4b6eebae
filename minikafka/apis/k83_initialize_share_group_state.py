"""InitializeShareGroupState (api key 83).

Behaviour
    The group coordinator lets a share-partition begin, or begin anew in a later state epoch. An
    earlier one is FENCED_STATE_EPOCH.

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

__all__ = ["initialize_share_group_state"]


@api(ApiKey.INITIALIZE_SHARE_GROUP_STATE, on_error=refusing({}))
async def initialize_share_group_state(request: Any, context: RequestContext) -> Shape:
    """Let share-partitions begin."""
    return await answer_each(
        request,
        context,
        lambda coordinator, key, each, now: coordinator.initialize(
            key, each.state_epoch, each.start_offset, now
        ),
        lambda found: {},
    )
