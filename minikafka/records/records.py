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

# A 64-bit number in groups of seven bits, of which all but the last say that there is more.
_VARINT_BYTES_MAX = 10
_MORE = 0x80
_NULL = 1  # a length of -1
_ONE_BYTE = tuple((byte >> 1) ^ -(byte & 1) for byte in range(_MORE))


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
    if not batch.codec:
        return batch.view[HEADER_BYTES:]
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
    # Much faster to index and to cut than a view.
    data = bytes(decompressed_body(batch))
    base_offset, base_timestamp_ms = batch.base_offset, batch.base_timestamp_ms
    records: list[Record] = []
    position = 0
    try:
        # Each record takes some bytes, so a forged count cannot make us loop for long.
        for _ in range(_plausible_count(batch.record_count, data)):
            record, position = _decode_record(data, position, base_offset, base_timestamp_ms)
            records.append(record)
    except (IndexError, UnicodeDecodeError) as error:
        message = f"records of {batch!r} are malformed"
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE, message) from error
    if position != len(data):
        message = f"{len(data) - position} bytes after the last record of {batch!r}"
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE, message)
    if batch.uses_log_append_time:
        return [record._replace(timestamp_ms=batch.max_timestamp_ms) for record in records]
    return records


def _decode_record(
    data: bytes, position: int, base_offset: Offset, base_timestamp_ms: int
) -> tuple[Record, int]:
    """Return the record at `position`, and where the next one begins.

    Raises:
        IndexError: it ends elsewhere than it says, or behind the data.
    """
    length, position = _varint(data, position)
    end = position + length
    position += 1  # attributes of a record: unused so far
    # Most numbers take one byte, and there are six of them: too many to call for each.
    if (byte := data[position]) < _MORE:
        timestamp_delta, position = _ONE_BYTE[byte], position + 1
    else:
        timestamp_delta, position = _varint(data, position)
    if (byte := data[position]) < _MORE:
        offset_delta, position = _ONE_BYTE[byte], position + 1
    else:
        offset_delta, position = _varint(data, position)
    if data[position] == _NULL:
        key, position = None, position + 1
    else:
        key, position = _nullable(data, position)
    value, position = _nullable(data, position)
    headers: tuple[Header, ...] = ()
    if data[position]:
        headers, position = _decode_headers(data, position)
    else:
        position += 1
    # Nothing goes back, so what was cut short by the end of the data is found here.
    if position != end or end > len(data):
        raise IndexError(end)
    return (
        Record(
            base_offset + offset_delta, base_timestamp_ms + timestamp_delta, key, value, headers
        ),
        position,
    )


def _decode_headers(data: bytes, position: int) -> tuple[tuple[Header, ...], int]:
    count, position = _varint(data, position)
    headers = []
    for _ in range(_plausible_count(count, data)):
        key, position = _nullable(data, position)
        if key is None:
            raise IndexError(position)
        value, position = _nullable(data, position)
        headers.append(Header(key.decode(), value))
    return tuple(headers), position


def _plausible_count(count: int, data: bytes) -> int:
    if not 0 <= count <= len(data):
        raise IndexError(count)
    return count


def _nullable(data: bytes, position: int) -> tuple[bytes | None, int]:
    """Return bytes led by their length, None for length -1; and the position behind them."""
    if (byte := data[position]) < _MORE:
        length, position = _ONE_BYTE[byte], position + 1
    else:
        length, position = _varint(data, position)
    if length < 0:
        if length == -1:
            return None, position
        raise IndexError(length)
    end = position + length
    return data[position:end], end


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Return a zig-zag encoded number of up to 64 bits, and the position behind it."""
    value = shift = 0
    while (byte := data[position]) >= _MORE:
        value |= (byte & 0x7F) << shift
        shift += 7
        position += 1
        if shift >= _VARINT_BYTES_MAX * 7:
            raise IndexError(position)
    value |= byte << shift
    return (value >> 1) ^ -(value & 1), position + 1
