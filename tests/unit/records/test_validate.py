"""Tests of minikafka.records.validate; the codes are those that Apache Kafka 4.1.1 answers."""

from __future__ import annotations

from typing import Any

import pytest
from crc32c import crc32c

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.records.batch import Batch, check_crc
from minikafka.records.builder import build_batch
from minikafka.records.compressors import Codec
from minikafka.records.records import decode_records
from minikafka.records.validate import RecordsRefused, validate_produced
from tests.support.builders import PARTITION, batch_of, record

NOW = 1_000_000
UNLIMITED = 2**63 - 1


def _validate(records: memoryview | bytes | None, **changes: Any) -> Batch:
    limits: dict[str, Any] = {
        "api_version": 9,
        "max_message_bytes": 1_000_000,
        "now_timestamp_ms": NOW,
        "timestamp_before_max_ms": UNLIMITED,
        "timestamp_after_max_ms": 3_600,
        "compacted": False,
    }
    view = None if records is None else memoryview(records)
    return validate_produced(view, **(limits | changes))


def _refusal(records: memoryview | bytes | None, **changes: Any) -> KafkaError:
    with pytest.raises(KafkaError) as refused:
        _validate(records, **changes)
    return refused.value


def _patched(position: int, data: bytes, *timestamps_ms: int) -> bytes:
    """A batch with a header field changed and the CRC of the whole put right."""
    buffer = bytearray(batch_of(*timestamps_ms).view)
    buffer[position : position + len(data)] = data
    buffer[17:21] = crc32c(bytes(buffer[21:])).to_bytes(4)
    return bytes(buffer)


def test_a_good_batch_is_returned_over_the_same_bytes() -> None:
    """Nothing is copied on the way in."""
    sent = batch_of(1, 2).view
    batch = _validate(sent)
    assert batch.view.obj is sent.obj
    assert batch.record_count == 2


@pytest.mark.parametrize("records", [None, b"", bytes(10), bytes(batch_of(1).view)[:-1]])
def test_less_than_a_batch_is_an_invalid_record(records: bytes | None) -> None:
    """None, nothing, a stump and a batch cut off are all no batch at all."""
    assert _refusal(records).code is ErrorCode.INVALID_RECORD


def test_two_batches_are_an_invalid_record() -> None:
    """Since Produce 3 a partition's records are one batch."""
    two = bytes(batch_of(1).view) * 2
    assert _refusal(two).code is ErrorCode.INVALID_RECORD


def test_the_stump_of_a_second_batch_is_cut_off() -> None:
    """Kafka lets it pass and stores only the whole batch."""
    sent = bytes(batch_of(1).view)
    assert bytes(_validate(sent + b"\0\1\2").view) == sent


@pytest.mark.parametrize("magic", [0, 1])
def test_old_formats_are_invalid_records(magic: int) -> None:
    """Message formats v0 and v1 are gone (KIP-724)."""
    sent = bytearray(batch_of(1).view)
    sent[16] = magic
    assert _refusal(bytes(sent)).code is ErrorCode.INVALID_RECORD


def test_zstd_needs_produce_7() -> None:
    """Earlier versions promise consumers that cannot read it (KIP-110)."""
    sent = batch_of(1, codec=Codec.ZSTD).view
    assert _refusal(sent, api_version=6).code is ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
    assert _validate(sent, api_version=7).codec == Codec.ZSTD


def test_codec_that_does_not_exist_is_found_first_before_produce_7() -> None:
    """There the codec is looked at before the batch is given to the log."""
    error = _refusal(_patched(21, (5).to_bytes(2)), api_version=6)
    assert error.code is ErrorCode.UNKNOWN_SERVER_ERROR
    assert not isinstance(error, RecordsRefused)


def test_more_records_than_fit_are_refused() -> None:
    """A record takes seven bytes at least, so that a forged count is seen from the header."""
    smallest = build_batch([record(b"")] * 3)
    assert _validate(smallest.view)
    forged = bytearray(batch_of(1, 2, 3).view)
    forged[57:61] = (9).to_bytes(4)
    forged[23:27] = (8).to_bytes(4)
    forged[17:21] = crc32c(bytes(forged[21:])).to_bytes(4)
    error = _refusal(bytes(forged))
    assert error.code is ErrorCode.INVALID_RECORD
    assert isinstance(error, RecordsRefused)


def test_compressed_records_may_be_many_in_few_bytes() -> None:
    """What fits cannot be told from the size of compressed data."""
    batch = batch_of(*[1] * 500, codec=Codec.GZIP)
    assert batch.size < 61 + 7 * 500
    assert _validate(batch.view).record_count == 500


def test_wrong_crc_is_corrupt() -> None:
    """One flipped bit in a value is noticed."""
    sent = bytearray(batch_of(1).view)
    sent[-2] ^= 1
    assert _refusal(bytes(sent)).code is ErrorCode.CORRUPT_MESSAGE


def test_size_limit_includes_the_header() -> None:
    """max.message.bytes is the size of the whole batch, itself allowed."""
    batch = batch_of(1)
    assert _validate(batch.view, max_message_bytes=batch.size)
    error = _refusal(batch.view, max_message_bytes=batch.size - 1)
    assert error.code is ErrorCode.MESSAGE_TOO_LARGE


def test_too_large_and_corrupt_is_too_large() -> None:
    """Kafka looks at the size first."""
    sent = bytearray(batch_of(1).view)
    sent[-2] ^= 1
    assert _refusal(bytes(sent), max_message_bytes=10).code is ErrorCode.MESSAGE_TOO_LARGE


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (_patched(0, (7).to_bytes(8)), ErrorCode.INVALID_RECORD),
        (_patched(57, (0).to_bytes(4)), ErrorCode.INVALID_RECORD),
        (_patched(57, (2).to_bytes(4)), ErrorCode.INVALID_RECORD),
        (_patched(23, (1).to_bytes(4)), ErrorCode.INVALID_RECORD),
        (_patched(23, (-1).to_bytes(4, signed=True)), ErrorCode.INVALID_RECORD),
        (_patched(21, (0x20).to_bytes(2)), ErrorCode.INVALID_RECORD),
        (_patched(43, (5).to_bytes(8)), ErrorCode.INVALID_RECORD),
        (_patched(21, (5).to_bytes(2)), ErrorCode.UNKNOWN_SERVER_ERROR),
    ],
    ids=[
        "base offset 7",
        "no records",
        "count too large",
        "last delta too large",
        "last delta negative",
        "control batch",
        "producer id without sequence",
        "codec 5",
    ],
)
def test_header_that_cannot_be_is_refused(sent: bytes, code: ErrorCode) -> None:
    """Such a refusal is a `RecordsRefused` that blames no single record."""
    error = _refusal(sent)
    assert error.code is code
    assert isinstance(error, RecordsRefused)
    assert error.record_errors == ()


def test_records_ahead_of_the_limit_are_named() -> None:
    """The default limit is an hour ahead of now; the edge is allowed (KIP-937)."""
    latest = NOW + 3_600
    assert _validate(batch_of(latest).view)
    error = _refusal(batch_of(latest, latest + 1, 5, latest + 9).view)
    assert error.code is ErrorCode.INVALID_TIMESTAMP
    assert isinstance(error, RecordsRefused)
    assert [item.batch_index for item in error.record_errors] == [1, 3]


def test_records_behind_the_limit_are_named() -> None:
    """A record older than the bound counts even where the batch's newest is in time."""
    error = _refusal(batch_of(NOW, NOW - 11).view, timestamp_before_max_ms=10)
    assert isinstance(error, RecordsRefused)
    assert [item.batch_index for item in error.record_errors] == [1]
    assert _validate(batch_of(NOW, NOW - 10).view, timestamp_before_max_ms=10)


def test_records_without_a_timestamp_are_in_time() -> None:
    """-1 stands for none and is not compared."""
    assert _validate(batch_of(-1).view, timestamp_before_max_ms=10)


def test_times_do_not_matter_where_the_broker_sets_them() -> None:
    """With LogAppendTime the producer's times are overwritten anyway."""
    assert _validate(batch_of(NOW * 100).view, log_append_time=True)


def test_compacted_topic_wants_keys() -> None:
    """Each record without a key is named."""
    sent = build_batch([record(key=b"k"), record(key=None), record(key=b"")]).view
    error = _refusal(sent, compacted=True, partition=PARTITION)
    assert error.code is ErrorCode.INVALID_RECORD
    assert "in topic partition orders-0')]" in str(error.message)
    assert isinstance(error, RecordsRefused)
    assert [item.batch_index for item in error.record_errors] == [1]


def test_log_append_time_of_a_producer_is_cleared_on_a_topic_with_create_time() -> None:
    """The records count by their own times again, and the CRC is right."""
    batch = _validate(
        bytearray(build_batch([record(timestamp_ms=5)], log_append_time_ms=9).view)
    )
    check_crc(batch)
    assert not batch.uses_log_append_time
    assert batch.max_timestamp_ms == 5
    assert [item.timestamp_ms for item in decode_records(batch)] == [5]


def test_log_append_time_of_a_producer_is_refused_on_a_topic_that_has_it() -> None:
    """Only the broker may say when something was appended."""
    sent = build_batch([record()], log_append_time_ms=9).view
    assert _refusal(sent, log_append_time=True).code is ErrorCode.INVALID_TIMESTAMP
