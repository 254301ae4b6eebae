"""The records of `__consumer_offsets`, byte by byte as Apache Kafka 4.1 writes them.

A key begins with the kind of its record, a value with its version; a null value deletes what the
key names. Knows nothing of groups beyond their records. Reads the older versions that Kafka
reads; kinds it does not know (streams groups) are passed over. The records of consumer groups
stand in `consumer_records`, those of share groups in `share_records`.
Counterpart: GroupCoordinatorRecordHelpers, GroupCoordinatorRecordSerde and the generated classes
OffsetCommitKey, OffsetCommitValue, GroupMetadataKey, GroupMetadataValue. KIP-848, KIP-915.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from minikafka.base.errors import BrokerBug
from minikafka.base.ids import NO_LEADER_EPOCH, NO_TIMESTAMP, LeaderEpoch, Offset, ProducerId
from minikafka.groups.consumer_records import (
    CONSUMER_RECORDS,
    ConsumerRecord,
    decode_consumer_record,
    encode_consumer_record,
)
from minikafka.groups.record_reader import INT64, RecordReader
from minikafka.groups.share_records import (
    SHARE_RECORDS,
    ShareGroupRecord,
    decode_share_group_record,
    encode_share_group_record,
)
from minikafka.wire.framing import FrameError
from minikafka.wire.primitives import INT16, INT32, legacy_string

__all__ = [
    "OFFSET_RECORDS",
    "CommittedOffset",
    "GroupMetadata",
    "GroupRecord",
    "OffsetCommitted",
    "OffsetRecord",
    "PendingOffset",
    "StoredGroup",
    "StoredMember",
    "TransactionEnded",
    "decode_record",
    "encode_record",
]

_OLD_OFFSET_KEY, _OFFSET_KEY, _GROUP_KEY = 0, 1, 2
# What Kafka 4.1 writes: version 1 alone has room for the retention that OffsetCommit 2-4 carry.
_OFFSET_VALUE, _OFFSET_VALUE_EXPIRING = 3, 1
_GROUP_VALUE = 3


@dataclass(frozen=True, slots=True)
class CommittedOffset:
    """What a group has committed for one partition; times are wall-clock.

    `expire_timestamp_ms` is -1 unless the commit named a retention of its own.
    """

    offset: Offset
    leader_epoch: LeaderEpoch
    metadata: str
    commit_timestamp_ms: int
    expire_timestamp_ms: int = NO_TIMESTAMP


class StoredMember(NamedTuple):
    """One member as the log keeps it: enough to go on with its session and assignment."""

    member_id: str
    group_instance_id: str | None
    client_id: str
    client_host: str
    rebalance_timeout_ms: int
    session_timeout_ms: int
    subscription: bytes
    assignment: bytes


@dataclass(frozen=True, slots=True)
class StoredGroup:
    """A group at the end of a rebalance; without members it is empty."""

    protocol_type: str
    generation_id: int
    protocol: str | None
    leader: str | None
    state_timestamp_ms: int
    members: tuple[StoredMember, ...]


@dataclass(frozen=True, slots=True)
class OffsetCommitted:
    """A group's offset for a partition; `value` None deletes it."""

    group_id: str
    topic: str
    partition: int
    value: CommittedOffset | None


@dataclass(frozen=True, slots=True)
class GroupMetadata:
    """A group's members and assignment; `value` None deletes the group."""

    group_id: str
    value: StoredGroup | None


@dataclass(frozen=True, slots=True)
class PendingOffset:
    """An offset in a transaction: it counts once that is committed. The same bytes, in its batch."""

    producer_id: ProducerId
    offset: OffsetCommitted

    @property
    def group_id(self) -> str:
        """The group that it is an offset of."""
        return self.offset.group_id


@dataclass(frozen=True, slots=True)
class TransactionEnded:
    """A marker of a producer's transaction; a control batch, written by no group."""

    producer_id: ProducerId
    committed: bool


OffsetRecord: TypeAlias = OffsetCommitted | PendingOffset | TransactionEnded
OFFSET_RECORDS = (OffsetCommitted, PendingOffset, TransactionEnded)
GroupRecord: TypeAlias = OffsetRecord | GroupMetadata | ConsumerRecord | ShareGroupRecord


def encode_record(record: GroupRecord) -> tuple[bytes, bytes | None]:
    """Return the key and the value of `record`."""
    if isinstance(record, TransactionEnded):
        raise BrokerBug("a marker is written by the leader of its partition")
    if isinstance(record, PendingOffset):
        record = record.offset
    if isinstance(record, CONSUMER_RECORDS):
        return encode_consumer_record(record)
    if isinstance(record, SHARE_RECORDS):
        return encode_share_group_record(record)
    if isinstance(record, GroupMetadata):
        key = INT16.pack(_GROUP_KEY) + legacy_string(record.group_id)
        return key, None if record.value is None else _group_value(record.value)
    key = (
        INT16.pack(_OFFSET_KEY)
        + legacy_string(record.group_id)
        + legacy_string(record.topic)
        + INT32.pack(record.partition)
    )
    return key, None if record.value is None else _offset_value(record.value)


def decode_record(key: bytes | None, value: bytes | None) -> GroupRecord | None:
    """Return the record with this key and value, None for a kind that is not known here.

    Raises:
        BrokerBug: the bytes are no such record, or of a version not known here.
    """
    if key is None:
        raise BrokerBug("a record of __consumer_offsets without a key")
    try:
        return _decode(key, value)
    except (struct.error, IndexError, ValueError, FrameError) as error:
        raise BrokerBug(f"not a group's record: {key[:60]!r}") from error


def _decode(key: bytes, value: bytes | None) -> GroupRecord | None:
    reader = RecordReader(key)
    kind = reader.int16()
    if kind in (_OLD_OFFSET_KEY, _OFFSET_KEY):
        group_id, topic, partition = reader.string(), reader.string(), reader.int32()
        stored = None if value is None else _read_offset(RecordReader(value))
        return OffsetCommitted(group_id, topic, partition, stored)
    if kind == _GROUP_KEY:
        group_id = reader.string()
        return GroupMetadata(
            group_id, None if value is None else _read_group(RecordReader(value))
        )
    found = decode_consumer_record(kind, reader, value)
    return decode_share_group_record(kind, reader, value) if found is None else found


def _offset_value(value: CommittedOffset) -> bytes:
    expiring = value.expire_timestamp_ms != NO_TIMESTAMP
    parts = [
        INT16.pack(_OFFSET_VALUE_EXPIRING if expiring else _OFFSET_VALUE),
        INT64.pack(value.offset),
    ]
    if not expiring:
        parts.append(INT32.pack(value.leader_epoch))
    parts += [legacy_string(value.metadata), INT64.pack(value.commit_timestamp_ms)]
    if expiring:
        parts.append(INT64.pack(value.expire_timestamp_ms))
    return b"".join(parts)


def _read_offset(reader: RecordReader) -> CommittedOffset:
    version = reader.version(3)
    offset = reader.int64()
    leader_epoch = reader.int32() if version >= 3 else NO_LEADER_EPOCH
    metadata, committed_ms = reader.string(), reader.int64()
    expire_ms = reader.int64() if version == 1 else NO_TIMESTAMP
    return CommittedOffset(offset, leader_epoch, metadata, committed_ms, expire_ms)


def _group_value(value: StoredGroup) -> bytes:
    parts = [
        INT16.pack(_GROUP_VALUE),
        legacy_string(value.protocol_type),
        INT32.pack(value.generation_id),
        legacy_string(value.protocol),
        legacy_string(value.leader),
        INT64.pack(value.state_timestamp_ms),
        INT32.pack(len(value.members)),
    ]
    for member in value.members:
        parts += [
            legacy_string(member.member_id),
            legacy_string(member.group_instance_id),
            legacy_string(member.client_id),
            legacy_string(member.client_host),
            INT32.pack(member.rebalance_timeout_ms),
            INT32.pack(member.session_timeout_ms),
            INT32.pack(len(member.subscription)),
            member.subscription,
            INT32.pack(len(member.assignment)),
            member.assignment,
        ]
    return b"".join(parts)


def _read_group(reader: RecordReader) -> StoredGroup:
    version = reader.version(3)
    return StoredGroup(
        protocol_type=reader.string(),
        generation_id=reader.int32(),
        protocol=reader.nullable(),
        leader=reader.nullable(),
        state_timestamp_ms=reader.int64() if version >= 2 else NO_TIMESTAMP,
        members=tuple(_read_members(reader, version)),
    )


def _read_members(reader: RecordReader, version: int) -> Sequence[StoredMember]:
    members = []
    for _ in range(reader.int32()):
        member_id = reader.string()
        instance_id = reader.nullable() if version >= 3 else None
        client_id, client_host = reader.string(), reader.string()
        first_ms = reader.int32()
        # Version 0 has one timeout for both.
        session_ms = reader.int32() if version >= 1 else first_ms
        members.append(
            StoredMember(
                member_id,
                instance_id,
                client_id,
                client_host,
                first_ms,
                session_ms,
                reader.data(),
                reader.data(),
            )
        )
    return members
