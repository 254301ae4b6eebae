"""DeleteRecords on a leader: the log start moves, and is waited for on the replicas. KIP-107."""

from __future__ import annotations

from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import Offset, TopicPartition
from minikafka.broker.partition import Partition
from minikafka.broker.replica_manager import ReplicaManager

__all__ = ["delete_records"]


def delete_records(
    replicas: ReplicaManager, topic_partition: TopicPartition, offset: Offset, deadline_ms: int
) -> Deferred[Offset]:
    """Move the log start to `offset` and wait until every live replica has done so.

    Args:
        offset: exclusive end of what goes; -1 for the high watermark.
        deadline_ms: monotonic; then REQUEST_TIMED_OUT.

    Returns:
        The least log start offset over the replicas.

    Raises:
        KafkaError: as `ReplicaManager.leading`; OFFSET_OUT_OF_RANGE above the high watermark or
            below 0.
    """
    partition = replicas.leading(*topic_partition)
    log = partition.log
    target = log.high_watermark if offset == -1 else offset
    if not 0 <= target <= log.high_watermark:
        raise KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE)
    if target > log.log_start_offset:
        log.advance_log_start(target)
        partition.wake_all()
    answer: Deferred[Offset] = Deferred()
    waited = replicas.purgatory.wait(
        lambda: partition.leader is None or _low_watermark(replicas, partition) >= target,
        [partition.high_watermark_moved],
        deadline_ms,
    )

    def finish(done: Deferred[bool]) -> None:
        if not done.result():
            answer.fail(KafkaError(ErrorCode.REQUEST_TIMED_OUT))
        elif partition.leader is None:
            answer.fail(KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER))
        else:
            answer.set(_low_watermark(replicas, partition))

    waited.on_done(finish)
    return answer


def _low_watermark(replicas: ReplicaManager, partition: Partition) -> Offset:
    """Least log start over the replicas that are alive; a dead one must not hold it back."""
    leader, image = partition.leader, replicas.image
    assert leader is not None and image is not None
    lowest = leader.log.log_start_offset
    for replica, progress in leader.progress.items():
        broker = image.brokers.get(replica)
        if broker is not None and not broker.fenced:
            lowest = min(lowest, progress.log_start_offset)
    return lowest
