"""Who gets a vote, and when votes are enough.

Pure. Counterparts: EpochState.canGrantVote and its implementations, CandidateState,
ProspectiveState. KIP-595; KIP-996 for pre-votes.

Rules of this file
    One vote in an epoch, and none once its leader is known.
    No vote for a log that lacks something of ours (Raft, 5.4.1).
    No pre-vote against a leader that we hear ourselves (KAFKA-17641).
"""

from __future__ import annotations

from collections.abc import Sequence

from minikafka.base.ids import NO_LEADER, BrokerId
from minikafka.quorum.commit import majority_count
from minikafka.quorum.messages import LogEnd, VoteRequest
from minikafka.quorum.roles import Role
from minikafka.quorum.state_store import ElectionState

__all__ = ["Ballot", "is_up_to_date", "may_grant"]


def is_up_to_date(candidate: LogEnd, own: LogEnd) -> bool:
    """Say whether a candidate's log holds at least what ours does, as far as ends can tell.

    >>> is_up_to_date(LogEnd(3, 5), LogEnd(2, 9)), is_up_to_date(LogEnd(3, 5), LogEnd(3, 6))
    (True, False)
    """
    return candidate >= own


def may_grant(
    request: VoteRequest,
    *,
    role: Role,
    own_end: LogEnd,
    state: ElectionState,
    heard_leader: bool,
) -> bool:
    """Say whether to vote for who asks; the request is of the epoch we are in.

    Args:
        role: ours.
        state: of this epoch: whom we voted for, and who leads as far as we ever knew.
        heard_leader: the leader that we follow has answered a fetch of ours.
    """
    if not is_up_to_date(request.log_end, own_end):
        return False
    if request.pre_vote:
        if role in (Role.LEADER, Role.RESIGNED):
            return False
        return not (role is Role.FOLLOWER and heard_leader)
    if state.voted_id == NO_LEADER:
        return state.leader_id == NO_LEADER
    # The same node with another disk is somebody else (KIP-853).
    same = (request.candidate_id, request.candidate_directory_id)
    return state.leader_id == NO_LEADER and same == (state.voted_id, state.voted_directory_id)


class Ballot:
    """The votes of one round, from the first request to the majority.

    Args:
        request: what every other voter is asked.
        voters: of the quorum; whoever asks has its own vote, where it is one of them.
    """

    __slots__ = ("_refused", "granted", "request", "resend_ms", "voters")

    def __init__(self, request: VoteRequest, voters: Sequence[BrokerId]) -> None:
        own = request.candidate_id
        self.request = request
        self.voters = tuple(voters)
        self.granted: list[BrokerId] = [own] if own in voters else []
        self._refused: list[BrokerId] = []
        # When to ask those again whose answer will not come, monotonic milliseconds.
        self.resend_ms: dict[BrokerId, int] = {}

    @property
    def others(self) -> list[BrokerId]:
        """The voters that are asked."""
        return [voter for voter in self.voters if voter != self.request.candidate_id]

    @property
    def won(self) -> bool:
        """True once a majority has granted."""
        return len(self.granted) >= majority_count(self.voters)

    @property
    def lost(self) -> bool:
        """True once no majority can come together any more."""
        return len(self._refused) > len(self.voters) - majority_count(self.voters)

    def note(self, voter: BrokerId, *, granted: bool) -> None:
        """Count an answer; the second one of a voter changes nothing, nor does a stranger's."""
        if voter in self.voters and voter not in self.granted and voter not in self._refused:
            (self.granted if granted else self._refused).append(voter)
        self.resend_ms.pop(voter, None)

    def unanswered(self, voter: BrokerId, resend_ms: int) -> None:
        """Note that there will be no answer: ask again at `resend_ms`."""
        if voter in self.voters and voter not in self.granted and voter not in self._refused:
            self.resend_ms[voter] = resend_ms

    def due(self, now_ms: int) -> list[BrokerId]:
        """Return the voters to ask again now, and count them as asked."""
        late = [voter for voter, at_ms in self.resend_ms.items() if at_ms <= now_ms]
        for voter in late:
            del self.resend_ms[voter]
        return [] if self.lost else late
