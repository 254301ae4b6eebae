"""WriteShareGroupState (api key 85).

Behaviour
    The leader of a partition says what has become of records. It is FENCED_LEADER_EPOCH once a
    later one has asked, and FENCED_STATE_EPOCH where the group has begun anew.

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
from minikafka.shares.records import ShareKey
from minikafka.shares.state_batches import StateBatch
from minikafka.shares.state_coordinator import WriteShare
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["write_share_group_state"]


@api(ApiKey.WRITE_SHARE_GROUP_STATE, on_error=refusing({}))
async def write_share_group_state(request: Any, context: RequestContext) -> Shape:
    """Keep what leaders say of share-partitions."""
    return await answer_each(
        request,
        context,
        lambda coordinator, key, each, now: coordinator.write(_command(key, each), now),
        lambda found: {},
    )


def _command(key: ShareKey, asked: Any) -> WriteShare:
    batches = tuple(
        StateBatch(
            each.first_offset, each.last_offset, each.delivery_state, each.delivery_count
        )
        for each in asked.state_batches
    )
    return WriteShare(key, asked.state_epoch, asked.leader_epoch, asked.start_offset, batches)
