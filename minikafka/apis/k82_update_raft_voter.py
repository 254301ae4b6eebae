"""UpdateRaftVoter (api key 82), from a voter that listens elsewhere now.

Behaviour
    The leader of the metadata quorum notes the voter's endpoints and answers when that is
    committed. FENCED_LEADER_EPOCH and UNKNOWN_LEADER_EPOCH for another epoch than the leader's;
    else as RemoveRaftVoter.

Versions
    0   KIP-853

Not done
    Voters here do not send it: brokers learn from registrations where the others are.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ZERO_ID
from minikafka.broker.context import RequestContext
from minikafka.broker.quorum_messages import check_cluster
from minikafka.quorum.voter_changes import updated
from minikafka.quorum.voters import Endpoint, Voter
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["update_raft_voter"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code}


@api(ApiKey.UPDATE_RAFT_VOTER, on_error=_error_shape)
async def update_raft_voter(request: Any, context: RequestContext) -> Shape:
    """Note where a voter listens; the answer says who leads, also where it refuses."""
    error = ErrorCode.NONE
    try:
        await _update(request, context)
    except KafkaError as refused:
        error = refused.code
    broker = context.broker
    machine = broker.quorum.machine
    leader = broker.image.brokers.get(machine.leader_id)
    # DIVERGENCE(quorum-addresses): its listener for clients.
    told = {
        "leader_id": machine.leader_id,
        "leader_epoch": machine.epoch,
        "host": "" if leader is None else leader.host,
        "port": 0 if leader is None else leader.port,
    }
    return {"error_code": error, "current_leader": told}


async def _update(request: Any, context: RequestContext) -> None:
    broker = context.broker
    machine = broker.quorum.machine
    check_cluster(request, broker.cluster_id)
    if not machine.is_leader:
        raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    if request.current_leader_epoch != machine.epoch:
        behind = request.current_leader_epoch < machine.epoch
        raise KafkaError(
            ErrorCode.FENCED_LEADER_EPOCH if behind else ErrorCode.UNKNOWN_LEADER_EPOCH
        )
    if request.voter_id < 0 or not request.listeners:
        raise KafkaError(ErrorCode.INVALID_REQUEST)
    endpoints = tuple(Endpoint(each.name, each.host, each.port) for each in request.listeners)
    voter = Voter(request.voter_id, request.voter_directory_id or ZERO_ID, endpoints)
    deadline_ms = broker.clock.monotonic_ms() + broker.config.request_timeout_ms
    await broker.quorum.change_voters(lambda voters: updated(voters, voter), deadline_ms)
