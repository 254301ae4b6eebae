"""Vote (api key 52), from a voter that wants to lead the metadata quorum.

Behaviour
    Grants one vote in an epoch, to a candidate whose log is not behind ours, durably before it
    is answered. A pre-vote changes nothing and is refused as long as a leader is heard. The
    answer names the leader and the epoch known here.

Versions
    0   KIP-595
    1   directory ids: a vote goes to a node with one disk, and is asked of one (KIP-853)
    2   pre-votes (KIP-996)

Not done
    Endpoints of the leader: voters know each other.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.broker.context import RequestContext
from minikafka.broker.quorum_messages import (
    check_cluster,
    check_voter_key,
    only_partition,
    quorum_response,
    vote_asked,
)
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["vote"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code, "topics": []}


@api(ApiKey.VOTE, on_error=_error_shape)
def vote(request: Any, context: RequestContext) -> Shape:
    """Vote, or say why not."""
    quorum = context.broker.quorum
    check_cluster(request, context.broker.cluster_id)
    partition = only_partition(request)
    check_voter_key(request, partition, quorum.machine)
    asked = vote_asked(partition)
    if asked.epoch < quorum.machine.epoch:
        error = ErrorCode.FENCED_LEADER_EPOCH
        return quorum_response(
            quorum.machine.epoch, quorum.machine.leader_id, error, vote_granted=False
        )
    answer = quorum.vote(asked)
    return quorum_response(answer.epoch, answer.leader_id, vote_granted=answer.granted)
