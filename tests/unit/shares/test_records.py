"""The records of the share coordinator, byte by byte."""

from __future__ import annotations

from uuid import UUID

import pytest

from minikafka.base.errors import BrokerBug
from minikafka.shares.records import (
    ShareKey,
    ShareRecord,
    ShareSnapshot,
    ShareUpdate,
    StoredShare,
    StoredUpdate,
    decode_share_record,
    encode_share_record,
)
from minikafka.shares.state_batches import StateBatch

KEY = ShareKey("g", UUID("11223344-5566-7788-99aa-bbccddeeff00"), 3)
SNAPSHOT_KEY = "0000000167112233445566778899aabbccddeeff0000000003"
EPOCHS = "00000000000100000002000000030000000000000004"
SNAPSHOT = (
    EPOCHS + "0000000000000005000000000000000602000000000000000700000000000000080200010000"
)
# Made with the generated classes of Apache Kafka 4.1.1 (ShareCoordinatorRecordSerde).
KAFKAS: list[tuple[ShareRecord, str, str | None]] = [
    (
        ShareSnapshot(KEY, StoredShare(1, 2, 3, 4, 5, 6, (StateBatch(7, 8, 2, 1),))),
        SNAPSHOT_KEY,
        SNAPSHOT,
    ),
    (ShareSnapshot(KEY, None), SNAPSHOT_KEY, None),
    (
        ShareUpdate(KEY, StoredUpdate(1, 3, -1)),
        "0001" + SNAPSHOT_KEY[4:],
        "00000000000100000003ffffffffffffffff0100",
    ),
]


@pytest.mark.parametrize(("record", "key", "value"), KAFKAS)
def test_records_are_kafkas(record: ShareRecord, key: str, value: str | None) -> None:
    """A log that Apache Kafka has written is read, and read there."""
    raw = bytes.fromhex(key), None if value is None else bytes.fromhex(value)
    assert encode_share_record(record) == raw
    assert decode_share_record(*raw) == record


def test_another_kind_of_record_is_passed_over() -> None:
    """A later release may write what is not known here."""
    assert decode_share_record(b"\0\x07", b"") is None


@pytest.mark.parametrize("key", [None, b"\0", bytes.fromhex(SNAPSHOT_KEY)[:-1]])
def test_what_is_no_record_is_a_bug(key: bytes | None) -> None:
    """The broker has written the log by itself."""
    with pytest.raises(BrokerBug):
        decode_share_record(key, b"\0\0")
