"""The records of consumer groups, byte by byte as Apache Kafka 4.1 writes them.

What a group is lies in several records, so that a heartbeat writes only what it changes. A
value of None deletes what the key names. Values have version 0, with tagged fields.
Counterpart: GroupCoordinatorRecordHelpers and the generated classes ConsumerGroup*Key and
ConsumerGroup*Value. KIP-848, KIP-1101.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, TypeVar

from minikafka.base.ids import TopicId
from minikafka.groups.partitions import Partitions, partitions_of
from minikafka.groups.record_reader import INT64, RecordReader
from minikafka.wire.primitives import INT16, INT32, compact_bytes, legacy_string, uvarint

__all__ = [
    "CONSUMER_RECORDS",
    "ClassicMember",
    "ConsumerRecord",
    "CurrentAssignment",
    "GroupEpoch",
    "MemberMetadata",
    "PartitionMetadata",
    "RegularExpression",
    "StoredAssignment",
    "StoredConsumer",
    "StoredEpoch",
    "StoredExpression",
    "TargetAssignment",
    "TargetEpoch",
    "decode_consumer_record",
    "encode_consumer_record",
]

T = TypeVar("T")

_EPOCH, _PARTITIONS, _MEMBER, _EXPRESSION = 3, 4, 5, 16
_TARGET_EPOCH, _TARGET, _CURRENT = 6, 7, 8
_VERSION = INT16.pack(0)
_NO_TAGS = b"\0"
_HASH_BYTES = 8


class StoredEpoch(NamedTuple):
    """A group's epoch, and the hash over its topics."""

    epoch: int
    metadata_hash: int = 0


@dataclass(frozen=True, slots=True)
class GroupEpoch:
    """A group's epoch (ConsumerGroupMetadata); without a value the group is gone."""

    group_id: str
    value: StoredEpoch | None


@dataclass(frozen=True, slots=True)
class PartitionMetadata:
    """What a group's topics were like (ConsumerGroupPartitionMetadata).

    Kafka up to 4.0 wrote it; we only read that it is there, and delete it.
    """

    group_id: str
    value: bytes | None


@dataclass(frozen=True, slots=True)
class ClassicMember:
    """What a member that speaks the classic protocol has said of itself in JoinGroup.

    `protocols` are names with the subscription, in the order of preference.
    """

    session_timeout_ms: int
    protocols: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class StoredConsumer:
    """What a member has said of itself; see `ConsumerMember`."""

    instance_id: str | None
    rack_id: str | None
    client_id: str
    client_host: str
    topic_names: tuple[str, ...]
    regex: str | None
    rebalance_timeout_ms: int
    server_assignor: str | None
    classic: ClassicMember | None = None


@dataclass(frozen=True, slots=True)
class MemberMetadata:
    """A member and its subscription (ConsumerGroupMemberMetadata)."""

    group_id: str
    member_id: str
    value: StoredConsumer | None


@dataclass(frozen=True, slots=True)
class TargetEpoch:
    """The group epoch that the target assignment is for (ConsumerGroupTargetAssignmentMetadata)."""

    group_id: str
    value: int | None


@dataclass(frozen=True, slots=True)
class TargetAssignment:
    """What a member is to have in the end (ConsumerGroupTargetAssignmentMember)."""

    group_id: str
    member_id: str
    value: Partitions | None


@dataclass(frozen=True, slots=True)
class StoredAssignment:
    """How far a member has come on its way to its target; see `ConsumerMember`."""

    epoch: int
    previous_epoch: int
    state: int
    assigned: Partitions
    pending_revocation: Partitions


@dataclass(frozen=True, slots=True)
class CurrentAssignment:
    """What a member has now (ConsumerGroupCurrentMemberAssignment)."""

    group_id: str
    member_id: str
    value: StoredAssignment | None


@dataclass(frozen=True, slots=True)
class StoredExpression:
    """The topics that a regular expression stands for, ascending.

    `version` is inclusive: the last metadata offset that was looked at.
    """

    topics: tuple[str, ...]
    version: int
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class RegularExpression:
    """A regular expression as it was resolved (ConsumerGroupRegularExpression)."""

    group_id: str
    regex: str
    value: StoredExpression | None


ConsumerRecord: TypeAlias = (
    GroupEpoch
    | PartitionMetadata
    | MemberMetadata
    | TargetEpoch
    | TargetAssignment
    | CurrentAssignment
    | RegularExpression
)
CONSUMER_RECORDS = (
    GroupEpoch,
    PartitionMetadata,
    MemberMetadata,
    TargetEpoch,
    TargetAssignment,
    CurrentAssignment,
    RegularExpression,
)


def encode_consumer_record(record: ConsumerRecord) -> tuple[bytes, bytes | None]:
    """Return the key and the value of `record`."""
    match record:
        case GroupEpoch(group_id, epoch):
            return _key(_EPOCH, group_id), None if epoch is None else _epoch_value(epoch)
        case PartitionMetadata(group_id, raw):
            return _key(_PARTITIONS, group_id), raw
        case MemberMetadata(group_id, member_id, stored):
            key = _key(_MEMBER, group_id, member_id)
            return key, None if stored is None else _member_value(stored)
        case TargetEpoch(group_id, number):
            return _key(_TARGET_EPOCH, group_id), None if number is None else _value(
                INT32.pack(number)
            )
        case TargetAssignment(group_id, member_id, partitions):
            key = _key(_TARGET, group_id, member_id)
            return key, None if partitions is None else _value(_partitions(partitions))
        case CurrentAssignment(group_id, member_id, current):
            key = _key(_CURRENT, group_id, member_id)
            return key, None if current is None else _current_value(current)
        case RegularExpression(group_id, regex, found):
            key = _key(_EXPRESSION, group_id, regex)
            return key, None if found is None else _expression_value(found)


def decode_consumer_record(
    kind: int, key: RecordReader, value: bytes | None
) -> ConsumerRecord | None:
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


def _key(kind: int, *names: str) -> bytes:
    return INT16.pack(kind) + b"".join(legacy_string(name) for name in names)


def _value(*parts: bytes) -> bytes:
    return _VERSION + b"".join(parts) + _NO_TAGS


def _epoch_value(value: StoredEpoch) -> bytes:
    if not value.metadata_hash:
        return _value(INT32.pack(value.epoch))
    tag = uvarint(1) + uvarint(0) + uvarint(_HASH_BYTES) + INT64.pack(value.metadata_hash)
    return _VERSION + INT32.pack(value.epoch) + tag


def _read_epoch(reader: RecordReader) -> StoredEpoch:
    epoch, tags = reader.int32(), reader.tagged_fields()
    return StoredEpoch(epoch, RecordReader(tags[0]).int64() if 0 in tags else 0)


def _strings(texts: tuple[str, ...]) -> bytes:
    return uvarint(len(texts) + 1) + b"".join(compact_bytes(text) for text in texts)


def _read_strings(reader: RecordReader) -> tuple[str, ...]:
    return tuple(reader.compact_string() for _ in range(reader.compact_count()))


def _member_value(value: StoredConsumer) -> bytes:
    body = [
        _VERSION,
        compact_bytes(value.instance_id),
        compact_bytes(value.rack_id),
        compact_bytes(value.client_id),
        compact_bytes(value.client_host),
        _strings(value.topic_names),
        compact_bytes(value.regex),
        INT32.pack(value.rebalance_timeout_ms),
        compact_bytes(value.server_assignor),
    ]
    if value.classic is None:
        return b"".join(body) + _NO_TAGS
    tag = b"\x01" + INT32.pack(value.classic.session_timeout_ms)
    tag += uvarint(len(value.classic.protocols) + 1)
    for name, metadata in value.classic.protocols:
        tag += compact_bytes(name) + compact_bytes(metadata) + _NO_TAGS
    tag += _NO_TAGS
    return b"".join(body) + uvarint(1) + uvarint(0) + uvarint(len(tag)) + tag


def _read_member(reader: RecordReader) -> StoredConsumer:
    fields = (
        reader.compact_nullable(),
        reader.compact_nullable(),
        reader.compact_string(),
        reader.compact_string(),
        _read_strings(reader),
        reader.compact_nullable(),
        reader.int32(),
        reader.compact_nullable(),
    )
    tag = reader.tagged_fields().get(0)
    return StoredConsumer(*fields, None if tag is None else _read_classic(RecordReader(tag)))


def _read_classic(reader: RecordReader) -> ClassicMember | None:
    if reader.int8() < 0:
        return None
    session_ms = reader.int32()
    protocols = []
    for _ in range(reader.compact_count()):
        protocols.append((reader.compact_string(), reader.compact_data()))
        reader.skip_tagged_fields()
    return ClassicMember(session_ms, tuple(protocols))


def _partitions(partitions: Partitions) -> bytes:
    parts = [uvarint(len(partitions) + 1)]
    for topic_id, numbers in partitions.items():
        parts += [topic_id.bytes, uvarint(len(numbers) + 1)]
        parts += [INT32.pack(number) for number in numbers]
        parts.append(_NO_TAGS)
    return b"".join(parts)


def _read_partitions(reader: RecordReader) -> Partitions:
    return partitions_of(_pairs(reader))


def _pairs(reader: RecordReader) -> Iterable[tuple[TopicId, list[int]]]:
    for _ in range(reader.compact_count()):
        topic_id = reader.uuid()
        numbers = [reader.int32() for _ in range(reader.compact_count())]
        reader.skip_tagged_fields()
        yield topic_id, numbers


def _current_value(value: StoredAssignment) -> bytes:
    return _value(
        INT32.pack(value.epoch),
        INT32.pack(value.previous_epoch),
        bytes((value.state,)),
        _partitions(value.assigned),
        _partitions(value.pending_revocation),
    )


def _read_current(reader: RecordReader) -> StoredAssignment:
    return StoredAssignment(
        reader.int32(),
        reader.int32(),
        reader.int8(),
        _read_partitions(reader),
        _read_partitions(reader),
    )


def _expression_value(value: StoredExpression) -> bytes:
    return _value(
        _strings(value.topics), INT64.pack(value.version), INT64.pack(value.timestamp_ms)
    )


def _read_expression(reader: RecordReader) -> StoredExpression:
    return StoredExpression(_read_strings(reader), reader.int64(), reader.int64())


def _maybe(reader: RecordReader | None, read: Callable[[RecordReader], T]) -> T | None:
    return None if reader is None else read(reader)


def _decode_partition_metadata(
    key: RecordReader, reader: RecordReader | None
) -> PartitionMetadata:
    return PartitionMetadata(key.string(), _maybe(reader, RecordReader.everything))


def _decode_member(key: RecordReader, reader: RecordReader | None) -> MemberMetadata:
    return MemberMetadata(key.string(), key.string(), _maybe(reader, _read_member))


def _decode_target(key: RecordReader, reader: RecordReader | None) -> TargetAssignment:
    return TargetAssignment(key.string(), key.string(), _maybe(reader, _read_partitions))


def _decode_current(key: RecordReader, reader: RecordReader | None) -> CurrentAssignment:
    return CurrentAssignment(key.string(), key.string(), _maybe(reader, _read_current))


def _decode_expression(key: RecordReader, reader: RecordReader | None) -> RegularExpression:
    return RegularExpression(key.string(), key.string(), _maybe(reader, _read_expression))


_DECODERS: dict[int, Callable[[RecordReader, RecordReader | None], ConsumerRecord]] = {
    _EPOCH: lambda key, reader: GroupEpoch(key.string(), _maybe(reader, _read_epoch)),
    _PARTITIONS: _decode_partition_metadata,
    _MEMBER: _decode_member,
    _TARGET_EPOCH: lambda key, reader: TargetEpoch(
        key.string(), _maybe(reader, RecordReader.int32)
    ),
    _TARGET: _decode_target,
    _CURRENT: _decode_current,
    _EXPRESSION: _decode_expression,
}
