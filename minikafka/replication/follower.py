"""A follower of one partition: what to fetch next, and what an answer does to the log.

Knows no channel and no session. Counterpart: kafka.server.ReplicaFetcherThread and
AbstractFetcherThread. KIP-101, KIP-279 (truncation), KIP-595 (divergence found in Fetch).

Rules of this file
    A log is cut where it leaves the leader's, not at a watermark.
    What the leader sent is appended without a gap, but where compaction may have left one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from minikafka.base.ids import BrokerId, LeaderEpoch, Offset
from minikafka.log.partition_log import PartitionLog
from minikafka.records.batch import Batch

__all__ = ["PartitionFollower"]


class PartitionFollower:
    """One followership of one partition, bound to one leader epoch.

    Invariant: the log is a prefix of the leader's up to the divergence not yet found.
    """

    __slots__ = ("leader_epoch", "leader_id", "log")

    def __init__(
        self, log: PartitionLog, *, leader_id: BrokerId, leader_epoch: LeaderEpoch
    ) -> None:
        self.log = log
        self.leader_id = leader_id
        self.leader_epoch = leader_epoch

    def on_records(
        self, batches: Sequence[Batch], leader_high_watermark: Offset, leader_log_start: Offset
    ) -> None:
        """Append what the leader sent, then take over its watermark and log start.

        Batches the log already holds are passed over: a leader sends whole batches, and the
        first may start below the offset asked for. Below its high watermark there may be gaps,
        where it has compacted its log.
        """
        log = self.log
        end = log.log_end_offset
        if batches and batches[0].base_offset < end:
            # An empty log may begin inside a batch: DeleteRecords leaves batches whole.
            empty = log.size_bytes == 0
            batches = [
                batch
                for batch in batches
                if batch.base_offset >= end or (empty and batch.last_offset >= end)
            ]
        if batches:
            if batches[0].base_offset > max(end, leader_high_watermark):
                # An answer from before a truncation; the next fetch asks from the new end.
                return
            if len(batches) > 1:
                batches = _up_to_a_gap(batches, leader_high_watermark)
            log.append_as_follower(batches, leader_high_watermark)
        watermark = min(leader_high_watermark, log.log_end_offset)
        if watermark > log.high_watermark:
            log.advance_high_watermark(watermark)
        if log.log_start_offset < leader_log_start <= log.high_watermark:
            log.advance_log_start(leader_log_start)

    def on_divergence(self, epoch: LeaderEpoch, end_offset: Offset) -> Offset:
        """Cut the log where it leaves the leader's, and return its new end.

        Args:
            epoch: largest epoch of the leader's log that is not above our last one.
            end_offset: where that epoch ends there; exclusive.
        """
        own_epoch, own_end = self.log.epochs.end_offset_for(epoch, self.log.log_end_offset)
        if own_epoch == -1:
            target = end_offset
        elif own_epoch < epoch:
            # Ours has no such epoch: first go back to the end of the one we do have (KIP-279).
            target = own_end
        else:
            target = min(own_end, end_offset)
        target = min(target, self.log.log_end_offset)
        self.log.truncate_to(target)
        return target

    def on_out_of_range(self, leader_log_start: Offset) -> bool:
        """Start over where the leader's log begins, if ours ends before; say whether it did."""
        if self.log.log_end_offset >= leader_log_start:
            return False
        self.log.truncate_fully(leader_log_start)
        return True


def _up_to_a_gap(batches: Sequence[Batch], leader_high_watermark: Offset) -> Sequence[Batch]:
    """Return the batches before the first gap above the watermark.

    A new leader may have compacted above it: it had a greater one before, and will have again.
    """
    for index, (batch, following) in enumerate(pairwise(batches)):
        gap = following.base_offset != batch.next_offset
        if gap and following.base_offset > leader_high_watermark:
            return batches[: index + 1]
    return batches
