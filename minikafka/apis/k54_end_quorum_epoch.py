"""EndQuorumEpoch (api key 54), from a leader of the metadata quorum that resigns.

Behaviour
    The voters need not wait until they miss it: the first of the preferred candidates asks for
    votes at once, each later one a little later. An older epoch is FENCED_LEADER_EPOCH.

Versions
    0   KIP-595; names the successors without directory ids
    1   directory ids and endpoints (KIP-853)

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.broker.quorum_messages import check_cluster, only_partition, quorum_response
from minikafka.wire.shapes import Shape, optional
from minikafka.wire.versions import ApiKey

__all__ = ["end_quorum_epoch"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code, "topics": []}


@api(ApiKey.END_QUORUM_EPOCH, on_error=_error_shape)
def end_quorum_epoch(request: Any, context: RequestContext) -> Shape:
    """Hold an election soon."""
    quorum = context.broker.quorum
    check_cluster(request, context.broker.cluster_id)
    asked = only_partition(request)
    preferred = tuple(optional(asked, "preferred_successors", ())) or tuple(
        each.candidate_id for each in optional(asked, "preferred_candidates", ())
    )
    fenced = asked.leader_epoch < quorum.machine.epoch
    quorum.hear_end(asked.leader_id, asked.leader_epoch, preferred)
    error = ErrorCode.FENCED_LEADER_EPOCH if fenced else ErrorCode.NONE
    return quorum_response(quorum.machine.epoch, quorum.machine.leader_id, error)
