"""One node of the metadata quorum: its epoch, its role, and what is committed.

Counterparts: org.apache.kafka.raft.KafkaRaftClient, QuorumState. KIP-595, KIP-631, KIP-996.
Pure: takes the time, writes to the log and the state store it was given, and tells its driver
through effects what happened and what to send.

Rules of this file
    A vote is durable before it is given or counted, and an epoch before it is acted in.
    Durable epochs never fall, and each leadership has an epoch of its own.
    A pre-vote changes nothing that lasts.
    What is appended is durable before it counts towards the high watermark.
    No committed batch is ever truncated.
"""

from __future__ import annotations

from collections.abc import Sequence

from minikafka.base.errors import BrokerBug, ErrorCode, KafkaError
from minikafka.base.ids import NO_LEADER, NO_LEADER_EPOCH, NO_TIMESTAMP, BrokerId, Offset
from minikafka.quorum.batches import leader_change_batch, payload_batch
from minikafka.quorum.effects import (
    Effect,
    HighWatermarkAdvanced,
    LeaderElected,
    LeaderLost,
    SendBeginEpoch,
    SendEndEpoch,
    SendVote,
)
from minikafka.quorum.election import Ballot, may_grant
from minikafka.quorum.epochs import EpochKeeper
from minikafka.quorum.leading import Leadership
from minikafka.quorum.lineage import divergence, truncation_target
from minikafka.quorum.messages import VoteAnswer, VoteRequest
from minikafka.quorum.roles import Cause, Role
from minikafka.quorum.state_store import ElectionState
from minikafka.records.batch import Batch

__all__ = ["QuorumMachine"]


class QuorumMachine(EpochKeeper):
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
        if self.log.last_epoch > self.epoch:
            # The state file is gone or stale; the log still knows what epochs there were.
            self._save(ElectionState(self.log.last_epoch))
        fresh = self.epoch == 0 and not self.log.log_end_offset
        if self.voters == (self.node_id,) or (fresh and self.node_id == min(self.voters)):
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
            voted_id=self.state.voted_id,
            leader_id=self.state.leader_id,
            heard_leader=self._heard_leader,
        )
        if granted and not request.pre_vote:
            self._save(ElectionState(self.epoch, voted_id=request.candidate_id))
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

    # --- as leader ---

    def append(self, payloads: Sequence[bytes], now_timestamp_ms: int) -> Offset:
        """Write the payloads as one batch, durably; return the offset of the last.

        They are committed once the high watermark is behind that offset: with one voter, on
        return.

        Raises:
            KafkaError: NOT_CONTROLLER when this node does not lead.
        """
        if self.leadership is None:
            raise KafkaError(ErrorCode.NOT_CONTROLLER, "this node does not lead the quorum")
        last_offset = self._write(payload_batch(payloads, now_timestamp_ms), now_timestamp_ms)
        self._commit()
        return last_offset

    def on_fetch(
        self,
        replica_id: BrokerId,
        fetch_offset: Offset,
        last_fetched_epoch: int = NO_LEADER_EPOCH,
        *,
        now_ms: int,
        now_timestamp_ms: int = NO_TIMESTAMP,
    ) -> tuple[int, Offset] | None:
        """Note how far a replica has come; return where its log parts from ours, if it does.

        A voter fetches only behind what is durable with it, so its fetch offset counts towards
        the high watermark; an observer's does not, nor that of a diverging replica.

        Args:
            replica_id: of the node that fetches, in our epoch.
            fetch_offset: its log end offset, exclusive.
            last_fetched_epoch: epoch of the last batch before it; -1 does not say.

        Returns:
            None, or (epoch, end offset) to send as diverging epoch: read no batches then.

        Raises:
            KafkaError: NOT_LEADER_OR_FOLLOWER.
        """
        leadership = self.leadership
        if leadership is None:
            raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, "not the leader of the quorum")
        diverging = divergence(self.log, fetch_offset, last_fetched_epoch)
        if diverging is None:
            end = self.log.log_end_offset
            leadership.note_fetch(replica_id, fetch_offset, end, now_ms, now_timestamp_ms)
            self._commit()
        return diverging

    def resign(self, now_ms: int) -> list[Effect]:
        """Lead no longer, because this node goes: the others need not wait for a timeout."""
        if self.leadership is not None:
            self._resign(now_ms)
        return self.take_effects()

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
            high_watermark: of the leader, exclusive; may lie behind our log's end.
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
            log.truncate_to(truncation_target(log, *diverging))
            return self.take_effects()
        if batches:
            log.append_as_follower(batches)
            log.flush()
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
        if self.log.last_epoch > self.epoch:
            raise BrokerBug(f"log of epoch {self.log.last_epoch} in quorum epoch {self.epoch}")

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
        request = VoteRequest(self.epoch, self.node_id, self.log_end, pre_vote)
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
            self._save(ElectionState(self.epoch + 1, voted_id=self.node_id))
            self._open_ballot(now_ms, pre_vote=False)
            self._count(now_ms, now_timestamp_ms)
        else:
            self._lead(ballot.granted, now_ms, now_timestamp_ms)

    def _lead(self, granted: Sequence[BrokerId], now_ms: int, now_timestamp_ms: int) -> None:
        self._deadline_ms = None
        self._save(ElectionState(self.epoch, self.node_id, self.node_id))
        start = self.log.log_end_offset
        self.leadership = Leadership(
            self.node_id, self.voters, start, self._timing.fetch_timeout_ms, now_ms
        )
        self._effects.append(LeaderElected(self.epoch, start))
        others = [voter for voter in self.voters if voter != self.node_id]
        self._effects += [SendBeginEpoch(voter, self.epoch) for voter in others]
        batch = leader_change_batch(self.node_id, self.voters, granted, now_timestamp_ms)
        self._write(batch, now_timestamp_ms)
        self._commit()

    def _resign(self, now_ms: int) -> None:
        assert self.leadership is not None
        successors = self.leadership.successors()
        self._turn(Cause.QUORUM_SILENT)
        self._effects.append(LeaderLost(self.epoch))
        for voter in successors:
            self._effects.append(SendEndEpoch(voter, self.epoch, successors))
        self._await_election(now_ms)

    def _write(self, batch: Batch, now_timestamp_ms: int) -> Offset:
        info = self.log.append_as_leader(batch, self.epoch, now_timestamp_ms=now_timestamp_ms)
        self.log.flush()
        return info.last_offset

    def _commit(self) -> None:
        assert self.leadership is not None
        tracker = self.leadership.tracker
        tracker.note(self.node_id, self.log.durable_end_offset)
        watermark = tracker.high_watermark(self.log.high_watermark)
        if self.log.advance_high_watermark(watermark):
            self._effects.append(HighWatermarkAdvanced(watermark))
