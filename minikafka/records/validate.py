"""What a leader demands of the records of a produce request.

Judges by the batch header wherever that is enough and opens the batch only for a compacted
topic or a bound on old timestamps. Knows nothing of sequences and transactions.
Counterparts: ProduceRequest.validateRecords, UnifiedLog.analyzeAndValidateRecords and
LogValidator, in that order; the first complaint wins. KIP-98, KIP-110, KIP-467, KIP-937.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from crc32c import crc32c

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_TIMESTAMP, TopicPartition
from minikafka.records.batch import (
    ATTRIBUTES_POSITION,
    CODEC_MASK,
    CONTROL_BIT,
    HEADER_BYTES,
    LOG_APPEND_TIME_BIT,
    Batch,
    batch_size,
    stamp_times,
)
from minikafka.records.compressors import Codec
from minikafka.records.records import Record, decode_records

__all__ = ["RecordError", "RecordsRefused", "validate_produced"]

_LAST_CODEC = int(Codec.ZSTD)
# Length, attributes, time, offset, key, value and headers of a record take a byte each or more.
_RECORD_BYTES_MIN = 7
# The default of message.timestamp.before.max.ms: no bound.
_LONG_MAX = 2**63 - 1
_ZSTD_API_VERSION_MIN = 7
# Clients see this text: it is Kafka's, as those of the single records.
_REJECTED = "One or more records have been rejected"
_KEY_MISSING = "Compacted topic cannot accept message without key"


class RecordError(NamedTuple):
    """Why one record spoils its batch (KIP-467)."""

    batch_index: int  # position of the record in the batch, from 0
    message: str


class RecordsRefused(KafkaError):
    """A batch refused for what it says, after its size and CRC were found in order.

    Kafka answers such a refusal with the log start offset, others with -1; and with a message
    only where single records are to blame.

    Args:
        code: error code of the whole batch.
        message: one line on the whole batch.
        record_errors: one entry for each bad record; none if the header is to blame.
    """

    def __init__(
        self, code: ErrorCode, message: str, record_errors: Sequence[RecordError] = ()
    ) -> None:
        super().__init__(code, message)
        self.record_errors = tuple(record_errors)


def validate_produced(
    records: memoryview | None,
    *,
    api_version: int,
    max_message_bytes: int,
    now_timestamp_ms: int,
    timestamp_before_max_ms: int,
    timestamp_after_max_ms: int,
    compacted: bool,
    log_append_time: bool = False,
    partition: TopicPartition | None = None,
) -> Batch:
    """Return the one batch that a producer sent for one partition, checked.

    Args:
        records: of the produce request, as they came; None counts as empty. Bytes of a second
            batch that is cut off are let pass and left out, as Kafka does.
        api_version: of Produce.
        max_message_bytes: largest batch the topic takes, header included.
        now_timestamp_ms: wall-clock time.
        timestamp_before_max_ms: how far a record's time may lie behind now.
        timestamp_after_max_ms: how far it may lie ahead of now.
        compacted: the topic is compacted, so each record needs a key.
        log_append_time: the topic sets the times itself, so the producer's do not matter.
        partition: for the messages, which clients see.

    Raises:
        KafkaError: INVALID_RECORD when there is not exactly one batch, for formats v0 and v1,
            offsets that do not run from 0 to the count, control batches, a producer id
            without a sequence and, on a compacted topic, records without a key;
            UNSUPPORTED_COMPRESSION_TYPE for zstd before Produce 7, UNKNOWN_SERVER_ERROR for a
            codec that does not exist; MESSAGE_TOO_LARGE; CORRUPT_MESSAGE; INVALID_TIMESTAMP.
            `RecordsRefused` where Kafka had begun to append. CORRUPT_MESSAGE has a message
            where Kafka tells one: if the bytes are not framed as a batch at all.
    """
    batch = _sent_batch(records, api_version, max_message_bytes)
    attributes = batch.attributes
    codec = attributes & CODEC_MASK
    count = batch.record_count
    if (
        count <= 0
        or count != batch.last_offset + 1
        or attributes & CONTROL_BIT
        or (batch.base_sequence < 0 <= batch.producer_id)
        or codec > _LAST_CODEC
        or (not codec and batch.size < HEADER_BYTES + _RECORD_BYTES_MIN * count)
    ):
        raise _header_error(batch)
    latest_ms = now_timestamp_ms + timestamp_after_max_ms
    if (
        compacted
        or attributes & LOG_APPEND_TIME_BIT
        or batch.max_timestamp_ms > latest_ms
        or timestamp_before_max_ms != _LONG_MAX
    ):
        bounds = (now_timestamp_ms - timestamp_before_max_ms, latest_ms)
        _check_records(batch, None if log_append_time else bounds, compacted, partition)
        if attributes & LOG_APPEND_TIME_BIT:
            _clear_append_time(batch)
    return batch


def _sent_batch(records: memoryview | None, api_version: int, max_message_bytes: int) -> Batch:
    """Return the only batch, with its magic, base offset, size and CRC in order."""
    size = batch_size(records, 0) if records else None
    if not records or size is None:
        # DIVERGENCE(null-records): Kafka never answers a request with null for records.
        raise KafkaError(ErrorCode.INVALID_RECORD, "no whole record batch")
    more = size < len(records)
    batch = Batch(records[:size] if more else records)
    if api_version < _ZSTD_API_VERSION_MIN and batch.codec >= Codec.ZSTD:
        if batch.codec > Codec.ZSTD:
            raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, _unknown_codec(batch))
        message = f"zstd needs Produce {_ZSTD_API_VERSION_MIN} or later, not {api_version}"
        raise KafkaError(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, message)
    if more and batch_size(records, size) is not None:
        raise KafkaError(ErrorCode.INVALID_RECORD, "more than one record batch")
    if batch.base_offset:
        message = f"base offset is {batch.base_offset}, not 0"
        raise RecordsRefused(ErrorCode.INVALID_RECORD, message)
    if size > max_message_bytes:
        message = f"batch of {size} bytes, max.message.bytes is {max_message_bytes}"
        raise KafkaError(ErrorCode.MESSAGE_TOO_LARGE, message)
    if crc32c(batch.view[ATTRIBUTES_POSITION:]) != batch.crc:
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE)
    return batch


def _header_error(batch: Batch) -> KafkaError:
    if batch.codec > Codec.ZSTD:
        return RecordsRefused(ErrorCode.UNKNOWN_SERVER_ERROR, _unknown_codec(batch))
    if batch.record_count <= 0 or batch.record_count != batch.last_offset + 1:
        message = f"{batch.record_count} records in offsets 0 to {batch.last_offset}"
    elif batch.is_control:
        message = "clients may not write control records"
    elif batch.base_sequence < 0 <= batch.producer_id:
        message = f"producer id {batch.producer_id} with sequence {batch.base_sequence}"
    else:
        message = f"{batch.record_count} records do not fit into {batch.size} bytes"
    return RecordsRefused(ErrorCode.INVALID_RECORD, message)


def _unknown_codec(batch: Batch) -> str:
    return f"unknown compression codec {batch.codec}"


def _clear_append_time(batch: Batch) -> None:
    """Have the batch count by its producer's times, as its topic wants it."""
    attributes = batch.attributes & ~LOG_APPEND_TIME_BIT
    batch.attributes = attributes
    latest_ms = max(record.timestamp_ms for record in decode_records(batch))
    stamp_times(batch, latest_ms, log_append_time=False)


def _check_records(
    batch: Batch,
    bounds: tuple[int, int] | None,
    compacted: bool,
    partition: TopicPartition | None,
) -> None:
    """Look at each record; `bounds` are the earliest and latest time allowed, None for any."""
    # DIVERGENCE(producer-headers-trusted): Kafka opens every batch, refuses one whose records
    # cannot be read and sets its maximum timestamp from them; here the header is believed.
    errors: list[RecordError] = []
    code = ErrorCode.INVALID_RECORD
    try:
        records = decode_records(batch)
    except KafkaError as error:
        raise RecordsRefused(ErrorCode.INVALID_RECORD, str(error)) from error
    for index, record in enumerate(records):
        if compacted and record.key is None:
            errors.append(RecordError(index, f"{_KEY_MISSING} in topic partition {partition}"))
            continue
        message = _timestamp_error(record, bounds, batch.uses_log_append_time)
        if message is not None:
            errors.append(RecordError(index, message))
            code = ErrorCode.INVALID_TIMESTAMP
    if not errors:
        return
    if code is ErrorCode.INVALID_TIMESTAMP:
        raise RecordsRefused(code, f"{_REJECTED} due to invalid timestamp", errors)
    shown = ", ".join(
        f"RecordError(batchIndex={item.batch_index}, message='{item.message}')"
        for item in errors[:3]
    )
    total = f"{len(errors)} record errors in total, and only showing the first three errors"
    raise RecordsRefused(code, f"{_REJECTED} due to {total} at most: [{shown}]", errors)


def _timestamp_error(
    record: Record, bounds: tuple[int, int] | None, append_time_bit: bool
) -> str | None:
    timestamp_ms = record.timestamp_ms
    if bounds is None or timestamp_ms == NO_TIMESTAMP:
        # Where the topic has CreateTime, a bit that says otherwise is cleared afterwards.
        return (
            "Producer should not set timestamp type to LogAppendTime"
            if append_time_bit
            else None
        )
    if bounds[0] <= timestamp_ms <= bounds[1]:
        return None
    return (
        f"Timestamp {timestamp_ms} of message with offset {record.offset} is out of range. "
        f"The timestamp should be within [{bounds[0]}, {bounds[1]}]"
    )
