"""Committed offsets: what is there, what may be committed, what expires.

Counterpart: OffsetMetadataManager, OffsetExpirationConditionImpl. KIP-211, KIP-320, KIP-496.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_TIMESTAMP, TopicPartition
from minikafka.groups.classic import CONSUMER_PROTOCOL_TYPE, ClassicGroup
from minikafka.groups.commands import (
    CommitOffsets,
    Decision,
    Moment,
    OffsetToCommit,
    PartitionResult,
)
from minikafka.groups.consumer_group import ConsumerGroup
from minikafka.groups.pending_offsets import PendingOffsets
from minikafka.groups.rebalance import expect_heartbeat
from minikafka.groups.records import (
    CommittedOffset,
    GroupRecord,
    OffsetCommitted,
    OffsetRecord,
    PendingOffset,
    TransactionEnded,
)
from minikafka.groups.states import GroupState
from minikafka.groups.table import GroupTable

__all__ = [
    "OffsetTable",
    "commit_offsets",
    "committed_at_ms",
    "delete_offsets",
    "expired_offsets",
    "tombstones",
]

_NO_OFFSETS: Mapping[TopicPartition, CommittedOffset] = {}


class OffsetTable:
    """The last offset of each group and partition: a fold of the log up to some offset (G4)."""

    def __init__(self) -> None:
        self._groups: dict[str, dict[TopicPartition, CommittedOffset]] = {}
        self._pending = PendingOffsets()

    def replay(self, record: OffsetRecord) -> Sequence[str]:
        """Take one record over; the later one in the log wins.

        Offsets of a transaction count with its marker, but for those that something later in the
        log stands in for.

        Returns:
            The groups that have an offset now and may have had none.
        """
        if isinstance(record, PendingOffset):
            self._pending.add(record)
            return (record.group_id,)
        if isinstance(record, TransactionEnded):
            counting = self._pending.end(record)
            for each in counting:
                self._take(each)
            return [each.group_id for each in counting]
        self._take(record)
        if record.value is None:
            return ()
        self._pending.supersede(record)
        return (record.group_id,)

    def _take(self, record: OffsetCommitted) -> None:
        label = TopicPartition(record.topic, record.partition)
        if record.value is not None:
            self._groups.setdefault(record.group_id, {})[label] = record.value
            return
        offsets = self._groups.get(record.group_id)
        if offsets is not None:
            offsets.pop(label, None)
            if not offsets:
                del self._groups[record.group_id]

    def unstable(self, group_id: str) -> Collection[TopicPartition]:
        """Return the partitions of which a transaction that goes on has an offset (KIP-447)."""
        return self._pending.of_group(group_id)

    def all(self) -> dict[tuple[str, TopicPartition], CommittedOffset]:
        """Return every offset, by group and partition."""
        return {
            (group_id, partition): value
            for group_id, offsets in self._groups.items()
            for partition, value in offsets.items()
        }

    def of_topics(self, topics: Collection[str]) -> tuple[OffsetCommitted, ...]:
        """Return what deletes all offsets for some topics."""
        return tuple(
            OffsetCommitted(group_id, topic, partition, None)
            for group_id, (topic, partition) in self.all()
            if topic in topics
        )

    def get(self, group_id: str, topic: str, partition: int) -> CommittedOffset | None:
        """Return what a group has committed for a partition."""
        return self.of_group(group_id).get(TopicPartition(topic, partition))

    def of_group(self, group_id: str) -> Mapping[TopicPartition, CommittedOffset]:
        """Return all that a group has committed, oldest partition first."""
        return self._groups.get(group_id, _NO_OFFSETS)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._groups))


def committed_at_ms(record: OffsetRecord) -> int:
    """Return when an offset was committed, wall-clock; -1 where a marker says it counts."""
    if isinstance(record, PendingOffset):
        record = record.offset
    if isinstance(record, TransactionEnded) or record.value is None:
        return NO_TIMESTAMP
    return record.value.commit_timestamp_ms


def commit_offsets(
    table: GroupTable, command: CommitOffsets, now: Moment
) -> Decision[tuple[PartitionResult, ...]]:
    """Write down how far a group has come; a commit is a heartbeat, too.

    Without the group, generation -1 makes one that only holds offsets, once the record is
    there. A partition with too much metadata is refused by itself.

    Raises:
        KafkaError: `unknown_group_error`, and as `ClassicGroup.check_commit`.
    """
    _check_committer(table, command, now)
    results: list[PartitionResult] = []
    records: list[OffsetCommitted] = []
    expire_ms = (
        NO_TIMESTAMP if command.retention_ms == -1 else now.timestamp_ms + command.retention_ms
    )
    for wanted in command.offsets:
        too_large = _units(wanted.metadata) > table.limits.offset_metadata_max_bytes
        error = ErrorCode.OFFSET_METADATA_TOO_LARGE if too_large else ErrorCode.NONE
        results.append(PartitionResult(wanted.topic, wanted.partition, error))
        if not too_large:
            records.append(_record(command.group_id, wanted, now, expire_ms))
    producer = command.producer
    written: Iterable[GroupRecord] = records
    if producer is not None:
        written = [PendingOffset(producer[0], record) for record in records]
    return Decision(tuple(written), tuple(results), producer=producer)


def _check_committer(table: GroupTable, command: CommitOffsets, now: Moment) -> None:
    """Let members commit; raises KafkaError as `commit_offsets`."""
    group = table.groups.get(command.group_id)
    consumers = table.consumers.get(command.group_id)
    if command.group_id in table.shares:
        raise table.no_consumer_group(command.group_id)
    if _asks_for_nobody(command):
        return
    if consumers is not None:
        consumers.check_commit(
            command.member_id, command.generation_id, speaks_epochs=command.speaks_epochs
        )
    elif group is None:
        if command.generation_id >= 0:
            raise KafkaError(command.unknown_group_error)
    else:
        if group.state is GroupState.DEAD:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
        group.check_commit(
            command.member_id,
            command.group_instance_id,
            command.generation_id,
            transactional=command.producer is not None,
        )
        if group.state in (GroupState.STABLE, GroupState.PREPARING_REBALANCE):
            expect_heartbeat(table, group, group.members[command.member_id], now)


def _asks_for_nobody(command: CommitOffsets) -> bool:
    """Tell whether a producer commits without saying for whom, as before KIP-447."""
    return (
        command.producer is not None
        and command.generation_id < 0
        and not command.member_id
        and command.group_instance_id is None
    )


def _units(metadata: str | None) -> int:
    # Like Java's String.length: in UTF-16 code units, not in bytes.
    return 0 if metadata is None else len(metadata.encode("utf-16-le")) // 2


def _record(
    group_id: str, wanted: OffsetToCommit, now: Moment, expire_ms: int
) -> OffsetCommitted:
    value = CommittedOffset(
        wanted.offset, wanted.leader_epoch, wanted.metadata or "", now.timestamp_ms, expire_ms
    )
    return OffsetCommitted(group_id, wanted.topic, wanted.partition, value)


def delete_offsets(
    table: GroupTable,
    offsets: OffsetTable,
    group_id: str,
    partitions: Iterable[TopicPartition],
) -> Decision[tuple[PartitionResult, ...]]:
    """Delete offsets of topics that no member of the group is subscribed to (KIP-496).

    Raises:
        KafkaError: GROUP_ID_NOT_FOUND; NON_EMPTY_GROUP for members that are no consumers, whose
            subscriptions nobody here can read.
    """
    group = table.consumers.get(group_id) or table.groups.get(group_id)
    if group is None or group.state is GroupState.DEAD:
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} not found.")
    classic = isinstance(group, ClassicGroup) and group.protocol_type != CONSUMER_PROTOCOL_TYPE
    if classic and group.members:
        raise KafkaError(ErrorCode.NON_EMPTY_GROUP)
    results: list[PartitionResult] = []
    records: list[OffsetCommitted] = []
    for topic, partition in partitions:
        if group.is_subscribed_to(topic):
            error = ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC
        else:
            error = ErrorCode.NONE
            if offsets.get(group_id, topic, partition) is not None:
                records.append(OffsetCommitted(group_id, topic, partition, None))
        results.append(PartitionResult(topic, partition, error))
    return Decision(tuple(records), tuple(results))


def tombstones(offsets: OffsetTable, group_id: str) -> tuple[OffsetCommitted, ...]:
    """Return what deletes all offsets of a group."""
    return tuple(
        OffsetCommitted(group_id, topic, partition, None)
        for topic, partition in offsets.of_group(group_id)
    )


def expired_offsets(
    table: GroupTable, offsets: OffsetTable, group: ClassicGroup | ConsumerGroup, now: Moment
) -> tuple[tuple[OffsetCommitted, ...], bool]:
    """Return what deletes the offsets that nobody has needed for long, and whether none is left.

    KIP-211: of an empty group counts how long it has been empty; of a stable one, per topic
    that nobody is subscribed to, and of one without members ever, the time of the commit.
    While a classic group rebalances nothing expires (G8); of one of the consumer protocol, whose
    subscriptions are always known, the time of the commit counts.
    """
    group_id = group.group_id
    mine = offsets.of_group(group_id)
    if not mine:
        return (), not offsets.unstable(group_id)
    if not _may_expire(group):
        return (), False
    retention_ms = table.limits.offsets_retention_ms
    gone = tuple(
        OffsetCommitted(group_id, topic, partition, None)
        for (topic, partition), value in mine.items()
        if not group.is_subscribed_to(topic)
        and _is_expired(group, value, now.timestamp_ms, retention_ms)
    )
    return gone, len(gone) == len(mine) and not offsets.unstable(group_id)


def _may_expire(group: ClassicGroup | ConsumerGroup) -> bool:
    if isinstance(group, ConsumerGroup):
        return True
    if group.protocol_type is None or group.state is GroupState.EMPTY:
        return True
    return (
        group.protocol_type == CONSUMER_PROTOCOL_TYPE
        and group.subscribed is not None
        and group.state is GroupState.STABLE
    )


def _is_expired(
    group: ClassicGroup | ConsumerGroup,
    value: CommittedOffset,
    timestamp_ms: int,
    retention_ms: int,
) -> bool:
    if value.expire_timestamp_ms != NO_TIMESTAMP:
        return timestamp_ms >= value.expire_timestamp_ms
    since_ms = value.commit_timestamp_ms
    if (
        isinstance(group, ClassicGroup)
        and group.protocol_type is not None
        and group.state is GroupState.EMPTY
        and group.state_timestamp_ms >= 0
    ):
        since_ms = group.state_timestamp_ms
    return timestamp_ms - since_ms >= retention_ms
