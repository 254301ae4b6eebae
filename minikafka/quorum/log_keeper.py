"""One node's copy of the metadata log: what is added to it, cut from it, and put in its place.

Pure. Counterparts: org.apache.kafka.raft.ReplicatedLog, KafkaMetadataLog,
internals.KRaftControlRecordStateMachine. KIP-595, KIP-630, KIP-853.

Rules of this file
    The log and the voters change together.
    Where records are gone from its beginning, a snapshot says what they came to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from minikafka.base.ids import Offset
from minikafka.quorum.control import voter_sets
from minikafka.quorum.effects import HighWatermarkAdvanced, SnapshotInstalled
from minikafka.quorum.epochs import EpochKeeper
from minikafka.quorum.lineage import is_behind, truncation_target
from minikafka.quorum.snapshots import SnapshotId
from minikafka.records.batch import Batch

__all__ = ["LogKeeper"]


class LogKeeper(EpochKeeper):
    """The part of a quorum machine that writes to its log."""

    __slots__ = ()

    def _recover(self) -> None:
        """Make log, snapshots and voters fit together, as a crash may have left them."""
        log, snapshots = self.log, self.snapshots
        latest = snapshots.latest
        if latest is not None:
            if is_behind(log, snapshots, latest):
                log.truncate_fully(latest.end_offset)
            for snapshot in snapshots.ids:
                if snapshot.end_offset < log.log_start_offset:
                    snapshots.delete(snapshot)
            log.advance_high_watermark(latest.end_offset)
        first = snapshots.earliest
        if first is not None:
            self._restart_voters(first)
        self._note_voters(log.batches())

    def _append(self, batch: Batch, now_timestamp_ms: int) -> Offset:
        """Write a batch as leader, durably; return its last offset."""
        info = self.log.append_as_leader(batch, self.epoch, now_timestamp_ms=now_timestamp_ms)
        self.log.flush()
        self._note_voters((batch,))
        return info.last_offset

    def _take_over(self, batches: Sequence[Batch]) -> None:
        """Write batches as their leader has them, durably."""
        self.log.append_as_follower(batches)
        self.log.flush()
        self._note_voters(batches)

    def _cut(self, epoch: int, end_offset: Offset) -> None:
        """Give up what the leader does not have, and the voters in it."""
        log = self.log
        log.truncate_to(truncation_target(log, epoch, end_offset))
        self.history.truncate(log.log_end_offset)

    def on_snapshot(self, snapshot: SnapshotId, data: bytes) -> bool:
        """Take a leader's snapshot in place of what is missing here; durable on return.

        Returns:
            False where nothing is missing any more.

        Raises:
            KafkaError: CORRUPT_MESSAGE.
        """
        log = self.log
        if not is_behind(log, self.snapshots, snapshot):
            return False
        self.snapshots.write(snapshot, data)
        log.truncate_fully(snapshot.end_offset)
        for older in self.snapshots.ids:
            if older != snapshot:
                self.snapshots.delete(older)
        log.advance_high_watermark(snapshot.end_offset)
        self._restart_voters(snapshot)
        self._effects += [
            SnapshotInstalled(snapshot),
            HighWatermarkAdvanced(log.high_watermark),
        ]
        return True

    def clean(self, max_bytes: int, max_age_ms: int, now_timestamp_ms: int) -> None:
        """Delete old snapshots, and the records that the snapshot after them stands for.

        The latest snapshot and what follows it stay. Counterpart: KafkaMetadataLog.maybeClean.

        Args:
            max_bytes: of log and snapshots, -1 for any size (metadata.max.retention.bytes).
            max_age_ms: of the oldest snapshot's last record, -1 for any age
                (metadata.max.retention.ms).
            now_timestamp_ms: wall clock.
        """
        log, snapshots = self.log, self.snapshots
        while len(snapshots.ids) > 1:
            first, second = snapshots.ids[:2]
            size = log.size_bytes + sum(map(snapshots.size, snapshots.ids))
            age_ms = now_timestamp_ms - snapshots.last_timestamp_ms(first)
            if not (0 <= max_bytes < size or 0 <= max_age_ms < age_ms):
                return
            log.advance_log_start(second.end_offset)
            snapshots.delete(first)
            self.history.forget_below(second.end_offset)

    def _restart_voters(self, snapshot: SnapshotId) -> None:
        for batch in self.snapshots.batches(snapshot):
            for _, voters in voter_sets(batch):
                self.history.restart(snapshot.end_offset - 1, voters)

    def _note_voters(self, batches: Iterable[Batch]) -> None:
        """Go by the voters that new batches name."""
        for batch in batches:
            if batch.is_control:
                for offset, voters in voter_sets(batch):
                    if offset > self.history.latest_offset:
                        self.history.add(offset, voters)
