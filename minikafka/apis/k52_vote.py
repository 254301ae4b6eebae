"""Vote (api key 52), from a voter that wants to lead the metadata quorum.

Behaviour
    Grants one vote in an epoch, to a candidate whose log is not behind ours, durably before it
    is answered. A pre-vote changes nothing and is refused as long as a leader is heard. The
    answer names the leader and the epoch known here. A candidate whose log is of the epoch that
    it stands for, or of a later one, makes no sense: INVALID_REQUEST.

Versions
    0   KIP-595
    1   directory ids: a vote goes to a node with one disk, and is asked of one (KIP-853)
    2   pre-votes (KIP-996)

Not done
    DIVERGENCE(quorum-addresses): endpoints of the leader; voters know each other.
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
    asked = vote_asked(partition)
    error = ErrorCode.NONE
    if not _makes_sense(partition, pre_vote=asked.pre_vote):
        error = ErrorCode.INVALID_REQUEST
    elif asked.epoch < quorum.machine.epoch:
        error = ErrorCode.FENCED_LEADER_EPOCH
    elif not is_meant_for(request, partition, quorum.machine):
        error = ErrorCode.INVALID_VOTER_KEY
    if error is not ErrorCode.NONE:
        return quorum_response(
            quorum.machine.epoch, quorum.machine.leader_id, error, vote_granted=False
        )
    answer = quorum.vote(asked)
    return quorum_response(answer.epoch, answer.leader_id, vote_granted=answer.granted)


def _makes_sense(partition: Any, *, pre_vote: bool) -> bool:
    """Say whether the candidate's log is one that a candidate of its epoch can have."""
    log_epoch, epoch = partition.last_offset_epoch, partition.replica_epoch
    is_earlier = log_epoch <= epoch if pre_vote else log_epoch < epoch
    return bool(is_earlier and partition.last_offset >= 0 and log_epoch >= 0)
