"""Tests of minikafka.records.builder: other implementations read what it builds, and back."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatch as AiokafkaBatch
from aiokafka.record.default_records import DefaultRecordBatchBuilder as AiokafkaBuilder
from kio.records.readers import read_batch as kio_read_batch

from minikafka.records.batch import Batch, check_crc, split_batches
from minikafka.records.builder import build_batch, recompress
from minikafka.records.compressors import Codec
from minikafka.records.records import Record, decode_records
from minikafka.records.validate import validate_produced

with warnings.catch_warnings():
    # Its import leans on a deprecated function of the standard library.
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka.record.default_records import DefaultRecordBatch as KafkaPythonBatch
    from kafka.record.default_records import DefaultRecordBatchBuilder as KafkaPythonBuilder

RECORDS = [
    Record(10, 1_000, b"k", b"v" * 300, (("trace", b"1"), ("none", None))),
    Record(11, 999, None, b"", ()),
    Record(12, 1_005, b"", None, ()),
]
CODECS = list(Codec)


def _built(codec: Codec = Codec.NONE) -> Batch:
    return build_batch(
        RECORDS,
        base_offset=10,
        codec=codec,
        producer_id=5,
        producer_epoch=1,
        base_sequence=20,
        leader_epoch=3,
        transactional=True,
    )


def _seen(record: Any) -> tuple[object, ...]:
    headers = tuple((key, value) for key, value in record.headers)
    return record.offset, record.timestamp, record.key, record.value, headers


WANT = [tuple(record) for record in RECORDS]


@pytest.mark.parametrize("codec", CODECS)
def test_aiokafka_reads_what_is_built(codec: Codec) -> None:
    """aiokafka finds a valid CRC, the header fields and the records."""
    theirs = AiokafkaBatch(bytes(_built(codec).view))
    assert theirs.validate_crc()
    assert theirs.is_transactional
    assert (theirs.producer_id, theirs.producer_epoch, theirs.base_sequence) == (5, 1, 20)
    assert [_seen(record) for record in theirs] == WANT


@pytest.mark.parametrize("codec", [Codec.NONE, Codec.GZIP])
def test_kafka_python_reads_what_is_built(codec: Codec) -> None:
    """kafka-python finds a valid CRC and the records."""
    theirs = KafkaPythonBatch(bytes(_built(codec).view))
    assert theirs.validate_crc()
    assert [_seen(record) for record in theirs] == WANT


def test_kio_reads_the_same_header() -> None:
    """The header fields are those that kio finds."""
    batch = _built()
    theirs, size = kio_read_batch(bytes(batch.view), 0)
    assert size == batch.size
    assert (theirs.base_offset, theirs.partition_leader_epoch) == (10, 3)
    assert (theirs.producer_id, theirs.producer_epoch, theirs.base_sequence) == (5, 1, 20)
    assert [record.value for record in theirs.records] == [record.value for record in RECORDS]


@pytest.mark.parametrize(
    ("builder", "codec"),
    [(AiokafkaBuilder, codec) for codec in CODECS]
    # For the other codecs kafka-python needs further libraries.
    + [(KafkaPythonBuilder, codec) for codec in (Codec.NONE, Codec.GZIP)],
)
def test_batches_of_clients_are_read(builder: Any, codec: Codec) -> None:
    """What a client's builder makes is accepted by a leader and decoded to the same records."""
    made = builder(2, int(codec), False, -1, -1, -1, 1 << 20)
    for offset in range(5):
        made.append(offset, 1_000 + offset, b"key", b"value" * 50, [("h", b"1")])
    batch = validate_produced(
        memoryview(bytearray(made.build())),
        api_version=9,
        max_message_bytes=1 << 20,
        now_timestamp_ms=2_000,
        timestamp_before_max_ms=2**63 - 1,
        timestamp_after_max_ms=3_600_000,
        compacted=False,
    )
    assert decode_records(batch) == [
        Record(offset, 1_000 + offset, b"key", b"value" * 50, (("h", b"1"),))
        for offset in range(5)
    ]


def test_equal_input_gives_the_bytes_that_aiokafka_makes() -> None:
    """Uncompressed, both builders agree in every byte."""
    theirs = AiokafkaBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    for offset, record in enumerate(RECORDS):
        theirs.append(
            offset, record.timestamp_ms, record.key, record.value, list(record.headers)
        )
    # A client writes leader epoch -1 or 0 there; a leader overwrites it.
    mine = build_batch(RECORDS, leader_epoch=Batch(memoryview(theirs.build())).leader_epoch)
    assert bytes(mine.view) == bytes(theirs.build())


@pytest.mark.parametrize("target", CODECS)
@pytest.mark.parametrize("source", CODECS)
def test_recompressing_keeps_records_and_header(source: Codec, target: Codec) -> None:
    """Only the codec changes, and the CRC is right again."""
    batch = _built(source)
    again = recompress(batch, target)
    check_crc(again)
    assert again.codec == target
    assert decode_records(again) == RECORDS
    assert (again.producer_id, again.base_offset, again.leader_epoch) == (5, 10, 3)
    assert again.is_transactional


def test_built_batch_is_writable_and_alone() -> None:
    """What is built may be stamped: it lies in a buffer of its own."""
    batch = _built()
    assert not batch.view.readonly
    assert split_batches(batch.view)[0].size == batch.size
