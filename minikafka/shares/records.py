"""The records of `__share_group_state`, byte by byte as Apache Kafka 4.1 writes them.

A snapshot says all of a share-partition, an update what has changed since. A snapshot without a
value deletes what the key names.
Counterpart: ShareCoordinatorRecordHelpers, ShareCoordinatorRecordSerde and the generated classes
ShareSnapshotKey, ShareSnapshotValue, ShareUpdateKey, ShareUpdateValue. KIP-932.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from minikafka.base.errors import BrokerBug
from minikafka.base.ids import Offset, TopicId, short_id
from minikafka.groups.record_reader import INT64, RecordReader
from minikafka.shares.state_batches import StateBatch
from minikafka.wire.framing import FrameError
from minikafka.wire.primitives import INT16, INT32, legacy_string, uvarint

__all__ = [
    "ShareKey",
    "ShareRecord",
    "ShareSnapshot",
    "ShareUpdate",
    "StoredShare",
    "StoredUpdate",
    "decode_share_record",
    "encode_share_record",
]

_SNAPSHOT, _UPDATE = 0, 1
_VERSION = INT16.pack(0)
_NO_TAGS = b"\0"
_BATCH = struct.Struct(">qqbh")


class ShareKey(NamedTuple):
    """One partition as one group sees it."""

    group_id: str
    topic_id: TopicId
    partition: int

    def __str__(self) -> str:
        return f"{self.group_id}:{short_id(self.topic_id)}:{self.partition}"


@dataclass(frozen=True, slots=True)
class StoredShare:
    """All that is known of a share-partition; times are wall-clock.

    `start_offset` is -1 until the leader has begun.
    """

    snapshot_epoch: int
    state_epoch: int
    leader_epoch: int
    start_offset: Offset
    create_timestamp_ms: int
    write_timestamp_ms: int
    batches: tuple[StateBatch, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredUpdate:
    """What has changed; -1 in an epoch or offset for what has not."""

    snapshot_epoch: int
    leader_epoch: int
    start_offset: Offset
    batches: tuple[StateBatch, ...] = ()


@dataclass(frozen=True, slots=True)
class ShareSnapshot:
    """A share-partition as a whole; `value` None deletes it."""

    key: ShareKey
    value: StoredShare | None


@dataclass(frozen=True, slots=True)
class ShareUpdate:
    """A change of a share-partition."""

    key: ShareKey
    value: StoredUpdate


ShareRecord: TypeAlias = ShareSnapshot | ShareUpdate


def encode_share_record(record: ShareRecord) -> tuple[bytes, bytes | None]:
    """Return the key and the value of `record`."""
    kind = _SNAPSHOT if isinstance(record, ShareSnapshot) else _UPDATE
    group_id, topic_id, partition = record.key
    key = INT16.pack(kind) + legacy_string(group_id) + topic_id.bytes + INT32.pack(partition)
    match record.value:
        case None:
            return key, None
        case StoredShare() as whole:
            parts = [
                INT32.pack(whole.snapshot_epoch),
                INT32.pack(whole.state_epoch),
                INT32.pack(whole.leader_epoch),
                INT64.pack(whole.start_offset),
                INT64.pack(whole.create_timestamp_ms),
                INT64.pack(whole.write_timestamp_ms),
            ]
        case StoredUpdate() as change:
            parts = [
                INT32.pack(change.snapshot_epoch),
                INT32.pack(change.leader_epoch),
                INT64.pack(change.start_offset),
            ]
    return key, b"".join((_VERSION, *parts, _batches(record.value.batches), _NO_TAGS))


def _batches(batches: Sequence[StateBatch]) -> bytes:
    packed = [_BATCH.pack(*each) + _NO_TAGS for each in batches]
    return uvarint(len(batches) + 1) + b"".join(packed)


def decode_share_record(key: bytes | None, value: bytes | None) -> ShareRecord | None:
    """Return the record with this key and value, None for a kind that is not known here.

    Raises:
        BrokerBug: the bytes are no such record, or of a version not known here.
    """
    if key is None:
        raise BrokerBug("a record of __share_group_state without a key")
    try:
        return _decode(key, value)
    except (struct.error, IndexError, ValueError, FrameError) as error:
        raise BrokerBug(f"not a share group's record: {key[:60]!r}") from error


def _decode(key: bytes, value: bytes | None) -> ShareRecord | None:
    reader = RecordReader(key)
    kind = reader.int16()
    if kind not in (_SNAPSHOT, _UPDATE):
        return None
    share_key = ShareKey(reader.string(), reader.uuid(), reader.int32())
    if value is None:
        return ShareSnapshot(share_key, None)
    reader = RecordReader(value)
    reader.version(0)
    if kind == _UPDATE:
        fields = (reader.int32(), reader.int32(), reader.int64())
        return ShareUpdate(share_key, StoredUpdate(*fields, _read_batches(reader)))
    epochs = (reader.int32(), reader.int32(), reader.int32())
    offset, created_ms, written_ms = reader.int64(), reader.int64(), reader.int64()
    stored = StoredShare(*epochs, offset, created_ms, written_ms, _read_batches(reader))
    return ShareSnapshot(share_key, stored)


def _read_batches(reader: RecordReader) -> tuple[StateBatch, ...]:
    batches = []
    for _ in range(reader.compact_count()):
        first, last, state = reader.int64(), reader.int64(), reader.int8()
        batches.append(StateBatch(first, last, state, reader.int16()))
        reader.skip_tagged_fields()
    return tuple(batches)
