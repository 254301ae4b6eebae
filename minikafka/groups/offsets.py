"""Committed offsets: what is there, what may be committed, what expires.

Counterpart: OffsetMetadataManager, OffsetExpirationConditionImpl. KIP-211, KIP-320, KIP-496.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

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
from minikafka.groups.rebalance import expect_heartbeat
from minikafka.groups.records import CommittedOffset, OffsetCommitted
from minikafka.groups.states import GroupState
from minikafka.groups.table import GroupTable

__all__ = ["OffsetTable", "commit_offsets", "delete_offsets", "expired_offsets", "tombstones"]

_NO_OFFSETS: Mapping[TopicPartition, CommittedOffset] = {}


class OffsetTable:
    """The last offset of each group and partition: a fold of the log up to some offset (G4)."""

    def __init__(self) -> None:
        self._groups: dict[str, dict[TopicPartition, CommittedOffset]] = {}

    def replay(self, record: OffsetCommitted) -> None:
        """Take one record over; the later one in the log wins."""
        label = TopicPartition(record.topic, record.partition)
        if record.value is not None:
            self._groups.setdefault(record.group_id, {})[label] = record.value
            return
        offsets = self._groups.get(record.group_id)
        if offsets is not None:
            offsets.pop(label, None)
            if not offsets:
                del self._groups[record.group_id]

    def get(self, group_id: str, topic: str, partition: int) -> CommittedOffset | None:
        """Return what a group has committed for a partition."""
        return self.of_group(group_id).get(TopicPartition(topic, partition))

    def of_group(self, group_id: str) -> Mapping[TopicPartition, CommittedOffset]:
        """Return all that a group has committed, oldest partition first."""
        return self._groups.get(group_id, _NO_OFFSETS)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._groups))


def commit_offsets(
    table: GroupTable, command: CommitOffsets, now: Moment
) -> Decision[tuple[PartitionResult, ...]]:
    """Write down how far a group has come; a commit is a heartbeat, too.

    Without the group, generation -1 makes one that only holds offsets, once the record is
    there. A partition with too much metadata is refused by itself.

    Raises:
        KafkaError: `unknown_group_error`, and as `ClassicGroup.check_commit`.
    """
    group = table.groups.get(command.group_id)
    consumers = table.consumers.get(command.group_id)
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
        group.check_commit(command.member_id, command.group_instance_id, command.generation_id)
        if group.state in (GroupState.STABLE, GroupState.PREPARING_REBALANCE):
            expect_heartbeat(table, group, group.members[command.member_id], now)
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
    return Decision(tuple(records), tuple(results))


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
        return (), True
    if not _may_expire(group):
        return (), False
    retention_ms = table.limits.offsets_retention_ms
    gone = tuple(
        OffsetCommitted(group_id, topic, partition, None)
        for (topic, partition), value in mine.items()
        if not group.is_subscribed_to(topic)
        and _is_expired(group, value, now.timestamp_ms, retention_ms)
    )
    return gone, len(gone) == len(mine)


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
