"""Where two copies of the metadata log part, and what the shorter-lived one gives up.

Pure. The same rule as for partitions (KIP-101, KIP-279), found in Fetch (KIP-595); who is behind
what the log still holds is sent to a snapshot (KIP-630). Counterpart:
ReplicatedLog.validateOffsetAndEpoch.
"""

from __future__ import annotations

from minikafka.base.errors import BrokerBug
from minikafka.base.ids import NO_LEADER_EPOCH, Offset
from minikafka.log.partition_log import PartitionLog
from minikafka.quorum.snapshots import SnapshotId, SnapshotStore

__all__ = ["divergence", "is_behind", "last_epoch", "truncation_target"]


def last_epoch(log: PartitionLog, snapshots: SnapshotStore) -> int:
    """Return the epoch of the last record that a node knows of, in its log or below it."""
    if log.last_epoch == NO_LEADER_EPOCH and snapshots.latest is not None:
        return snapshots.latest.epoch
    return log.last_epoch


def divergence(
    log: PartitionLog, snapshots: SnapshotStore, fetch_offset: Offset, last_fetched_epoch: int
) -> tuple[int, Offset] | SnapshotId | None:
    """Return where `log` and a fetcher's part; None where the fetcher's may go on.

    Args:
        log: the leader's.
        snapshots: the leader's.
        fetch_offset: the fetcher's log end, exclusive.
        last_fetched_epoch: of the fetcher's last batch; -1 does not say.

    Returns:
        (epoch, end offset) up to which the logs may agree, or the snapshot to take over where
        they part below everything the log still has.
    """
    end, start = log.log_end_offset, log.log_start_offset
    first = snapshots.earliest
    if first is not None and snapshots.latest is not None:
        parts_at_start = fetch_offset == start and last_fetched_epoch != first.epoch
        known = last_fetched_epoch != NO_LEADER_EPOCH
        if fetch_offset < start or (
            start > 0 and (parts_at_start or (known and last_fetched_epoch < first.epoch))
        ):
            return snapshots.latest
    if last_fetched_epoch == NO_LEADER_EPOCH:
        return (log.last_epoch, end) if fetch_offset > end else None
    if start > 0 and fetch_offset == start:
        return None  # what lies below it is what the snapshot says
    epoch, epoch_end = log.epochs.end_offset_for(last_fetched_epoch, end)
    if epoch == NO_LEADER_EPOCH:
        return last_epoch(log, snapshots), end
    if epoch == last_fetched_epoch and fetch_offset <= epoch_end:
        return None
    return epoch, epoch_end


def is_behind(log: PartitionLog, snapshots: SnapshotStore, snapshot: SnapshotId) -> bool:
    """Say whether a log lacks something that `snapshot` stands for."""
    own = last_epoch(log, snapshots)
    return own < snapshot.epoch or (
        own == snapshot.epoch and log.log_end_offset < snapshot.end_offset
    )


def truncation_target(log: PartitionLog, epoch: int, end_offset: Offset) -> Offset:
    """Return where a follower cuts its log that a leader said to part at (epoch, end offset).

    Raises:
        BrokerBug: that lies below what is committed: who lacks it cannot lead (KAFKA-12460).
    """
    own_epoch, own_end = log.epochs.end_offset_for(epoch, log.log_end_offset)
    target = min(own_end, end_offset) if own_epoch == epoch else max(own_end, 0)
    if target < log.high_watermark:
        raise BrokerBug(f"truncation to {target} below what is committed in {log}")
    return target
