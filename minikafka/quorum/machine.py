"""One node of the metadata quorum: its epoch, its role, and what is committed.

Counterparts: org.apache.kafka.raft.KafkaRaftClient, QuorumState. KIP-595, KIP-631, KIP-996.
Pure: takes the time, writes to the log and the state store it was given, and tells its driver
through effects what happened and what to send.

Rules of this file
    A vote is durable before it is given or counted, and an epoch before it is acted in.
    Durable epochs never fall, and each leadership has an epoch of its own.
    A pre-vote changes nothing that lasts.
    No committed batch is ever truncated.
"""

from __future__ import annotations

from collections.abc import Sequence

from minikafka.base.errors import BrokerBug
from minikafka.base.ids import NO_LEADER, NO_OFFSET, NO_TIMESTAMP, BrokerId, Offset
from minikafka.quorum.control import (
    control_batch,
    kraft_version_record,
    leader_change_record,
    voters_record,
)
from minikafka.quorum.duties import LeaderDuties
from minikafka.quorum.effects import (
    Effect,
    HighWatermarkAdvanced,
    LeaderElected,
    LeaderLost,
    SendBeginEpoch,
    SendVote,
)
from minikafka.quorum.election import Ballot, may_grant
from minikafka.quorum.leading import Leadership
from minikafka.quorum.messages import VoteAnswer, VoteRequest
from minikafka.quorum.roles import Cause, Role
from minikafka.quorum.state_store import ElectionState
from minikafka.records.batch import Batch

__all__ = ["QuorumMachine"]


class QuorumMachine(LeaderDuties):
    """A voter or an observer of the metadata quorum.

    Every method that can make something happen returns the effects, in order; after those that
    return something else `take_effects` does. Times are monotonic milliseconds, but for
    `now_timestamp_ms`, wall clock, which goes into records.
    """

    __slots__ = ()

    def start(self, now_ms: int, now_timestamp_ms: int = NO_TIMESTAMP) -> list[Effect]:
        """Take up work with what the disk says; a sole voter leads on return.

        A node that led before it stopped does not lead on in the same epoch (KAFKA-10527). In
        a quorum that never had an epoch the first voter need not wait for others to be first.
        """
        if self.last_epoch > self.epoch:
            # The state file is gone or stale; the log still knows what epochs there were.
            self._save(ElectionState(self.last_epoch))
        fresh = self.epoch == 0 and not self.log.log_end_offset
        first = self.node_id == min(self.voters)
        if self.is_voter and (len(self.voters) == 1 or (fresh and first)):
            self._ask_around(Cause.ELECTION_DUE, now_ms, now_timestamp_ms)
        elif self.state.leader_id == self.node_id:
            self._turn(Cause.LED_BEFORE)
            self._await_election(now_ms)
        elif self.state.leader_id != NO_LEADER:
            self._follow(now_ms)
        else:
            self._await_election(now_ms)
        return self.take_effects()

    def tick(self, now_ms: int, now_timestamp_ms: int = NO_TIMESTAMP) -> list[Effect]:
        """Do what is due at `now_ms`: remind, resign, ask again, or begin another election."""
        ballot, leadership = self._ballot, self.leadership
        if ballot is not None:
            self._effects += [SendVote(voter, ballot.request) for voter in ballot.due(now_ms)]
        if leadership is not None:
            until_ms = leadership.quorum_deadline_ms()
            if until_ms is not None and now_ms >= until_ms:
                self._resign(now_ms)
            else:
                late = leadership.due_reminders(now_ms)
                self._effects += [SendBeginEpoch(voter, self.epoch) for voter in late]
        if self._deadline_ms is not None and now_ms >= self._deadline_ms:
            self._on_deadline(now_ms, now_timestamp_ms)
        return self.take_effects()

    # --- votes ---

    def on_vote_request(self, request: VoteRequest, now_ms: int) -> VoteAnswer:
        """Vote, or say why not; a granted vote is durable on return."""
        if request.epoch > self.epoch:
            self._see_epoch(request.epoch, now_ms)
        granted = request.epoch == self.epoch and may_grant(
            request,
            role=self.role,
            own_end=self.log_end,
            state=self.state,
            heard_leader=self._heard_leader,
        )
        if granted and not request.pre_vote:
            self._save(
                ElectionState(
                    self.epoch,
                    request.candidate_id,
                    voted_directory_id=request.candidate_directory_id,
                )
            )
            if self.role is Role.UNATTACHED:
                self._await_election(now_ms)
        return VoteAnswer(self.epoch, self.leader_id, granted)

    def on_vote_answer(
        self,
        voter: BrokerId,
        request: VoteRequest,
        answer: VoteAnswer,
        now_ms: int,
        now_timestamp_ms: int = NO_TIMESTAMP,
    ) -> list[Effect]:
        """Count an answer to `request`; that of an earlier round only tells of epochs."""
        if (answer.epoch, answer.leader_id) != (self.epoch, self.state.leader_id):
            # Of the leader that we miss ourselves it is no news that others know it.
            self._on_leader(answer.leader_id, answer.epoch, now_ms)
        ballot = self._ballot
        if ballot is not None and ballot.request == request:
            ballot.note(voter, granted=answer.granted)
            if ballot.lost and self._deadline_ms is not None:
                again_ms = now_ms + self._drawn(self._timing.election_backoff_max_ms)
                self._deadline_ms = min(self._deadline_ms, again_ms)
            self._count(now_ms, now_timestamp_ms)
        return self.take_effects()

    def on_vote_unanswered(self, voter: BrokerId, request: VoteRequest, now_ms: int) -> None:
        """Hear that an answer will not come; the voter is asked again after a moment."""
        if self._ballot is not None and self._ballot.request == request:
            self._ballot.unanswered(voter, now_ms + self._timing.retry_backoff_ms)

    # --- as follower or observer ---

    def on_leader(self, leader_id: BrokerId, epoch: int, now_ms: int) -> list[Effect]:
        """Learn who leads `epoch`: from the leader itself, or from someone's answer.

        An older epoch than ours, or what is known already, changes nothing. A leader of -1
        says that there is such an epoch, and no more.

        Raises:
            BrokerBug: two leaders of one epoch.
        """
        self._on_leader(leader_id, epoch, now_ms)
        return self.take_effects()

    def on_end_epoch(
        self, leader_id: BrokerId, epoch: int, preferred: Sequence[BrokerId], now_ms: int
    ) -> list[Effect]:
        """Hear that a leader has resigned; the first of the preferred asks for votes at once."""
        self._on_leader(leader_id, epoch, now_ms)
        if epoch == self.epoch and self.role is Role.FOLLOWER and self.is_voter:
            self._heard_leader = False
            if self.node_id in preferred:
                step_ms = self._timing.election_backoff_max_ms // len(preferred)
                self._deadline_ms = now_ms + preferred.index(self.node_id) * step_ms
            else:
                self._await_election(now_ms)
        return self.take_effects()

    def on_fetch_response(
        self,
        *,
        epoch: int,
        high_watermark: Offset,
        batches: Sequence[Batch],
        diverging: tuple[int, Offset] | None,
        now_ms: int,
    ) -> list[Effect]:
        """Take over what the leader of `epoch` answered; an older epoch's answer is dropped.

        Args:
            epoch: quorum epoch in which the fetch was sent.
            high_watermark: of the leader, exclusive; may lie behind our log's end. -1 where it
                sent a snapshot, or a piece of one, instead of records.
            batches: continue our log; durable on return.
            diverging: (epoch, end offset) where our logs part, instead of batches.

        Raises:
            BrokerBug: the leader's log lacks something that was committed.
        """
        if epoch != self.epoch or self.role is not Role.FOLLOWER:
            return self.take_effects()
        log = self.log
        self._heard_leader = True
        self._deadline_ms = now_ms + self._timing.fetch_timeout_ms
        if diverging is not None:
            self._cut(*diverging)
            return self.take_effects()
        if batches:
            self._take_over(batches)
        if log.advance_high_watermark(min(high_watermark, log.log_end_offset)):
            self._effects.append(HighWatermarkAdvanced(log.high_watermark))
        return self.take_effects()

    def check_invariants(self) -> None:
        """Raise BrokerBug where something that must always hold does not."""
        self.log.check_invariants()
        if self.is_leader != (self.leadership is not None):
            raise BrokerBug(f"role {self.role.value} with {self.leadership}")
        if (self.role in (Role.PROSPECTIVE, Role.CANDIDATE)) != (self._ballot is not None):
            raise BrokerBug(f"role {self.role.value} with {self._ballot}")
        if self._store.read() != self.state:
            raise BrokerBug(f"state {self.state}, on disk {self._store.read()}")
        if self.last_epoch > self.epoch:
            raise BrokerBug(f"log of epoch {self.last_epoch} in quorum epoch {self.epoch}")

    # --- inside ---

    def _on_deadline(self, now_ms: int, now_timestamp_ms: int) -> None:
        role, self._deadline_ms = self.role, None
        if role is Role.FOLLOWER:
            self._effects.append(LeaderLost(self.epoch))
        if role is Role.FOLLOWER and not self.is_voter:
            self._turn(Cause.LEADER_SILENT)
        elif role in (Role.FOLLOWER, Role.UNATTACHED):
            self._ask_around(Cause.ELECTION_DUE, now_ms, now_timestamp_ms)
        elif role is Role.CANDIDATE:
            self._ask_around(Cause.ELECTION_OVER, now_ms, now_timestamp_ms)
        elif role is Role.RESIGNED:
            self._see_epoch(self.epoch + 1, now_ms)
        elif self.state.leader_id not in (NO_LEADER, self.node_id):
            # The others hear the leader that we do not: it may be reachable again.
            self._follow(now_ms)
        else:
            self._turn(Cause.ELECTION_OVER)
            self._deadline_ms = now_ms + self._drawn(self._timing.election_backoff_max_ms)

    def _ask_around(self, cause: Cause, now_ms: int, now_timestamp_ms: int) -> None:
        self._turn(cause)
        self._open_ballot(now_ms, pre_vote=True)
        self._count(now_ms, now_timestamp_ms)

    def _open_ballot(self, now_ms: int, *, pre_vote: bool) -> None:
        request = VoteRequest(
            self.epoch, self.node_id, self.log_end, pre_vote, self.directory_id
        )
        self._ballot = Ballot(request, self.voters)
        self._await_election(now_ms)
        self._effects += [SendVote(voter, request) for voter in self._ballot.others]

    def _count(self, now_ms: int, now_timestamp_ms: int) -> None:
        """Go on where a round is won: from pre-votes to votes, from votes to leading."""
        ballot = self._ballot
        if ballot is None or not ballot.won:
            return
        self._turn(Cause.MAJORITY_GRANTED)
        if ballot.request.pre_vote:
            self._save(
                ElectionState(
                    self.epoch + 1, self.node_id, voted_directory_id=self.directory_id
                )
            )
            self._open_ballot(now_ms, pre_vote=False)
            self._count(now_ms, now_timestamp_ms)
        else:
            self._lead(ballot.granted, now_ms, now_timestamp_ms)

    def _lead(self, granted: Sequence[BrokerId], now_ms: int, now_timestamp_ms: int) -> None:
        self._deadline_ms = None
        self._save(self.state._replace(leader_id=self.node_id))
        start = self.log.log_end_offset
        self.leadership = Leadership(
            self.node_id, self.voter_set, start, self._timing.fetch_timeout_ms, now_ms
        )
        self._effects.append(LeaderElected(self.epoch, start))
        others = [voter for voter in self.voters if voter != self.node_id]
        self._effects += [SendBeginEpoch(voter, self.epoch) for voter in others]
        change = leader_change_record(self.node_id, self.voters, granted, now_timestamp_ms)
        records = [change]
        if not self.voter_set.is_static and self.history.latest_offset == NO_OFFSET:
            # The voters that it began with, so that the log says who they are (KIP-853).
            records.append(kraft_version_record(1, now_timestamp_ms))
            records.append(voters_record(self.voter_set, now_timestamp_ms))
        self._append(control_batch(records), now_timestamp_ms)
        self._commit(now_ms)
