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
from minikafka.base.ids import NO_TIMESTAMP
from minikafka.records.batch import (
    ATTRIBUTES_POSITION,
    CODEC_MASK,
    CONTROL_BIT,
    LOG_APPEND_TIME_BIT,
    Batch,
    split_batches,
)
from minikafka.records.compressors import Codec
from minikafka.records.records import decode_records

__all__ = ["RecordError", "RecordsRefused", "validate_produced"]

# The default of message.timestamp.before.max.ms: no bound.
_LONG_MAX = 2**63 - 1
_ZSTD_API_VERSION_MIN = 7


class RecordError(NamedTuple):
    """Why one record spoils its batch (KIP-467)."""

    batch_index: int  # position of the record in the batch, from 0
    message: str


class RecordsRefused(KafkaError):
    """A batch refused because of some of its records.

    Args:
        code: INVALID_RECORD or INVALID_TIMESTAMP.
        message: one line on the whole batch.
        record_errors: one entry for each bad record, at least one.
    """

    def __init__(
        self, code: ErrorCode, message: str, record_errors: Sequence[RecordError]
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
) -> Batch:
    """Return the one batch that a producer sent for one partition, checked.

    Args:
        records: of the produce request, as they came; None counts as empty.
        api_version: of Produce.
        max_message_bytes: largest batch the topic takes, header included.
        now_timestamp_ms: wall-clock time.
        timestamp_before_max_ms: how far a record's time may lie behind now.
        timestamp_after_max_ms: how far it may lie ahead of now.
        compacted: the topic is compacted, so each record needs a key.
        log_append_time: the topic sets the times itself, so the producer's do not matter.

    Raises:
        KafkaError: INVALID_RECORD when there is not exactly one batch, for formats v0 and v1,
            offsets that do not run from 0 to the count, control batches, a producer id
            without a sequence and, on a compacted topic, records without a key;
            UNSUPPORTED_COMPRESSION_TYPE for zstd before Produce 7 and unknown codecs;
            MESSAGE_TOO_LARGE; CORRUPT_MESSAGE; INVALID_TIMESTAMP.
            `RecordsRefused` where single records are to blame.
    """
    batch = _sent_batch(records, api_version, max_message_bytes)
    if (
        batch.record_count <= 0
        or batch.record_count != batch.last_offset + 1
        or batch.attributes & CONTROL_BIT
        or (batch.base_sequence < 0 <= batch.producer_id)
    ):
        raise _header_error(batch)
    latest_ms = now_timestamp_ms + timestamp_after_max_ms
    if compacted or batch.attributes & LOG_APPEND_TIME_BIT:
        bounds = (
            None if log_append_time else (now_timestamp_ms - timestamp_before_max_ms, latest_ms)
        )
        _check_records(batch, bounds, compacted)
    elif not log_append_time and (
        batch.max_timestamp_ms > latest_ms or timestamp_before_max_ms != _LONG_MAX
    ):
        _check_records(batch, (now_timestamp_ms - timestamp_before_max_ms, latest_ms), False)
    return batch


def _sent_batch(records: memoryview | None, api_version: int, max_message_bytes: int) -> Batch:
    """Return the only batch, with its codec, offset, size and CRC in order."""
    if not records:
        raise KafkaError(ErrorCode.INVALID_RECORD, "no record batch")
    batches = split_batches(records)
    batch = batches[0]
    codec = batch.attributes & CODEC_MASK
    if codec:
        _check_codec(codec, api_version)
    if len(batches) > 1:
        raise KafkaError(ErrorCode.INVALID_RECORD, "more than one record batch")
    if batch.base_offset:
        message = f"base offset is {batch.base_offset}, not 0"
        raise KafkaError(ErrorCode.INVALID_RECORD, message)
    if batch.size > max_message_bytes:
        message = f"batch of {batch.size} bytes, max.message.bytes is {max_message_bytes}"
        raise KafkaError(ErrorCode.MESSAGE_TOO_LARGE, message)
    if crc32c(records[ATTRIBUTES_POSITION:]) != batch.crc:
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE, f"CRC-32C of {batch!r} does not match")
    return batch


def _check_codec(codec: int, api_version: int) -> None:
    if codec == Codec.ZSTD and api_version < _ZSTD_API_VERSION_MIN:
        message = f"zstd needs Produce {_ZSTD_API_VERSION_MIN} or later, not {api_version}"
        raise KafkaError(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, message)
    if codec > Codec.ZSTD:
        message = f"unknown compression codec {codec}"
        raise KafkaError(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, message)


def _header_error(batch: Batch) -> KafkaError:
    if batch.record_count <= 0 or batch.record_count != batch.last_offset + 1:
        message = f"{batch.record_count} records in offsets 0 to {batch.last_offset}"
    elif batch.is_control:
        message = "clients may not write control records"
    else:
        message = f"producer id {batch.producer_id} with sequence {batch.base_sequence}"
    return KafkaError(ErrorCode.INVALID_RECORD, message)


def _check_records(batch: Batch, bounds: tuple[int, int] | None, compacted: bool) -> None:
    """Look at each record; `bounds` are the earliest and latest time allowed, None for any."""
    # DIVERGENCE(producer-headers-trusted): Kafka opens every batch and sets its maximum
    # timestamp from the records; here a header that lies about its records is believed.
    errors: list[RecordError] = []
    code = ErrorCode.INVALID_RECORD
    for index, record in enumerate(decode_records(batch)):
        if compacted and record.key is None:
            errors.append(RecordError(index, "a compacted topic takes no record without a key"))
            continue
        message = _timestamp_error(record.timestamp_ms, bounds, batch.uses_log_append_time)
        if message is not None:
            errors.append(RecordError(index, message))
            code = ErrorCode.INVALID_TIMESTAMP
    if errors:
        cause = (
            "invalid timestamps" if code is ErrorCode.INVALID_TIMESTAMP else errors[0].message
        )
        raise RecordsRefused(code, f"{len(errors)} records refused: {cause}", errors)


def _timestamp_error(
    timestamp_ms: int, bounds: tuple[int, int] | None, append_time_bit: bool
) -> str | None:
    if append_time_bit:
        # DIVERGENCE(append-time-bit-refused): where the topic has CreateTime, Kafka clears it.
        return "a producer may not choose LogAppendTime"
    if bounds is None or timestamp_ms == NO_TIMESTAMP or bounds[0] <= timestamp_ms <= bounds[1]:
        return None
    return f"timestamp {timestamp_ms} is not within {bounds[0]} and {bounds[1]}"
