"""RemoveRaftVoter (api key 81).

Behaviour
    The leader of the metadata quorum takes a vote away and answers when that is committed; one
    that removes itself then resigns. REQUEST_TIMED_OUT while another change, or the leader's
    first record, is not committed; VOTER_NOT_FOUND for an id or a disk that has no vote;
    UNSUPPORTED_VERSION where the voters are fixed by config. Any broker forwards.

Versions
    0   KIP-853

Not done
    Nothing known.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ZERO_ID
from minikafka.broker.context import RequestContext
from minikafka.broker.quorum_messages import check_cluster
from minikafka.quorum.voter_changes import removed
from minikafka.wire.shapes import Shape
from minikafka.wire.versions import ApiKey

__all__ = ["remove_raft_voter"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code, "error_message": error.message}


@api(ApiKey.REMOVE_RAFT_VOTER, controller=True, on_error=_error_shape)
async def remove_raft_voter(request: Any, context: RequestContext) -> Shape:
    """Take a vote away."""
    broker = context.broker
    check_cluster(request, broker.cluster_id)
    if request.voter_id < 0:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "A voter has an id.")
    directory_id = request.voter_directory_id or ZERO_ID
    deadline_ms = broker.clock.monotonic_ms() + broker.config.request_timeout_ms
    await broker.quorum.change_voters(
        lambda voters: removed(voters, request.voter_id, directory_id), deadline_ms
    )
    return {"error_code": ErrorCode.NONE, "error_message": None}
