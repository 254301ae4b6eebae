"""The records inside a batch.

Decodes only; `builder.py` encodes. Used where a record must be looked at: a search by
timestamp, the keys of a compacted topic, metadata records, tests. Counterpart:
org.apache.kafka.common.record.DefaultRecord.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import Offset
from minikafka.records.batch import HEADER_BYTES, Batch
from minikafka.records.compressors import Codec, decompress

__all__ = ["Header", "Record", "decode_records", "decompressed_body"]

# A 64-bit number in groups of seven bits.
_VARINT_BYTES_MAX = 10


class Header(NamedTuple):
    """One header of a record (KIP-82)."""

    key: str
    value: bytes | None


class Record(NamedTuple):
    """One record.

    `offset` is absolute. `timestamp_ms` is wall-clock, -1 when the producer set none; in a batch
    with LogAppendTime it is the batch's. A key or value of None is not the same as an empty one.
    """

    offset: Offset
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


def decompressed_body(batch: Batch) -> memoryview:
    """Return the bytes of the batch's records, decompressed.

    Raises:
        KafkaError: CORRUPT_MESSAGE; UNSUPPORTED_COMPRESSION_TYPE for a codec Kafka lacks.
    """
    try:
        codec = Codec(batch.codec)
    except ValueError:
        message = f"unknown compression codec {batch.codec}"
        raise KafkaError(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, message) from None
    return decompress(codec, batch.view[HEADER_BYTES:])


def decode_records(batch: Batch) -> list[Record]:
    """Return all records of the batch, decompressed, with absolute offsets and times.

    Raises:
        KafkaError: CORRUPT_MESSAGE when the bytes are not `record_count` records end to end;
            UNSUPPORTED_COMPRESSION_TYPE for a codec Kafka lacks.
    """
    reader = _Reader(decompressed_body(batch))
    try:
        records = [
            _decode_record(reader, batch) for _ in range(_plausible_count(batch, reader))
        ]
    except (IndexError, UnicodeDecodeError) as error:
        message = f"records of {batch!r} are malformed"
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE, message) from error
    if reader.position != reader.end:
        message = f"{reader.end - reader.position} bytes after the last record of {batch!r}"
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE, message)
    return records


def _plausible_count(batch: Batch, reader: _Reader) -> int:
    # Each record takes some bytes, so a forged count cannot make us loop for long.
    if not 0 <= batch.record_count <= reader.end:
        raise IndexError(batch.record_count)
    return batch.record_count


class _Reader:
    """A position in a buffer; past its end it raises IndexError."""

    __slots__ = ("data", "end", "position")

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.position = 0
        self.end = len(data)

    def varint(self) -> int:
        """Return a zig-zag encoded number of any width up to 64 bits."""
        data = self.data
        position = self.position
        byte = data[position]
        position += 1
        value = byte & 0x7F
        shift = 7
        while byte & 0x80:
            if shift >= _VARINT_BYTES_MAX * 7:
                raise IndexError(position)
            byte = data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
        self.position = position
        return (value >> 1) ^ -(value & 1)

    def take(self, length: int) -> bytes:
        """Return the next `length` bytes."""
        start = self.position
        self.position = start + length
        if length < 0 or self.position > self.end:
            raise IndexError(length)
        return bytes(self.data[start : self.position])

    def nullable(self) -> bytes | None:
        """Return bytes led by their length, None for length -1."""
        length = self.varint()
        return None if length == -1 else self.take(length)


def _decode_record(reader: _Reader, batch: Batch) -> Record:
    length = reader.varint()
    end = reader.position + length
    reader.take(1)  # attributes of a record: unused so far
    timestamp_ms = batch.base_timestamp_ms + reader.varint()
    if batch.uses_log_append_time:
        timestamp_ms = batch.max_timestamp_ms
    offset = batch.base_offset + reader.varint()
    key = reader.nullable()
    value = reader.nullable()
    header_count = reader.varint()
    if not 0 <= header_count <= reader.end:
        raise IndexError(header_count)
    headers = tuple(_decode_header(reader) for _ in range(header_count))
    if reader.position != end:
        raise IndexError(end)
    return Record(offset, timestamp_ms, key, value, headers)


def _decode_header(reader: _Reader) -> Header:
    key = reader.take(reader.varint()).decode()
    return Header(key, reader.nullable())
