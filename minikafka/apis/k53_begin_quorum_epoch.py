"""BeginQuorumEpoch (api key 53), from the new leader of the metadata quorum to the voters.

Behaviour
    The voter follows the leader of this epoch, and of any later one. An older epoch is
    FENCED_LEADER_EPOCH; the answer names the leader and the epoch known here. What is meant for
    another disk than this node's is INVALID_VOTER_KEY.

Versions
    0   KIP-595
    1   directory ids and endpoints (KIP-853)

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.broker.quorum_messages import (
    check_cluster,
    is_meant_for,
    only_partition,
    quorum_response,
)
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["begin_quorum_epoch"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code, "topics": []}


@api(ApiKey.BEGIN_QUORUM_EPOCH, on_error=_error_shape)
def begin_quorum_epoch(request: Any, context: RequestContext) -> Shape:
    """Follow the new leader."""
    quorum = context.broker.quorum
    check_cluster(request, context.broker.cluster_id)
    asked = only_partition(request)
    fenced = asked.leader_epoch < quorum.machine.epoch
    quorum.hear_leader(asked.leader_id, asked.leader_epoch)
    error = ErrorCode.FENCED_LEADER_EPOCH if fenced else ErrorCode.NONE
    if not fenced and not is_meant_for(request, asked, quorum.machine):
        # As in Kafka it is heard all the same: who leads is true whomever it was meant for.
        error = ErrorCode.INVALID_VOTER_KEY
    return quorum_response(quorum.machine.epoch, quorum.machine.leader_id, error)
