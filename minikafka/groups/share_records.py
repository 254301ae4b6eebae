"""The records of share groups in `__consumer_offsets`, byte by byte as Apache Kafka 4.1 writes them.

Their members' records are like those of consumer groups, in kinds of their own. A value of None
deletes what the key names.
Counterpart: GroupCoordinatorRecordHelpers and the generated classes ShareGroup*Key and
ShareGroup*Value. KIP-932.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from minikafka.base.ids import TopicId
from minikafka.groups.consumer_records import StoredEpoch
from minikafka.groups.partitions import Partitions, partitions_of
from minikafka.groups.record_parts import (
    NO_TAGS,
    maybe,
    partitions_bytes,
    read_partitions,
    read_strings,
    record_key,
    record_value,
    strings_bytes,
)
from minikafka.groups.record_reader import INT64, RecordReader
from minikafka.wire.primitives import INT32, compact_bytes, uvarint

__all__ = [
    "SHARE_RECORDS",
    "ShareAssignment",
    "ShareEpoch",
    "ShareGroupRecord",
    "ShareMemberMetadata",
    "ShareStatePartitions",
    "ShareTarget",
    "ShareTargetEpoch",
    "StoredShareAssignment",
    "StoredShareMember",
    "StoredStatePartitions",
    "decode_share_group_record",
    "encode_share_group_record",
]

_MEMBER, _EPOCH, _TARGET_EPOCH, _TARGET, _CURRENT, _STATE = 10, 11, 12, 13, 14, 15
_STABLE = b"\0"


@dataclass(frozen=True, slots=True)
class ShareEpoch:
    """A group's epoch (ShareGroupMetadata); without a value the group is gone."""

    group_id: str
    value: StoredEpoch | None


@dataclass(frozen=True, slots=True)
class StoredShareMember:
    """What a member has said of itself; see `ShareMember`."""

    rack_id: str | None
    client_id: str
    client_host: str
    topic_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShareMemberMetadata:
    """A member and its subscription (ShareGroupMemberMetadata)."""

    group_id: str
    member_id: str
    value: StoredShareMember | None


@dataclass(frozen=True, slots=True)
class ShareTargetEpoch:
    """The group epoch that targets are for (ShareGroupTargetAssignmentMetadata)."""

    group_id: str
    value: int | None


@dataclass(frozen=True, slots=True)
class ShareTarget:
    """What a member is to read (ShareGroupTargetAssignmentMember)."""

    group_id: str
    member_id: str
    value: Partitions | None


@dataclass(frozen=True, slots=True)
class StoredShareAssignment:
    """Which of the targets a member has been told."""

    epoch: int
    previous_epoch: int
    assigned: Partitions


@dataclass(frozen=True, slots=True)
class ShareAssignment:
    """What a member reads now (ShareGroupCurrentMemberAssignment)."""

    group_id: str
    member_id: str
    value: StoredShareAssignment | None


@dataclass(frozen=True, slots=True)
class StoredStatePartitions:
    """Partitions whose share state is kept by share coordinators.

    Attributes:
        initializing: are being begun.
        initialized: have begun, and may be assigned.
        deleting: topics whose state is being deleted.
        names: of all these topics.
    """

    initializing: Partitions = field(default_factory=dict)
    initialized: Partitions = field(default_factory=dict)
    deleting: tuple[TopicId, ...] = ()
    names: Mapping[TopicId, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShareStatePartitions:
    """What the group has share state for (ShareGroupStatePartitionMetadata)."""

    group_id: str
    value: StoredStatePartitions | None


ShareGroupRecord: TypeAlias = (
    ShareEpoch
    | ShareMemberMetadata
    | ShareTargetEpoch
    | ShareTarget
    | ShareAssignment
    | ShareStatePartitions
)
SHARE_RECORDS = (
    ShareEpoch,
    ShareMemberMetadata,
    ShareTargetEpoch,
    ShareTarget,
    ShareAssignment,
    ShareStatePartitions,
)


def encode_share_group_record(record: ShareGroupRecord) -> tuple[bytes, bytes | None]:
    """Return the key and the value of `record`."""
    match record:
        case ShareEpoch(group_id, epoch):
            key = record_key(_EPOCH, group_id)
            return key, None if epoch is None else record_value(
                INT32.pack(epoch.epoch), INT64.pack(epoch.metadata_hash)
            )
        case ShareMemberMetadata(group_id, member_id, stored):
            key = record_key(_MEMBER, group_id, member_id)
            return key, None if stored is None else record_value(
                compact_bytes(stored.rack_id),
                compact_bytes(stored.client_id),
                compact_bytes(stored.client_host),
                strings_bytes(stored.topic_names),
            )
        case ShareTargetEpoch(group_id, number):
            key = record_key(_TARGET_EPOCH, group_id)
            return key, None if number is None else record_value(INT32.pack(number))
        case ShareTarget(group_id, member_id, partitions):
            key = record_key(_TARGET, group_id, member_id)
            return key, None if partitions is None else record_value(
                partitions_bytes(partitions)
            )
        case ShareAssignment(group_id, member_id, current):
            key = record_key(_CURRENT, group_id, member_id)
            return key, None if current is None else record_value(
                INT32.pack(current.epoch),
                INT32.pack(current.previous_epoch),
                _STABLE,
                partitions_bytes(current.assigned),
            )
        case ShareStatePartitions(group_id, state):
            return record_key(_STATE, group_id), None if state is None else _state_value(state)


def decode_share_group_record(
    kind: int, key: RecordReader, value: bytes | None
) -> ShareGroupRecord | None:
    """Return the record of this kind, None for a kind that is not known here.

    Args:
        key: behind the kind.
    """
    decode = _DECODERS.get(kind)
    if decode is None:
        return None
    reader = None if value is None else RecordReader(value)
    if reader is not None:
        reader.version(0)
    return decode(key, reader)


def _state_value(state: StoredStatePartitions) -> bytes:
    deleting = b"".join(
        topic_id.bytes + compact_bytes(state.names[topic_id]) + NO_TAGS
        for topic_id in state.deleting
    )
    return record_value(
        _named(state.initializing, state.names),
        _named(state.initialized, state.names),
        uvarint(len(state.deleting) + 1) + deleting,
    )


def _named(partitions: Partitions, names: Mapping[TopicId, str]) -> bytes:
    parts = [uvarint(len(partitions) + 1)]
    for topic_id, numbers in partitions.items():
        parts += [topic_id.bytes, compact_bytes(names[topic_id]), uvarint(len(numbers) + 1)]
        parts += [INT32.pack(number) for number in numbers]
        parts.append(NO_TAGS)
    return b"".join(parts)


def _read_named(reader: RecordReader, names: dict[TopicId, str]) -> Partitions:
    found = []
    for _ in range(reader.compact_count()):
        topic_id = reader.uuid()
        names[topic_id] = reader.compact_string()
        found.append((topic_id, [reader.int32() for _ in range(reader.compact_count())]))
        reader.skip_tagged_fields()
    return partitions_of(found)


def _read_state(reader: RecordReader) -> StoredStatePartitions:
    names: dict[TopicId, str] = {}
    initializing, initialized = _read_named(reader, names), _read_named(reader, names)
    deleting = []
    for _ in range(reader.compact_count()):
        topic_id = reader.uuid()
        names[topic_id] = reader.compact_string()
        deleting.append(topic_id)
        reader.skip_tagged_fields()
    return StoredStatePartitions(initializing, initialized, tuple(deleting), names)


def _read_member(reader: RecordReader) -> StoredShareMember:
    rack_id, client_id = reader.compact_nullable(), reader.compact_string()
    return StoredShareMember(rack_id, client_id, reader.compact_string(), read_strings(reader))


def _read_current(reader: RecordReader) -> StoredShareAssignment:
    epoch, previous = reader.int32(), reader.int32()
    reader.int8()
    return StoredShareAssignment(epoch, previous, read_partitions(reader))


def _read_epoch(reader: RecordReader) -> StoredEpoch:
    return StoredEpoch(reader.int32(), reader.int64())


def _decode_member(key: RecordReader, reader: RecordReader | None) -> ShareGroupRecord:
    return ShareMemberMetadata(key.string(), key.string(), maybe(reader, _read_member))


def _decode_target(key: RecordReader, reader: RecordReader | None) -> ShareGroupRecord:
    return ShareTarget(key.string(), key.string(), maybe(reader, read_partitions))


def _decode_current(key: RecordReader, reader: RecordReader | None) -> ShareGroupRecord:
    return ShareAssignment(key.string(), key.string(), maybe(reader, _read_current))


_Decoder: TypeAlias = Callable[[RecordReader, RecordReader | None], ShareGroupRecord]
_DECODERS: Mapping[int, _Decoder] = MappingProxyType(
    {
        _EPOCH: lambda key, reader: ShareEpoch(key.string(), maybe(reader, _read_epoch)),
        _MEMBER: _decode_member,
        _TARGET_EPOCH: lambda key, reader: ShareTargetEpoch(
            key.string(), maybe(reader, RecordReader.int32)
        ),
        _TARGET: _decode_target,
        _CURRENT: _decode_current,
        _STATE: lambda key, reader: ShareStatePartitions(
            key.string(), maybe(reader, _read_state)
        ),
    }
)
