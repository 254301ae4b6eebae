"""Batches made from records.

For the brokers' own records, for tests, for topics that ask for another codec than the
producer chose, and for what compaction leaves of a batch. Counterpart: org.apache.kafka.common.record.MemoryRecordsBuilder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from crc32c import crc32c

from minikafka.base.ids import NO_LEADER_EPOCH, LeaderEpoch, Offset, ProducerId
from minikafka.records.batch import (
    ATTRIBUTES_POSITION,
    CODEC_MASK,
    CONTROL_BIT,
    DELETE_HORIZON_BIT,
    HEADER,
    HEADER_BYTES,
    LOG_APPEND_TIME_BIT,
    MAGIC_V2,
    PREFIX_BYTES,
    TRANSACTIONAL_BIT,
    Batch,
)
from minikafka.records.compressors import Codec, compress
from minikafka.records.records import Record, decompressed_body

__all__ = ["build_batch", "keep_records", "recompress"]


def build_batch(
    records: Sequence[Record],
    *,
    base_offset: Offset = 0,
    codec: Codec = Codec.NONE,
    producer_id: ProducerId = -1,
    producer_epoch: int = -1,
    base_sequence: int = -1,
    leader_epoch: LeaderEpoch = NO_LEADER_EPOCH,
    control: bool = False,
    transactional: bool = False,
    log_append_time_ms: int | None = None,
) -> Batch:
    """Return a batch of `records`, in a buffer of its own that may be stamped.

    Args:
        records: at least one. Offsets follow `base_offset` without gaps; the records' own
            offsets are not looked at.
        base_offset: offset of the first record.
        codec: how to compress the records.
        producer_id: -1 without idempotence, as `producer_epoch` and `base_sequence`.
        producer_epoch: of the producer id.
        base_sequence: sequence number of the first record.
        leader_epoch: of the leader that appends it; -1 while unknown.
        control: a batch of the brokers' own, such as a leader change.
        transactional: part of a transaction.
        log_append_time_ms: wall-clock time of all records, where the topic wants that.
    """
    assert records, "a batch holds at least one record"
    attributes = int(codec)
    attributes |= CONTROL_BIT if control else 0
    attributes |= TRANSACTIONAL_BIT if transactional else 0
    base_timestamp_ms = records[0].timestamp_ms
    max_timestamp_ms = max(record.timestamp_ms for record in records)
    if log_append_time_ms is not None:
        attributes |= LOG_APPEND_TIME_BIT
        max_timestamp_ms = log_append_time_ms
    body = bytearray()
    for offset_delta, record in enumerate(records):
        _encode_record(body, record, offset_delta, record.timestamp_ms - base_timestamp_ms)
    stored = body if codec is Codec.NONE else compress(codec, body)
    header = (
        base_offset,
        HEADER_BYTES - PREFIX_BYTES + len(stored),
        leader_epoch,
        MAGIC_V2,
        0,
        attributes,
        len(records) - 1,
        base_timestamp_ms,
        max_timestamp_ms,
        producer_id,
        producer_epoch,
        base_sequence,
        len(records),
    )
    return _assemble(header, stored)


def recompress(batch: Batch, codec: Codec) -> Batch:
    """Return the batch with its records under another codec, itself if it has that already.

    For topics whose `compression.type` is not `producer`. The records stay the same bytes.

    Raises:
        KafkaError: CORRUPT_MESSAGE when the records cannot be decompressed.
    """
    if batch.codec == codec:
        return batch
    body = decompressed_body(batch)
    stored = compress(codec, body)
    header = (
        batch.base_offset,
        HEADER_BYTES - PREFIX_BYTES + len(stored),
        batch.leader_epoch,
        MAGIC_V2,
        0,
        (batch.attributes & ~CODEC_MASK) | codec,
        batch.last_offset - batch.base_offset,
        batch.base_timestamp_ms,
        batch.max_timestamp_ms,
        batch.producer_id,
        batch.producer_epoch,
        batch.base_sequence,
        batch.record_count,
    )
    return _assemble(header, stored)


def keep_records(
    batch: Batch,
    records: Sequence[Record],
    *,
    now_timestamp_ms: int,
    delete_horizon_ms: int | None = None,
) -> Batch:
    """Return what stays of a batch: its place, epoch and producer, with some of its records.

    Args:
        records: of this batch, with their offsets; perhaps none. So an idempotent producer's
            last sequence number outlives its records.
        now_timestamp_ms: wall-clock time, which a batch without records gets.
        delete_horizon_ms: see `Batch.delete_horizon_ms`; None leaves it as it is.
    """
    attributes = batch.attributes
    if delete_horizon_ms is None:
        delete_horizon_ms = batch.delete_horizon_ms
    if delete_horizon_ms is not None:
        attributes |= DELETE_HORIZON_BIT
        base_timestamp_ms = delete_horizon_ms
    else:
        base_timestamp_ms = records[0].timestamp_ms if records else now_timestamp_ms
    max_timestamp_ms = max((each.timestamp_ms for each in records), default=now_timestamp_ms)
    if batch.uses_log_append_time:
        max_timestamp_ms = batch.max_timestamp_ms
    body = bytearray()
    for record in records:
        delta_ms = record.timestamp_ms - base_timestamp_ms
        _encode_record(body, record, record.offset - batch.base_offset, delta_ms)
    stored = compress(Codec(batch.codec), body) if records and batch.codec else body
    header = (
        batch.base_offset,
        HEADER_BYTES - PREFIX_BYTES + len(stored),
        batch.leader_epoch,
        MAGIC_V2,
        0,
        attributes,
        batch.last_offset - batch.base_offset,
        base_timestamp_ms,
        max_timestamp_ms,
        batch.producer_id,
        batch.producer_epoch,
        batch.base_sequence,
        len(records),
    )
    return _assemble(header, stored)


def _assemble(header: Iterable[int], stored: bytes | bytearray) -> Batch:
    buffer = bytearray(HEADER.pack(*header))
    buffer += stored
    crc = crc32c(memoryview(buffer)[ATTRIBUTES_POSITION:])
    buffer[ATTRIBUTES_POSITION - 4 : ATTRIBUTES_POSITION] = crc.to_bytes(4)
    return Batch(memoryview(buffer))


def _encode_record(
    body: bytearray, record: Record, offset_delta: int, timestamp_delta_ms: int
) -> None:
    fields = bytearray(1)  # attributes of a record: unused so far
    _put_varint(fields, timestamp_delta_ms)
    _put_varint(fields, offset_delta)
    _put_nullable(fields, record.key)
    _put_nullable(fields, record.value)
    _put_varint(fields, len(record.headers))
    for key, value in record.headers:
        _put_nullable(fields, key.encode())
        _put_nullable(fields, value)
    _put_varint(body, len(fields))
    body += fields


def _put_nullable(body: bytearray, data: bytes | None) -> None:
    if data is None:
        _put_varint(body, -1)
    else:
        _put_varint(body, len(data))
        body += data


def _put_varint(body: bytearray, value: int) -> None:
    value = (value << 1) ^ (value >> 63)  # zig-zag
    while value > 0x7F:
        body.append(value & 0x7F | 0x80)
        value >>= 7
    body.append(value)
