"""The records of the transaction coordinator, byte by byte."""

from __future__ import annotations

from dataclasses import replace

import pytest

from minikafka.base.errors import BrokerBug
from minikafka.base.ids import TopicPartition
from minikafka.transactions.metadata import TransactionMetadata
from minikafka.transactions.records import (
    TransactionRecord,
    decode_transaction,
    encode_transaction,
)
from minikafka.transactions.states import TransactionState

KEY = "000000056d792d6964"
EMPTY = TransactionMetadata(7, 60_000, producer_epoch=2, last_update_timestamp_ms=1_000)
ONGOING = replace(
    EMPTY,
    state=TransactionState.ONGOING,
    start_timestamp_ms=900,
    topic_partitions=(TopicPartition("t", 3), TopicPartition("t", 4)),
)
DONE = replace(ONGOING, state=TransactionState.COMPLETE_COMMIT, topic_partitions=())
HEAD = "000000000000000700020000ea60"
TIMES = "00000000000003e80000000000000384"
# Made with TransactionLog of Apache Kafka 4.1.1, the last one with its TransactionLogValue.
KAFKAS = [
    (0, EMPTY, "0000" + HEAD + "00ffffffff00000000000003e8ffffffffffffffff"),
    (0, ONGOING, "0000" + HEAD + "01000000010001740000000200000003" + "00000004" + TIMES),
    (0, DONE, "0000" + HEAD + "0400000000" + TIMES),
    (1, EMPTY, "0001" + HEAD + "000000000000000003e8ffffffffffffffff00"),
    (
        1,
        replace(ONGOING, client_transaction_version=2),
        "0001" + HEAD + "010202740300000003" + "0000000400" + TIMES + "0102020002",
    ),
    (
        1,
        replace(DONE, client_transaction_version=2),
        "0001" + HEAD + "0401" + TIMES + "0102020002",
    ),
    (
        1,
        replace(
            DONE,
            state=TransactionState.PREPARE_COMMIT,
            previous_producer_id=6,
            next_producer_id=8,
            client_transaction_version=2,
        ),
        "0001" + HEAD + "0201" + TIMES + "03000800000000000000060108000000000000000802020002",
    ),
]


@pytest.mark.parametrize(("version", "known", "value"), KAFKAS)
def test_records_are_kafkas(version: int, known: TransactionMetadata, value: str) -> None:
    """A log that Apache Kafka has written is read, and read there."""
    record = TransactionRecord("my-id", known)
    raw = bytes.fromhex(KEY), bytes.fromhex(value)
    assert encode_transaction(record, version) == raw
    assert decode_transaction(*raw) == record


def test_several_topics_are_written_one_after_another() -> None:
    """Each with its partitions, in the order of names."""
    partitions = tuple(TopicPartition(topic, index) for topic in "ab" for index in (0, 5))
    record = TransactionRecord("x", replace(ONGOING, topic_partitions=partitions))
    for version in (0, 1):
        assert decode_transaction(*encode_transaction(record, version)) == record


def test_the_same_producer_id_as_before_is_not_worth_a_field() -> None:
    """As from Kafka, such a record has none of the fields for an overflow."""
    record = TransactionRecord("my-id", replace(EMPTY, previous_producer_id=7))
    assert encode_transaction(record, 1)[1] == bytes.fromhex(KAFKAS[3][2])


def test_a_forgotten_id_has_no_value() -> None:
    """A tombstone, for compaction and for whoever reads the log."""
    record = TransactionRecord("my-id", None)
    assert encode_transaction(record, 1) == (bytes.fromhex(KEY), None)
    assert decode_transaction(bytes.fromhex(KEY), None) == record


def test_another_kind_of_key_is_passed_over() -> None:
    """A later release may write what is not known here."""
    assert decode_transaction(b"\0\x01", b"") is None


@pytest.mark.parametrize(
    ("key", "value"),
    [(None, ""), ("00", ""), (KEY[:-2], ""), (KEY, "0002"), (KEY, "0000" + HEAD + "09")],
)
def test_what_is_no_record_is_a_bug(key: str | None, value: str) -> None:
    """The broker has written the log by itself."""
    with pytest.raises(BrokerBug):
        decode_transaction(None if key is None else bytes.fromhex(key), bytes.fromhex(value))
