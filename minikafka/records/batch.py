"""Record batch v2 as a view of its bytes.

Holds the header fields of one batch, its framing, its CRC and the two in-place patches a leader
makes. Does not look at the records behind the header (`records.py` does) and knows nothing of
logs or requests. Counterpart: org.apache.kafka.common.record.DefaultRecordBatch. KIP-98, KIP-32.

Layout (big endian; position in brackets): base offset i64 [0], batch length i32 [8], leader
epoch i32 [12], magic i8 [16], CRC-32C u32 [17], attributes i16 [21], last offset delta i32 [23],
base timestamp i64 [27], max timestamp i64 [35], producer id i64 [43], producer epoch i16 [51],
base sequence i32 [53], record count i32 [57], records [61]. The CRC covers [21] to the end, so
the base offset and the leader epoch may change without a new one.
"""

from __future__ import annotations

import struct

from crc32c import crc32c

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import LeaderEpoch, Offset, ProducerId

__all__ = [
    "ATTRIBUTES_POSITION",
    "CODEC_MASK",
    "CONTROL_BIT",
    "DELETE_HORIZON_BIT",
    "HEADER",
    "HEADER_BYTES",
    "LOG_APPEND_TIME_BIT",
    "MAGIC_V2",
    "PREFIX_BYTES",
    "TRANSACTIONAL_BIT",
    "Batch",
    "batch_size",
    "check_crc",
    "split_batches",
    "stamp",
    "stamp_times",
]

HEADER = struct.Struct(">qiibIhiqqqhii")
HEADER_BYTES = 61
PREFIX_BYTES = 12
"""Bytes before the part that the batch length counts: base offset and length itself."""
ATTRIBUTES_POSITION = 21
MAGIC_V2 = 2

CODEC_MASK = 0x07
LOG_APPEND_TIME_BIT = 0x08
TRANSACTIONAL_BIT = 0x10
CONTROL_BIT = 0x20
DELETE_HORIZON_BIT = 0x40
"""The base timestamp is when the tombstones of this batch may go (KAFKA-8522)."""

_MAGIC_POSITION = 16
_CRC_POSITION = 17
_MAX_TIMESTAMP_POSITION = 35
# The smallest length field a batch of any format could carry (format v0, one empty record).
_LENGTH_MIN = 14

_PREFIX = struct.Struct(">qii")
_LENGTH = struct.Struct(">i")
_CRC = struct.Struct(">I")
_ATTRIBUTES = struct.Struct(">h")
_TIMESTAMP = struct.Struct(">q")

_unpack_header = HEADER.unpack_from
_pack_prefix = _PREFIX.pack_into
_unpack_length = _LENGTH.unpack_from


class Batch:
    """One record batch: its bytes and the fields of its header.

    The bytes are shared, never copied: with the storage, with the other replicas of this
    process and with the sockets. Nobody writes to them after `stamp`.

    Args:
        view: exactly one batch, format `B`; `split_batches` checks that, this class does not.
    """

    __slots__ = (
        "attributes",
        "base_offset",
        "base_sequence",
        "base_timestamp_ms",
        "crc",
        "last_offset",
        "leader_epoch",
        "max_timestamp_ms",
        "producer_epoch",
        "producer_id",
        "record_count",
        "size",
        "view",
    )

    view: memoryview
    base_offset: Offset
    last_offset: Offset  # inclusive
    leader_epoch: LeaderEpoch
    crc: int
    attributes: int
    base_timestamp_ms: int
    max_timestamp_ms: int
    producer_id: ProducerId
    producer_epoch: int
    base_sequence: int
    record_count: int
    size: int  # bytes of view

    def __init__(self, view: memoryview) -> None:
        self.view = view
        (
            base_offset,
            length,
            self.leader_epoch,
            _,
            self.crc,
            self.attributes,
            last_offset_delta,
            self.base_timestamp_ms,
            self.max_timestamp_ms,
            self.producer_id,
            self.producer_epoch,
            self.base_sequence,
            self.record_count,
        ) = _unpack_header(view)
        self.base_offset = base_offset
        self.last_offset = base_offset + last_offset_delta
        self.size = length + PREFIX_BYTES

    @property
    def next_offset(self) -> Offset:
        """The offset after the last one of this batch."""
        return self.last_offset + 1

    @property
    def codec(self) -> int:
        """Number of the compression codec, 0 to 7; `records.compressors.Codec` names 0 to 4."""
        return self.attributes & CODEC_MASK

    @property
    def is_transactional(self) -> bool:
        """True for a batch that belongs to a transaction (KIP-98)."""
        return bool(self.attributes & TRANSACTIONAL_BIT)

    @property
    def is_control(self) -> bool:
        """True for a batch of the brokers' own: never handed to an application."""
        return bool(self.attributes & CONTROL_BIT)

    @property
    def uses_log_append_time(self) -> bool:
        """True when each record counts as written at `max_timestamp_ms` (KIP-32)."""
        return bool(self.attributes & LOG_APPEND_TIME_BIT)

    @property
    def delete_horizon_ms(self) -> int | None:
        """Wall-clock time from which compaction drops tombstones; None before it has seen any."""
        return self.base_timestamp_ms if self.attributes & DELETE_HORIZON_BIT else None

    def __repr__(self) -> str:
        return (
            f"Batch({self.base_offset}..{self.last_offset} e{self.leader_epoch} {self.size} B)"
        )


def split_batches(records: memoryview) -> list[Batch]:
    """Return the batches that lie end to end in `records`, each a view of it.

    The bytes are trusted no further than their framing: the CRC is `check_crc`'s business.

    Raises:
        KafkaError: CORRUPT_MESSAGE when a batch is cut off, bytes are left over, or the length
            or magic cannot be; INVALID_RECORD for the message formats v0 and v1, which
            Kafka 4 no longer reads (KIP-724).
    """
    end = len(records)
    batches: list[Batch] = []
    position = 0
    while position < end:
        size = batch_size(records, position)
        if size is None:
            message = f"{end - position} bytes of a record batch that is cut off"
            raise KafkaError(ErrorCode.CORRUPT_MESSAGE, message)
        if size == end:
            return [Batch(records)]
        batches.append(Batch(records[position : position + size]))
        position += size
    return batches


def batch_size(records: memoryview, position: int) -> int | None:
    """Return the size of the batch at `position`, None where it is cut off.

    Raises:
        KafkaError: as `split_batches`, where what is there can be no batch v2.
    """
    left = len(records) - position
    if left < PREFIX_BYTES:
        return None
    size: int = _unpack_length(records, position + 8)[0] + PREFIX_BYTES
    if HEADER_BYTES <= size <= left and records[position + _MAGIC_POSITION] == MAGIC_V2:
        return size
    if size < PREFIX_BYTES + _LENGTH_MIN:
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE, f"record batch of {size} bytes")
    if left <= _MAGIC_POSITION:
        return None
    magic = records[position + _MAGIC_POSITION]
    if magic > MAGIC_V2:
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE, f"unknown magic {magic} in a record batch")
    if size > left:
        return None
    if magic < MAGIC_V2:
        message = f"message format v{magic} is not supported"
        raise KafkaError(ErrorCode.INVALID_RECORD, message)
    raise KafkaError(ErrorCode.CORRUPT_MESSAGE, f"record batch of {size} bytes")


def check_crc(batch: Batch) -> None:
    """Refuse a batch whose bytes are not those its producer summed up.

    Raises:
        KafkaError: CORRUPT_MESSAGE.
    """
    if crc32c(batch.view[ATTRIBUTES_POSITION:]) != batch.crc:
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE, f"CRC-32C of {batch!r} does not match")


def stamp(
    batch: Batch,
    base_offset: Offset,
    leader_epoch: LeaderEpoch,
    log_append_time_ms: int | None = None,
) -> None:
    """Give the batch its place in the log, in its own bytes.

    Args:
        batch: its view must be writable, and not in any log yet.
        base_offset: offset of its first record.
        leader_epoch: epoch of the leader that appends it.
        log_append_time_ms: wall-clock time for a topic with LogAppendTime: becomes the time of
            every record, and costs a new CRC (KIP-32). None leaves the producer's times.
    """
    _pack_prefix(batch.view, 0, base_offset, batch.size - PREFIX_BYTES, leader_epoch)
    batch.last_offset += base_offset - batch.base_offset
    batch.base_offset = base_offset
    batch.leader_epoch = leader_epoch
    if log_append_time_ms is not None:
        stamp_times(batch, log_append_time_ms, log_append_time=True)


def stamp_times(batch: Batch, max_timestamp_ms: int, *, log_append_time: bool) -> None:
    """Set the batch's largest timestamp and whose clock it is by, with a new CRC.

    With `log_append_time` every record counts as written at `max_timestamp_ms`, without it at
    the producer's own time (KIP-32).
    """
    attributes = batch.attributes & ~LOG_APPEND_TIME_BIT
    batch.attributes = attributes | (LOG_APPEND_TIME_BIT if log_append_time else 0)
    batch.max_timestamp_ms = max_timestamp_ms
    _ATTRIBUTES.pack_into(batch.view, ATTRIBUTES_POSITION, batch.attributes)
    _TIMESTAMP.pack_into(batch.view, _MAX_TIMESTAMP_POSITION, max_timestamp_ms)
    batch.crc = crc32c(batch.view[ATTRIBUTES_POSITION:])
    _CRC.pack_into(batch.view, _CRC_POSITION, batch.crc)
