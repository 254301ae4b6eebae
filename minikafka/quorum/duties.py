"""What a node of the metadata quorum does while it leads: write, serve fetches, commit, resign.

Pure. Counterparts: KafkaRaftClient, LeaderState. KIP-595, KIP-630, KIP-853.

Rules of this file
    What is appended is durable before it counts towards the high watermark.
    A leader that has removed itself leads until that is committed, and no longer.
"""

from __future__ import annotations

from collections.abc import Sequence

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_LEADER_EPOCH, NO_TIMESTAMP, Offset
from minikafka.quorum.batches import payload_batch
from minikafka.quorum.control import control_batch, voters_record
from minikafka.quorum.effects import Effect, HighWatermarkAdvanced, LeaderLost, SendEndEpoch
from minikafka.quorum.leading import Leadership, ReplicaKey
from minikafka.quorum.lineage import divergence
from minikafka.quorum.log_keeper import LogKeeper
from minikafka.quorum.roles import Cause
from minikafka.quorum.snapshots import SnapshotId
from minikafka.quorum.voter_changes import check_change, check_ready
from minikafka.quorum.voters import VoterSet

__all__ = ["LeaderDuties"]


class LeaderDuties(LogKeeper):
    """The part of a quorum machine that leads."""

    __slots__ = ()

    def append(self, payloads: Sequence[bytes], now_ms: int, now_timestamp_ms: int) -> Offset:
        """Write the payloads as one batch, durably; return the offset of the last.

        They are committed once the high watermark is behind that offset: with one voter, on
        return.

        Raises:
            KafkaError: NOT_CONTROLLER when this node does not lead.
        """
        if self.leadership is None:
            raise KafkaError(ErrorCode.NOT_CONTROLLER, "this node does not lead the quorum")
        batch = payload_batch(payloads, now_timestamp_ms)
        last_offset = self._append(batch, now_timestamp_ms)
        self._commit(now_ms)
        return last_offset

    def on_fetch(
        self,
        replica: ReplicaKey,
        fetch_offset: Offset,
        last_fetched_epoch: int = NO_LEADER_EPOCH,
        *,
        now_ms: int,
        now_timestamp_ms: int = NO_TIMESTAMP,
    ) -> tuple[int, Offset] | SnapshotId | None:
        """Note how far a replica has come; return where its log parts from ours, if it does.

        A voter fetches only behind what is durable with it, so its fetch offset counts towards
        the high watermark; an observer's does not, nor that of a diverging replica.

        Args:
            replica: the node that fetches, in our epoch, and its disk.
            fetch_offset: its log end offset, exclusive.
            last_fetched_epoch: epoch of the last batch before it; -1 does not say.

        Returns:
            None, or (epoch, end offset) to send as diverging epoch, or the snapshot to fetch
            first: read no batches then.

        Raises:
            KafkaError: NOT_LEADER_OR_FOLLOWER.
        """
        leadership = self._leading()
        diverging = self.parting(fetch_offset, last_fetched_epoch)
        if diverging is None:
            end = self.log.log_end_offset
            leadership.note_fetch(replica, fetch_offset, end, now_ms, now_timestamp_ms)
            self._commit(now_ms)
        return diverging

    def parting(
        self, fetch_offset: Offset, last_fetched_epoch: int
    ) -> tuple[int, Offset] | SnapshotId | None:
        """Return what `on_fetch` does, and note nothing."""
        return divergence(self.log, self.snapshots, fetch_offset, last_fetched_epoch)

    def on_snapshot_fetch(
        self, replica: ReplicaKey, now_ms: int, now_timestamp_ms: int
    ) -> None:
        """Note that a replica fetches a snapshot: it is there, though it follows no records."""
        self._leading().note_heard(replica, now_ms, now_timestamp_ms)

    def _leading(self) -> Leadership:
        if self.leadership is None:
            raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, "not the leader of the quorum")
        return self.leadership

    def check_voters_may_change(self) -> None:
        """Raise KafkaError, as `change_voters` would, while no change may be made."""
        check_ready(self.history, self.high_watermark, self._leading().epoch_start_offset)

    def change_voters(self, voters: VoterSet, now_ms: int, now_timestamp_ms: int) -> Offset:
        """Let other voters decide, from now on; return the offset of the record that says so.

        It is for the new voters to commit it. A leader that is not among them any more resigns
        once it is.

        Raises:
            KafkaError: see `voter_changes.check_change`.
        """
        leadership = self._leading()
        check_change(self.history, voters, self.high_watermark, leadership.epoch_start_offset)
        batch = control_batch([voters_record(voters, now_timestamp_ms)])
        offset = self._append(batch, now_timestamp_ms)
        leadership.change_voters(voters, now_ms)
        self._commit(now_ms)
        return offset

    def resign(self, now_ms: int) -> list[Effect]:
        """Lead no longer, because this node goes: the others need not wait for a timeout."""
        if self.leadership is not None:
            self._resign(now_ms)
        return self.take_effects()

    # --- inside ---

    def _resign(self, now_ms: int) -> None:
        assert self.leadership is not None
        successors = self.leadership.successors()
        self._turn(Cause.QUORUM_SILENT)
        self._effects.append(LeaderLost(self.epoch))
        for voter in successors:
            self._effects.append(SendEndEpoch(voter, self.epoch, successors))
        self._await_election(now_ms)

    def _commit(self, now_ms: int) -> None:
        assert self.leadership is not None
        tracker = self.leadership.tracker
        tracker.note(self.node_id, self.log.durable_end_offset)
        watermark = tracker.high_watermark(self.log.high_watermark)
        if self.log.advance_high_watermark(watermark):
            self._effects.append(HighWatermarkAdvanced(watermark))
            if not self.is_voter and self.history.latest_offset < watermark:
                self._resign(now_ms)
