"""One partition as a broker hosts it: the log, its role, and who waits for it."""

from __future__ import annotations

from minikafka.base.ids import TopicId, TopicPartition
from minikafka.broker.purgatory import Condition
from minikafka.log.partition_log import PartitionLog
from minikafka.replication.follower import PartitionFollower
from minikafka.replication.leader import PartitionLeader

__all__ = ["Partition"]


class Partition:
    """A replica on this broker.

    Invariant: at most one of `leader` and `follower` is set; none while no leader is known.

    Attributes:
        log_end_moved: wakes followers' fetches; also on every change of role.
        moved: deleted here because other brokers hold it now.
        internal: the metadata log, which brokers follow and clients never see.
        records_lost: offsets below the high watermark that were cut away to follow a leader
            which lacks them: what an unclean election has cost here.
        high_watermark_moved: wakes consumers' fetches and acks=all produces; also on every
            change of role, of the ISR, and of the log start offsets.
    """

    __slots__ = (
        "deleted",
        "follower",
        "high_watermark_moved",
        "internal",
        "leader",
        "log",
        "log_end_moved",
        "moved",
        "records_lost",
        "topic_id",
        "topic_partition",
    )

    def __init__(
        self,
        topic_partition: TopicPartition,
        topic_id: TopicId,
        log: PartitionLog,
        *,
        internal: bool = False,
    ) -> None:
        self.topic_partition = topic_partition
        self.topic_id = topic_id
        self.log = log
        self.leader: PartitionLeader | None = None
        self.follower: PartitionFollower | None = None
        self.deleted = False
        self.moved = False
        self.internal = internal
        self.records_lost = 0
        self.log_end_moved = Condition(self)
        self.high_watermark_moved = Condition(self)

    def wake_all(self) -> None:
        """Tell everybody who waits here that the role or the ISR has changed."""
        self.log_end_moved.wake()
        self.high_watermark_moved.wake()
