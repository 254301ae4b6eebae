"""Rules of the in-sync replicas, as plain functions.

Knows logs only by their end offsets. Counterpart: the predicates of kafka.cluster.Partition.
KIP-16 (lag by time), KIP-497 (maximal ISR), KAFKA-7152 and KAFKA-15583.

Rules of this file
    Who joins has reached the high watermark, and the start of the leader's epoch.
    Who is at the end is in sync however long nothing comes; who is behind is so for a time only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from minikafka.base.ids import NO_OFFSET, BrokerId, Offset

__all__ = ["effective_min_isr", "high_watermark", "is_caught_up", "may_join"]


def high_watermark(
    current: Offset,
    log_end_offsets: Mapping[BrokerId, Offset],
    isr: Iterable[BrokerId],
) -> Offset:
    """Return the offset below which every in-sync replica holds the log.

    That is the smallest log end offset over the ISR, but never less than `current`: records
    below it may already have been read, also where a replica has since lost its tail.

    Args:
        current: high watermark before this call; exclusive.
        log_end_offsets: next offset to write, per replica; covers the ISR.
        isr: replicas in sync, leader included; never empty. While an AlterPartition is in
            flight, the larger of the two sets (KIP-497).

    >>> high_watermark(4, {1: 9, 2: 7, 3: 4}, [1, 2])
    7
    >>> high_watermark(7, {1: 9, 2: 7, 3: 4}, [1, 3])  # 3 lost its tail
    7
    """
    lowest = min((log_end_offsets[replica] for replica in isr), default=None)
    assert lowest is not None, "the ISR holds at least the leader"
    return max(current, lowest)


def is_caught_up(
    log_end_offset: Offset,
    leader_log_end_offset: Offset,
    last_caught_up_ms: int,
    now_ms: int,
    lag_max_ms: int,
) -> bool:
    """Say whether a follower counts as in sync.

    A follower at the leader's end is caught up however long nothing was written
    (KAFKA-7152); one behind is for `lag_max_ms` after it was last at the end (KIP-16).

    >>> is_caught_up(5, 5, 0, 90_000, 30_000)
    True
    >>> is_caught_up(4, 5, 0, 30_001, 30_000)
    False
    """
    return log_end_offset >= leader_log_end_offset or now_ms - last_caught_up_ms <= lag_max_ms


def may_join(
    log_end_offset: Offset, leader_high_watermark: Offset, leader_epoch_start_offset: Offset
) -> bool:
    """Say whether a follower outside the ISR has come far enough to be taken in.

    At the watermark it holds all that was committed by this leader; at the start of the epoch,
    all that may have been before: a new leader's watermark may still lag behind what was
    committed (KAFKA-7128). `NO_OFFSET`, before its first fetch in this epoch, is never enough.

    >>> may_join(7, 5, 7)
    True
    >>> may_join(6, 5, 7)
    False
    """
    return (
        log_end_offset != NO_OFFSET
        and log_end_offset >= leader_high_watermark
        and log_end_offset >= leader_epoch_start_offset
    )


def effective_min_isr(min_insync_replicas: int, replica_count: int) -> int:
    """Return how many in-sync replicas acks=all needs: never more than there are replicas.

    >>> effective_min_isr(2, 1)
    1
    """
    return min(min_insync_replicas, replica_count)
