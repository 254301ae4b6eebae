"""AddRaftVoter (api key 80).

Behaviour
    The leader of the metadata quorum makes an observer a voter, once it has caught up, and
    answers when that is committed. One change at a time: while another one, or the leader's
    first record, is not committed, the answer is REQUEST_TIMED_OUT, as for an observer that does
    not catch up in time. DUPLICATE_VOTER for an id that has a vote, with this disk or another;
    UNSUPPORTED_VERSION where the voters are fixed by config. Any broker forwards.

Versions
    0   KIP-853

Not done
    The new voter is not asked which kraft.version it understands: a node here understands both.
"""

from __future__ import annotations

from typing import Any

from minikafka.apis.registry import api
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ZERO_ID
from minikafka.broker.context import RequestContext
from minikafka.broker.purgatory import settled
from minikafka.broker.quorum_messages import check_cluster
from minikafka.quorum.voter_changes import added
from minikafka.quorum.voters import Endpoint, Voter
from minikafka.wire.shapes import Shape, to_ms
from minikafka.wire.versions import ApiKey

__all__ = ["add_raft_voter"]


def _error_shape(request: Any, error: KafkaError, version: int) -> Shape:
    return {"error_code": error.code, "error_message": error.message}


@api(ApiKey.ADD_RAFT_VOTER, controller=True, on_error=_error_shape)
async def add_raft_voter(request: Any, context: RequestContext) -> Shape:
    """Give a node a vote."""
    broker = context.broker
    quorum, clock = broker.quorum, broker.clock
    check_cluster(request, broker.cluster_id)
    directory_id = request.voter_directory_id or ZERO_ID
    if request.voter_id < 0 or not request.listeners or directory_id == ZERO_ID:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, "A voter has an id, a directory, listeners."
        )
    endpoints = tuple(Endpoint(each.name, each.host, each.port) for each in request.listeners)
    voter = Voter(request.voter_id, directory_id, endpoints)
    machine = quorum.machine
    machine.check_voters_may_change()
    added(machine.voter_set, voter)
    deadline_ms = clock.monotonic_ms() + max(0, to_ms(request.timeout))

    def caught_up() -> bool:
        leadership = machine.leadership
        return leadership is None or leadership.has_caught_up((voter.voter_id, directory_id))

    waits_for = [quorum.heard, quorum.leader_changed]
    await settled(broker.purgatory.wait(caught_up, waits_for, deadline_ms))
    if not caught_up():
        raise KafkaError(
            ErrorCode.REQUEST_TIMED_OUT, f"Node {voter.voter_id} has not caught up in time."
        )
    await quorum.change_voters(lambda voters: added(voters, voter), deadline_ms)
    return {"error_code": ErrorCode.NONE, "error_message": None}
