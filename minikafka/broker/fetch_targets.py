"""Reading one partition for one fetch: what it may see, and what it is told.

Followers read to the log end, consumers to the high watermark (R16) of the replica they ask: of
the leader, or of a follower, which learns the watermark a fetch later (KIP-392); with
read_committed to the last stable offset (KIP-98). Counterpart: ReplicaManager.readFromLog. KIP-320 (epochs), KIP-595 (divergence), KIP-951 (leader hints).

Rules of this file
    Who asks in another leader epoch is served nothing; in a session every fetch is looked at.
    Consumers are sent what is committed, and sent on to members of the ISR only.
"""

from __future__ import annotations

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import Offset, ProducerId, TopicId
from minikafka.broker.metadata_leader import MetadataLeader
from minikafka.broker.partition import Partition
from minikafka.broker.replica_manager import ReplicaManager
from minikafka.log.partition_log import PartitionLog
from minikafka.replication.leader import PartitionLeader
from minikafka.wire.fetch import FetchPartition, FetchPartitionResponse

__all__ = [
    "FetchTarget",
    "find_partition",
    "is_quiet",
    "is_unknown",
    "knows_watermark",
    "may_come_true",
    "note_follower",
    "read_target",
    "tell_watermark",
]


class FetchTarget:
    """One partition that a fetch asks for; lives on in the fetch session, if there is one.

    Attributes:
        topic: None while the topic id means nothing to this broker.
        cached_high_watermark: as last told to this session; -1 for never (KIP-227).
        partition: as found last; good as long as its leadership is the one asked for.
        replica_id: the follower that asks, -1 for a consumer.
        replica_epoch: that follower's registration, as it said.
        directory_id: of that follower's disk, as it said (KIP-853).
        any_replica: a consumer new enough to read from followers, too (KIP-392).
        rack: of a consumer whose leader may send it to a replica nearby; else None.
        noted_by: the leadership that knows of the follower's offset; None if none does yet.
    """

    __slots__ = (
        "any_replica",
        "cached_high_watermark",
        "cached_log_start_offset",
        "current_leader_epoch",
        "directory_id",
        "fetch_offset",
        "high_watermark",
        "index",
        "last_fetched_epoch",
        "log_start_offset",
        "max_bytes",
        "noted_by",
        "partition",
        "rack",
        "replica_epoch",
        "replica_id",
        "topic",
        "topic_id",
    )

    def __init__(
        self, topic: str | None, topic_id: TopicId | None, asked: FetchPartition
    ) -> None:
        self.topic = topic
        self.topic_id = topic_id
        self.index = asked.index
        self.cached_high_watermark = -1
        self.cached_log_start_offset = -1
        self.partition: Partition | None = None
        self.replica_id = -1
        self.replica_epoch = -1
        self.any_replica = False
        self.rack: str | None = None
        self.update(asked)

    def update(self, asked: FetchPartition) -> None:
        """Take over what a later request of the session says."""
        self.fetch_offset = asked.fetch_offset
        self.max_bytes = asked.max_bytes
        self.current_leader_epoch = asked.current_leader_epoch
        self.last_fetched_epoch = asked.last_fetched_epoch
        self.log_start_offset = asked.log_start_offset
        self.high_watermark = asked.high_watermark
        self.directory_id = asked.replica_directory_id
        self.noted_by: PartitionLeader | None = None


# Errors a follower gets only because its leader has not applied the same metadata yet.
_NOT_YET = frozenset(
    {
        ErrorCode.UNKNOWN_TOPIC_ID,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.NOT_LEADER_OR_FOLLOWER,
        ErrorCode.UNKNOWN_LEADER_EPOCH,
    }
)


def may_come_true(error_code: int) -> bool:
    """Say whether waiting for metadata may turn this refusal of a follower into records."""
    return error_code in _NOT_YET


# What Kafka looks up in its metadata, before it asks any log.
_UNKNOWN = frozenset({ErrorCode.UNKNOWN_TOPIC_ID, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION})


def is_unknown(error_code: int) -> bool:
    """Say whether a refusal means that there is no such partition in the metadata."""
    return error_code in _UNKNOWN


def find_partition(
    replicas: ReplicaManager, target: FetchTarget, *, from_replica: bool
) -> Partition:
    """Return the led partition a target means, for some consumers also a followed one.

    Raises:
        KafkaError: UNKNOWN_TOPIC_ID, INCONSISTENT_TOPIC_ID (the topic was made anew under the
            same name), NOT_LEADER_OR_FOLLOWER also for a follower that is no replica, and what
            `ReplicaManager.leading` raises.
    """
    known = target.partition
    if known is not None and known.leader is not None:
        epoch = target.current_leader_epoch
        if (epoch == known.leader.leader_epoch or epoch == -1) and not known.deleted:
            return known
    if target.topic is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_ID)
    partition = replicas.leading(
        target.topic,
        target.index,
        target.current_leader_epoch,
        internal=from_replica,
        or_following=target.any_replica,
    )
    if target.topic_id is not None and target.topic_id != partition.topic_id:
        raise KafkaError(ErrorCode.INCONSISTENT_TOPIC_ID)
    leader = partition.leader
    if leader is None:
        return partition
    # Brokers need not be replicas of the metadata log to follow it.
    replica = target.replica_id
    if replica >= 0 and replica not in leader.progress and not partition.internal:
        raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    target.partition = partition
    return partition


def note_follower(
    replicas: ReplicaManager, partition: Partition, target: FetchTarget, now_ms: int
) -> bool:
    """Tell a leader how far a follower is; say whether to wake who waits for the watermark.

    A follower whose log is no prefix of ours has proved nothing.
    """
    leader, log = partition.leader, partition.log
    offset, epoch = target.fetch_offset, target.last_fetched_epoch
    if isinstance(leader, MetadataLeader):
        return leader.on_fetch((target.replica_id, target.directory_id), offset, epoch)
    if not log.log_start_offset <= offset <= log.log_end_offset:
        return False
    if epoch >= 0 and epoch != log.epochs.latest_epoch:
        known, end = log.epochs.end_offset_for(epoch, log.log_end_offset)
        if known != epoch or end < offset:
            return False
    return replicas.on_follower_fetch(
        partition,
        target.replica_id,
        offset,
        target.log_start_offset,
        target.replica_epoch,
        now_ms,
    )


def is_quiet(target: FetchTarget, *, from_replica: bool) -> bool:
    """Say whether all that a session may have to tell of a target is a watermark.

    One that can wait for the next answer. Cheaper than reading: most looks find who asks at the
    end. `HIGH_WATERMARK_UNSUPPORTED` of whom it does not matter to is above all (KIP-1166).
    """
    partition = target.partition
    if partition is None or partition.leader is None or partition.deleted:
        return False
    log = partition.log
    end = log.log_end_offset if from_replica else log.high_watermark
    return (
        target.fetch_offset == end
        and target.rack is None
        and (not from_replica or target.noted_by is partition.leader)
        and log.high_watermark <= target.high_watermark
        and log.log_start_offset == target.cached_log_start_offset
        and target.current_leader_epoch in (partition.leader.leader_epoch, -1)
        and target.last_fetched_epoch in (log.epochs.latest_epoch, -1)
    )


def knows_watermark(target: FetchTarget) -> bool:
    """Say whether a quiet target's session has told its watermark, so that it has no news."""
    assert target.partition is not None
    return target.partition.log.high_watermark == target.cached_high_watermark


def tell_watermark(target: FetchTarget, committed_only: bool) -> FetchPartitionResponse:
    """Return what a quiet target is told: what reading it would yield."""
    assert target.partition is not None
    log = target.partition.log
    return FetchPartitionResponse(
        target.index,
        high_watermark=log.high_watermark,
        last_stable_offset=log.last_stable_offset,
        log_start_offset=log.log_start_offset,
        aborted_transactions=[] if committed_only else None,
    )


def read_target(
    replicas: ReplicaManager,
    target: FetchTarget,
    *,
    from_replica: bool,
    committed_only: bool,
    max_bytes: int,
    at_least_one: bool,
) -> FetchPartitionResponse:
    """Read one partition; a refusal is the error code of the response.

    Args:
        from_replica: a follower asks, and may read up to the log end.
        committed_only: read_committed: no further than to the last stable offset, and a list of
            the aborted transactions is owed.
        max_bytes: what is left of the whole response.
        at_least_one: return the first batch also if it is larger than that (KIP-74).
    """
    response = FetchPartitionResponse(target.index)
    try:
        partition = find_partition(replicas, target, from_replica=from_replica)
    except KafkaError as error:
        response.error_code = error.code
        response.aborted_transactions = [] if is_unknown(error.code) else None
        return response
    log = partition.log
    offset, epoch = target.fetch_offset, target.last_fetched_epoch
    stable = log.last_stable_offset
    # Who ends in our latest epoch, and not behind us, has what we have.
    in_latest = epoch == log.epochs.latest_epoch and offset <= log.log_end_offset
    may_part = partition.internal or not (in_latest or epoch < 0)
    aborted: list[tuple[ProducerId, Offset]] = []
    if target.rack is not None and _is_sent_elsewhere(replicas, partition, target, response):
        offset = log.high_watermark  # nothing is read here
    elif may_part and not _tell_parting(partition, target, response):
        # Nothing that the asker could go back to: it has to look for an offset.
        return _out_of_range(response, log, from_replica)
    if response.diverging_epoch is None and response.snapshot_id is None:
        if not log.log_start_offset <= offset <= log.log_end_offset:
            return _out_of_range(response, log, from_replica)
        committed = stable if committed_only else log.high_watermark
        limit = log.log_end_offset if from_replica else committed
        if offset < limit:
            most = min(max_bytes, target.max_bytes)
            if most < 0:
                response.error_code = ErrorCode.UNKNOWN_SERVER_ERROR
                return response
            # DIVERGENCE(whole-batches): Kafka fills up to the limit with the beginning of the
            # batch that no longer fits, which every client throws away.
            found = log.read(offset, most, limit, at_least_one=at_least_one)
            response.batches = found.batches
            response.size = found.size
            if committed_only and found.batches:
                end_offset = found.batches[-1].next_offset
                aborted = log.producers.transactions.aborted_within(offset, end_offset)
    response.high_watermark = log.high_watermark
    response.last_stable_offset = stable
    response.log_start_offset = log.log_start_offset
    response.aborted_transactions = aborted if committed_only else None
    return response


def _tell_parting(
    partition: Partition, target: FetchTarget, response: FetchPartitionResponse
) -> bool:
    """Say in a response where the asker's log parts from ours; False where ours lacks it all."""
    leader, log, offset = partition.leader, partition.log, target.fetch_offset
    if isinstance(leader, MetadataLeader):
        leader.tell_parting(offset, target.last_fetched_epoch, response)
        return True
    epoch, end = log.epochs.end_offset_for(target.last_fetched_epoch, log.log_end_offset)
    if epoch < target.last_fetched_epoch or end < offset:
        if epoch < 0 or offset < log.log_start_offset:
            return False
        response.diverging_epoch = (epoch, end)
    return True


def _is_sent_elsewhere(
    replicas: ReplicaManager,
    partition: Partition,
    target: FetchTarget,
    response: FetchPartitionResponse,
) -> bool:
    """Name the follower that this consumer should read from, if there is one (KIP-392)."""
    assert target.rack is not None
    preferred = replicas.read_replica(partition, target.rack, target.fetch_offset)
    if preferred is None:
        return False
    response.preferred_read_replica = preferred
    return True


def _out_of_range(
    response: FetchPartitionResponse, log: PartitionLog, from_replica: bool
) -> FetchPartitionResponse:
    response.error_code = ErrorCode.OFFSET_OUT_OF_RANGE
    if from_replica:
        response.log_start_offset = log.log_start_offset
    return response
