"""Tests of minikafka.records.batch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.records.batch import HEADER_BYTES, Batch, check_crc, split_batches, stamp
from minikafka.records.records import decode_records
from tests.support.builders import batch_of


def _code_of_split(data: bytes) -> ErrorCode:
    with pytest.raises(KafkaError) as refused:
        split_batches(memoryview(data))
    return refused.value.code


def test_batches_end_to_end_are_cut_without_copying_their_bytes() -> None:
    """Each batch is a view of the buffer that held them all."""
    buffer = bytearray(batch_of(1, 2).view) + bytearray(batch_of(3).view)
    first, second = split_batches(memoryview(buffer))
    assert (first.record_count, second.record_count) == (2, 1)
    assert first.view.obj is buffer
    assert second.view.obj is buffer
    assert first.size + second.size == len(buffer)


def test_no_bytes_are_no_batches() -> None:
    """An empty buffer splits into nothing."""
    assert split_batches(memoryview(b"")) == []


@pytest.mark.parametrize("missing", [1, 10, HEADER_BYTES, HEADER_BYTES + 3])
def test_batch_cut_off_is_corrupt(missing: int) -> None:
    """A buffer that ends inside a batch is refused."""
    data = bytes(batch_of(1).view)
    assert _code_of_split(data[: max(1, len(data) - missing)]) is ErrorCode.CORRUPT_MESSAGE


def test_bytes_behind_the_last_batch_are_corrupt() -> None:
    """What is left over after whole batches is refused."""
    assert _code_of_split(bytes(batch_of(1).view) + b"\0" * 5) is ErrorCode.CORRUPT_MESSAGE


@pytest.mark.parametrize(
    ("magic", "code"),
    [
        (0, ErrorCode.INVALID_RECORD),
        (1, ErrorCode.INVALID_RECORD),
        (3, ErrorCode.CORRUPT_MESSAGE),
        (255, ErrorCode.CORRUPT_MESSAGE),
    ],
)
def test_only_magic_2_is_read(magic: int, code: ErrorCode) -> None:
    """Old formats are invalid, unknown ones corrupt, as in Kafka 4."""
    data = bytearray(batch_of(1).view)
    data[16] = magic
    assert _code_of_split(bytes(data)) is code


def test_stamp_patches_offsets_and_epoch_and_leaves_the_crc_valid() -> None:
    """Base offset and leader epoch lie outside the CRC."""
    batch = batch_of(5, 6, 7)
    crc = batch.crc
    stamp(batch, 40, 9)
    check_crc(batch)
    again = Batch(batch.view)
    assert (again.base_offset, again.last_offset, again.leader_epoch) == (40, 42, 9)
    assert (batch.base_offset, batch.last_offset, batch.leader_epoch) == (40, 42, 9)
    assert again.crc == crc


def test_log_append_time_replaces_all_times_and_renews_the_crc() -> None:
    """With LogAppendTime every record has the broker's time (KIP-32)."""
    batch = batch_of(5, 6)
    stamp(batch, 0, 0, 99)
    check_crc(batch)
    assert batch.uses_log_append_time
    assert Batch(batch.view).max_timestamp_ms == 99
    assert [record.timestamp_ms for record in decode_records(batch)] == [99, 99]


def test_any_changed_byte_of_the_summed_part_is_noticed() -> None:
    """The CRC covers everything from the attributes on."""
    good = bytes(batch_of(5, 6).view)
    for position in range(21, len(good)):
        data = bytearray(good)
        data[position] ^= 0x40
        with pytest.raises(KafkaError) as refused:
            check_crc(Batch(memoryview(data)))
        assert refused.value.code is ErrorCode.CORRUPT_MESSAGE


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing_but_kafka_errors(data: bytes) -> None:
    """Whatever comes in, framing fails with a KafkaError or not at all."""
    try:
        batches = split_batches(memoryview(data))
    except KafkaError:
        return
    assert sum(batch.size for batch in batches) == len(data)


@given(st.data())
def test_damaged_batches_raise_nothing_but_kafka_errors(data: st.DataObject) -> None:
    """A batch with any bytes changed is decoded, or refused with a KafkaError."""
    buffer = bytearray(batch_of(1, 2, 3).view)
    for _ in range(data.draw(st.integers(1, 4))):
        buffer[data.draw(st.integers(0, len(buffer) - 1))] = data.draw(st.integers(0, 255))
    try:
        for batch in split_batches(memoryview(buffer)):
            decode_records(batch)
    except KafkaError:
        pass
