"""One node of the metadata quorum: its epoch, its role, and what is committed.

Counterparts: org.apache.kafka.raft.KafkaRaftClient, QuorumState. KIP-595, KIP-631. Pure: takes
the time, writes to the log and the state store it was given, and tells its driver what happened
through effects. So far a quorum has one voter, which needs no one's vote but its own; every step
it takes to lead is one that an election among several is made of.

Rules of this file
    A vote is durable before it is counted, and an epoch before it is acted in.
    Durable epochs never fall, and each leadership has an epoch of its own.
    What is appended is durable before it counts towards the high watermark.
    No committed batch is ever truncated.
"""

from __future__ import annotations

from collections.abc import Sequence

from minikafka.base.errors import BrokerBug, ErrorCode, KafkaError
from minikafka.base.ids import NO_LEADER, NO_LEADER_EPOCH, NO_TIMESTAMP, BrokerId, Offset
from minikafka.log.partition_log import PartitionLog
from minikafka.quorum.batches import leader_change_batch, payload_batch
from minikafka.quorum.commit import CommitTracker, majority_count
from minikafka.quorum.effects import (
    Effect,
    HighWatermarkAdvanced,
    LeaderElected,
    LeaderFound,
    LeaderLost,
)
from minikafka.quorum.roles import Cause, Role, next_role
from minikafka.quorum.state_store import ElectionState, QuorumStateStore
from minikafka.records.batch import Batch

__all__ = ["QuorumMachine"]


class QuorumMachine:
    """A voter or an observer of the metadata quorum.

    Every method that can make something happen returns the effects, in order; after `append`
    and `on_fetch`, which return something else, `take_effects` does.

    Args:
        node_id: of this node.
        voters: of the quorum; a node that is not among them observes.
        log: this node's copy of the metadata log.
        state_store: where its vote and epoch outlast a power loss.
        fetch_timeout_ms: how long an observer takes a silent leader for one; None for ever.
    """

    __slots__ = (
        "_deadline_ms",
        "_effects",
        "_fetch_timeout_ms",
        "_granted",
        "_state",
        "_store",
        "_tracker",
        "log",
        "node_id",
        "role",
        "voters",
    )

    # Invariant: _state is what the store holds durably.
    # Invariant: role is LEADER exactly while _tracker is not None.

    def __init__(
        self,
        node_id: BrokerId,
        voters: Sequence[BrokerId],
        log: PartitionLog,
        state_store: QuorumStateStore,
        *,
        fetch_timeout_ms: int | None = None,
    ) -> None:
        if node_id in voters and len(voters) > 1:
            raise ValueError(f"a quorum of {len(voters)} voters: there is no election yet")
        self.node_id = node_id
        self.voters = tuple(voters)
        self.log = log
        self.role = Role.UNATTACHED
        self._store = state_store
        self._fetch_timeout_ms = fetch_timeout_ms
        self._deadline_ms: int | None = None
        self._granted: list[BrokerId] = []
        self._tracker: CommitTracker | None = None
        self._effects: list[Effect] = []
        self._state = state_store.read()

    @property
    def is_voter(self) -> bool:
        """True when this node has a vote."""
        return self.node_id in self.voters

    @property
    def is_leader(self) -> bool:
        """True while this node leads; it may not be ready yet, see `LeaderElected`."""
        return self.role is Role.LEADER

    @property
    def epoch(self) -> int:
        """The latest quorum epoch this node knows of."""
        return self._state.epoch

    @property
    def leader_id(self) -> BrokerId:
        """The leader of `epoch`, -1 while unknown."""
        if self.role in (Role.UNATTACHED, Role.CANDIDATE):
            return NO_LEADER
        return self._state.leader_id

    @property
    def high_watermark(self) -> Offset:
        """Exclusive end of what is known to be committed."""
        return self.log.high_watermark

    @property
    def epoch_start_offset(self) -> Offset | None:
        """Where this leader's LeaderChange record lies, None for any other role."""
        return None if self._tracker is None else self._tracker.epoch_start_offset

    @property
    def next_deadline_ms(self) -> int | None:
        """When to call `tick` at the latest; None for never."""
        return self._deadline_ms

    def start(self, now_ms: int, now_timestamp_ms: int = NO_TIMESTAMP) -> list[Effect]:
        """Take up work with what the disk says; a sole voter leads on return.

        A node that led before it stopped does not lead on in the same epoch (KAFKA-10527).

        Args:
            now_ms: monotonic milliseconds.
            now_timestamp_ms: wall-clock milliseconds, for the LeaderChange record.
        """
        if self.log.last_epoch > self._state.epoch:
            # The state file is gone or stale; the log still knows what epochs there were.
            self._save(ElectionState(self.log.last_epoch))
        if self.is_voter:
            self._stand_for_election(now_timestamp_ms)
        else:
            self._deadline_ms = None
        return self.take_effects()

    def tick(self, now_ms: int) -> list[Effect]:
        """Do what is due at `now_ms`: an observer drops a leader that has gone silent."""
        if self._deadline_ms is not None and now_ms >= self._deadline_ms:
            self._deadline_ms = None
            self._turn(Cause.LEADER_SILENT)
            self._effects.append(LeaderLost(self.epoch))
        return self.take_effects()

    def take_effects(self) -> list[Effect]:
        """Return what has happened since effects were last returned."""
        effects, self._effects = self._effects, []
        return effects

    # --- as leader ---

    def append(self, payloads: Sequence[bytes], now_timestamp_ms: int) -> Offset:
        """Write the payloads as one batch, durably; return the offset of the last.

        They are committed once the high watermark is behind that offset: with one voter, on
        return.

        Raises:
            KafkaError: NOT_CONTROLLER when this node does not lead.
        """
        if self._tracker is None:
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
        current_epoch: int = NO_LEADER_EPOCH,
    ) -> tuple[int, Offset] | None:
        """Note how far a replica has come; return where its log parts from ours, if it does.

        A voter fetches only behind what is durable with it, so its fetch offset counts towards
        the high watermark; an observer's does not, nor that of a diverging replica.

        Args:
            replica_id: of the node that fetches.
            fetch_offset: its log end offset, exclusive.
            last_fetched_epoch: epoch of the last batch before it; -1 does not say.
            current_epoch: the quorum epoch the replica believes in; -1 does not say.

        Returns:
            None, or (epoch, end offset) to send as diverging epoch: read no batches then.

        Raises:
            KafkaError: NOT_LEADER_OR_FOLLOWER; FENCED_LEADER_EPOCH for an older epoch than
                ours, UNKNOWN_LEADER_EPOCH for a newer one.
        """
        tracker = self._tracker
        if tracker is None:
            raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, "not the leader of the quorum")
        if current_epoch != NO_LEADER_EPOCH and current_epoch != self.epoch:
            fenced = current_epoch < self.epoch
            code = ErrorCode.FENCED_LEADER_EPOCH if fenced else ErrorCode.UNKNOWN_LEADER_EPOCH
            raise KafkaError(code, f"quorum epoch {current_epoch}, here it is {self.epoch}")
        diverging = self._divergence(fetch_offset, last_fetched_epoch)
        if diverging is None:
            tracker.note(replica_id, fetch_offset)
            self._commit()
        return diverging

    # --- as follower or observer ---

    def on_leader(self, leader_id: BrokerId, epoch: int, now_ms: int) -> list[Effect]:
        """Learn who leads `epoch`: from a response, or from the configuration.

        An older epoch than ours, or what is known already, changes nothing. A leader of -1
        says that there is such an epoch, and no more.

        Raises:
            BrokerBug: two leaders of one epoch.
        """
        if epoch < self.epoch or (
            epoch == self.epoch and leader_id in (NO_LEADER, self.leader_id)
        ):
            return self.take_effects()
        known_id = self._state.leader_id
        if epoch == self.epoch and known_id not in (NO_LEADER, leader_id):
            raise BrokerBug(f"{leader_id} and {known_id} both lead quorum epoch {epoch}")
        found = leader_id != NO_LEADER
        self._turn(Cause.LEADER_FOUND if found else Cause.LATER_EPOCH_SEEN)
        voted_id = self._state.voted_id if epoch == self.epoch else NO_LEADER
        self._save(ElectionState(epoch, voted_id, leader_id))
        self._effects.append(LeaderFound(epoch, leader_id) if found else LeaderLost(epoch))
        self._rearm(now_ms)
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
            batches: continue our log.
            diverging: (epoch, end offset) where our logs part, instead of batches.
            now_ms: monotonic milliseconds.

        Raises:
            BrokerBug: the leader's log lacks something that was committed.
        """
        if epoch != self.epoch or self.role not in (Role.FOLLOWER, Role.OBSERVER):
            return self.take_effects()
        if diverging is not None:
            self._truncate(*diverging)
        else:
            self.log.append_as_follower(batches)
        return self.on_appended(high_watermark, now_ms)

    def on_appended(self, leader_high_watermark: Offset, now_ms: int) -> list[Effect]:
        """Make durable what was fetched into the log and follow the leader's high watermark.

        For a driver whose fetcher writes to the log by itself; it may have moved the log's
        high watermark as well.
        """
        self.log.flush()
        if self.log.advance_high_watermark(min(leader_high_watermark, self.log.log_end_offset)):
            self._effects.append(HighWatermarkAdvanced(self.log.high_watermark))
        self._rearm(now_ms)
        return self.take_effects()

    def check_invariants(self) -> None:
        """Raise BrokerBug where something that must always hold does not."""
        self.log.check_invariants()
        if self.is_leader != (self._tracker is not None):
            raise BrokerBug(f"role {self.role.value} with tracker {self._tracker}")
        if self._store.read() != self._state:
            raise BrokerBug(f"state {self._state}, on disk {self._store.read()}")
        if self.log.last_epoch > self.epoch:
            raise BrokerBug(f"log of epoch {self.log.last_epoch} in quorum epoch {self.epoch}")

    # --- inside ---

    def _stand_for_election(self, now_timestamp_ms: int) -> None:
        epoch = self.epoch + 1
        self._turn(Cause.ELECTION_DUE)
        self._save(ElectionState(epoch, voted_id=self.node_id))
        self._granted = [self.node_id]
        if len(self._granted) >= majority_count(self.voters):
            self._lead(now_timestamp_ms)

    def _lead(self, now_timestamp_ms: int) -> None:
        self._turn(Cause.MAJORITY_GRANTED)
        self._save(ElectionState(self.epoch, self.node_id, self.node_id))
        self._tracker = CommitTracker(self.voters, self.log.log_end_offset)
        self._effects.append(LeaderElected(self.epoch, self.log.log_end_offset))
        batch = leader_change_batch(self.node_id, self.voters, self._granted, now_timestamp_ms)
        self._write(batch, now_timestamp_ms)
        self._commit()

    def _write(self, batch: Batch, now_timestamp_ms: int) -> Offset:
        info = self.log.append_as_leader(batch, self.epoch, now_timestamp_ms=now_timestamp_ms)
        self.log.flush()
        return info.last_offset

    def _commit(self) -> None:
        assert self._tracker is not None
        self._tracker.note(self.node_id, self.log.durable_end_offset)
        watermark = self._tracker.high_watermark(self.log.high_watermark)
        if self.log.advance_high_watermark(watermark):
            self._effects.append(HighWatermarkAdvanced(watermark))

    def _divergence(
        self, fetch_offset: Offset, last_fetched_epoch: int
    ) -> tuple[int, Offset] | None:
        end = self.log.log_end_offset
        if last_fetched_epoch == NO_LEADER_EPOCH:
            return (self.log.last_epoch, end) if fetch_offset > end else None
        epoch, epoch_end = self.log.epochs.end_offset_for(last_fetched_epoch, end)
        if epoch == last_fetched_epoch and fetch_offset <= epoch_end:
            return None
        return epoch, epoch_end

    def _truncate(self, epoch: int, end_offset: Offset) -> None:
        log = self.log
        own_epoch, own_end = log.epochs.end_offset_for(epoch, log.log_end_offset)
        target = min(own_end, end_offset) if own_epoch == epoch else max(own_end, 0)
        if target < log.high_watermark:
            raise BrokerBug(f"truncation to {target} below what is committed in {log}")
        log.truncate_to(target)

    def _turn(self, cause: Cause) -> None:
        self.role = next_role(self.role, cause, voter=self.is_voter)
        self._tracker = None

    def _save(self, state: ElectionState) -> None:
        if state.epoch < self._state.epoch:
            raise BrokerBug(f"epoch {state.epoch} after {self._state.epoch}")
        self._store.write(state)
        self._state = state

    def _rearm(self, now_ms: int) -> None:
        if self._fetch_timeout_ms is not None and self.role is Role.OBSERVER:
            self._deadline_ms = now_ms + self._fetch_timeout_ms
