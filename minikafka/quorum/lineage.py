"""Where two copies of the metadata log part, and what the shorter-lived one gives up.

Pure. The same rule as for partitions (KIP-101, KIP-279), found in Fetch (KIP-595).
"""

from __future__ import annotations

from minikafka.base.errors import BrokerBug
from minikafka.base.ids import NO_LEADER_EPOCH, Offset
from minikafka.log.partition_log import PartitionLog

__all__ = ["divergence", "truncation_target"]


def divergence(
    log: PartitionLog, fetch_offset: Offset, last_fetched_epoch: int
) -> tuple[int, Offset] | None:
    """Return (epoch, end offset) up to which `log` and a fetcher's may agree; None if it fits.

    Args:
        log: the leader's.
        fetch_offset: the fetcher's log end, exclusive.
        last_fetched_epoch: of the fetcher's last batch; -1 does not say.
    """
    end = log.log_end_offset
    if last_fetched_epoch == NO_LEADER_EPOCH:
        return (log.last_epoch, end) if fetch_offset > end else None
    epoch, epoch_end = log.epochs.end_offset_for(last_fetched_epoch, end)
    if epoch == last_fetched_epoch and fetch_offset <= epoch_end:
        return None
    return epoch, epoch_end


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
