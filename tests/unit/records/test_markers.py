"""Tests of minikafka.records.markers."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.records.batch import Batch, check_crc
from minikafka.records.builder import build_batch, keep_records
from minikafka.records.markers import EndTransactionMarker, build_marker, decode_marker
from minikafka.records.records import Record, decode_records


@pytest.mark.parametrize("committed", [True, False])
def test_a_marker_says_what_it_was_built_of(*, committed: bool) -> None:
    """Commit or abort, and the coordinator's epoch, in a transactional control batch."""
    marker = EndTransactionMarker(committed, 7)
    batch = Batch(build_marker(9, 2, marker, 1_000).view)
    check_crc(batch)
    assert decode_marker(batch) == marker
    assert (batch.producer_id, batch.producer_epoch, batch.base_sequence) == (9, 2, -1)
    assert (batch.is_control, batch.is_transactional, batch.max_timestamp_ms) == (
        True,
        True,
        1_000,
    )


def test_a_marker_has_kafkas_bytes() -> None:
    """Key: version and type; value: version and coordinator epoch, all big endian."""
    batch = build_marker(9, 2, EndTransactionMarker(committed=True, coordinator_epoch=7), 0)
    (record,) = decode_records(batch)
    assert (record.key, record.value) == (b"\0\0\0\1", b"\0\0\0\0\0\7")


def test_other_control_batches_are_no_markers() -> None:
    """A leader change ends no transaction."""
    batch = build_batch([Record(0, 0, b"\0\0\0\2", b"")], control=True)
    assert decode_marker(batch) is None


def test_an_emptied_marker_says_nothing() -> None:
    """Compaction may leave a control batch without its record."""
    batch = build_marker(9, 2, EndTransactionMarker(committed=True, coordinator_epoch=7), 0)
    assert decode_marker(keep_records(batch, (), now_timestamp_ms=0)) is None


@pytest.mark.parametrize(("key", "value"), [(b"\0", b"\0" * 6), (b"\0\0\0\1", b"\0" * 5)])
def test_a_cut_marker_is_corrupt(key: bytes, value: bytes) -> None:
    """Where its type or the coordinator's epoch is not there, that is an error."""
    batch = build_batch([Record(0, 0, key, value)], control=True, producer_id=9)
    with pytest.raises(KafkaError) as refusal:
        decode_marker(batch)
    assert refusal.value.code == ErrorCode.CORRUPT_MESSAGE
