"""ReadShareGroupStateSummary (api key 87).

Behaviour
    The group coordinator asks how far a share-partition has come; -1 where it has not begun. Nobody
    is fenced by that.

Versions
    0   share groups (KIP-932)

Not done
    Nothing known.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from minikafka.apis.registry import api
from minikafka.apis.share_state_requests import answer_each, refusing
from minikafka.broker.context import RequestContext
from minikafka.shares.records import StoredShare
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["read_share_group_state_summary"]

_BLANK = MappingProxyType({"state_epoch": 0, "leader_epoch": 0, "start_offset": 0})


@api(ApiKey.READ_SHARE_GROUP_STATE_SUMMARY, on_error=refusing(_BLANK))
async def read_share_group_state_summary(request: Any, context: RequestContext) -> Shape:
    """Return how far share-partitions have come."""
    return await answer_each(
        request,
        context,
        lambda coordinator, key, each, now: coordinator.summary(key),
        _shape,
        _BLANK,
    )


def _shape(found: StoredShare | None) -> Shape:
    if found is None:
        return {"state_epoch": 0, "leader_epoch": 0, "start_offset": -1}
    return {
        "state_epoch": found.state_epoch,
        "leader_epoch": found.leader_epoch,
        "start_offset": found.start_offset,
    }
