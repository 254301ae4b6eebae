"""ReadShareGroupState (api key 84).

Behaviour
    The leader of a partition asks what has become of records, when it begins. Leaders of earlier
    epochs are fenced from then on.

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

__all__ = ["read_share_group_state"]

_BLANK = MappingProxyType({"state_epoch": 0, "start_offset": 0, "state_batches": ()})


@api(ApiKey.READ_SHARE_GROUP_STATE, on_error=refusing(_BLANK))
async def read_share_group_state(request: Any, context: RequestContext) -> Shape:
    """Return what is known of share-partitions, to their leader."""
    return await answer_each(
        request,
        context,
        lambda coordinator, key, each, now: coordinator.read(key, each.leader_epoch, now),
        _shape,
        _BLANK,
    )


def _shape(found: StoredShare) -> Shape:
    return {
        "state_epoch": found.state_epoch,
        "start_offset": found.start_offset,
        "state_batches": [
            {
                "first_offset": first,
                "last_offset": last,
                "delivery_state": state,
                "delivery_count": count,
            }
            for first, last, state, count in found.batches
        ],
    }
