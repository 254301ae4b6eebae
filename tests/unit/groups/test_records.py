"""The records of `__consumer_offsets`, byte by byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.base.errors import BrokerBug
from minikafka.groups.records import (
    CommittedOffset,
    GroupMetadata,
    GroupRecord,
    OffsetCommitted,
    StoredGroup,
    StoredMember,
    decode_record,
    encode_record,
)

STAMP_MS = 1_700_000_000_000
MEMBERS = (
    StoredMember("m-1", "i", "c", "/127.0.0.1", 300_000, 45_000, b"\0\1\2", b"\x09"),
    StoredMember("m-2", None, "c", "/127.0.0.1", 300_000, 45_000, b"", b""),
)
OFFSET_KEY = "000100016700066f726465727300000003"
# Made with the serializer of Apache Kafka 4.1.1 (GroupCoordinatorRecordSerde).
KAFKAS: list[tuple[str, GroupRecord, str, str | None]] = [
    (
        "offset",
        OffsetCommitted("g", "orders", 3, CommittedOffset(42, 5, "note", STAMP_MS)),
        OFFSET_KEY,
        "0003000000000000002a0000000500046e6f74650000018bcfe56800",
    ),
    (
        "offset with a retention",
        OffsetCommitted(
            "g", "orders", 3, CommittedOffset(42, -1, "", STAMP_MS, STAMP_MS + 60_000)
        ),
        OFFSET_KEY,
        "0001000000000000002a00000000018bcfe568000000018bcfe65260",
    ),
    ("deleted offset", OffsetCommitted("g", "orders", 3, None), OFFSET_KEY, None),
    (
        "group",
        GroupMetadata("g", StoredGroup("consumer", 7, "range", "m-1", STAMP_MS, MEMBERS)),
        "0002000167",
        (
            "00030008636f6e73756d657200000007000572616e676500036d2d310000018bcfe568000000000200036d2d"
            "31000169000163000a2f3132372e302e302e31000493e00000afc800000003000102000000010900036d2d32"
            "ffff000163000a2f3132372e302e302e31000493e00000afc80000000000000000"
        ),
    ),
    (
        "new group",
        GroupMetadata("g", StoredGroup("", 0, None, None, STAMP_MS, ())),
        "0002000167",
        "0003000000000000ffffffff0000018bcfe5680000000000",
    ),
    ("deleted group", GroupMetadata("g", None), "0002000167", None),
]


@pytest.mark.parametrize(("record", "key", "value"), [each[1:] for each in KAFKAS])
def test_bytes_are_those_of_apache_kafka(
    record: GroupRecord, key: str, value: str | None
) -> None:
    """What Kafka 4.1 writes we write, and read back."""
    value_bytes = None if value is None else bytes.fromhex(value)
    assert encode_record(record) == (bytes.fromhex(key), value_bytes)
    assert decode_record(bytes.fromhex(key), value_bytes) == record


def test_older_versions_are_read() -> None:
    """A log may hold what older brokers wrote: version 0 of both values."""
    key = bytes.fromhex(OFFSET_KEY)
    offset = bytes.fromhex("0000000000000000002a00046e6f74650000018bcfe56800")
    want = CommittedOffset(42, -1, "note", STAMP_MS)
    assert decode_record(key, offset) == OffsetCommitted("g", "orders", 3, want)
    group = bytes.fromhex(
        "00000008636f6e73756d657200000007000572616e676500036d2d3100000001"
        "00036d2d31000163000a2f3132372e302e302e310000afc800000003000102000000 0109".replace(
            " ", ""
        )
    )
    member = StoredMember("m-1", None, "c", "/127.0.0.1", 45_000, 45_000, b"\0\1\2", b"\x09")
    stored = StoredGroup("consumer", 7, "range", "m-1", -1, (member,))
    assert decode_record(b"\0\2\0\1g", group) == GroupMetadata("g", stored)


def test_kinds_of_other_protocols_are_passed_over() -> None:
    """Records of streams groups, or later ones, belong to groups that are not known here."""
    assert decode_record(b"\0\x11\0\1g", b"\0\0\0\0\0\1") is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, b""),
        (b"\0", None),
        (b"\0\2\0\5g", None),
        (b"\0\2\0\1g", b"\0\x09"),
        (b"\0\2\0\1g", b"\0\3\0"),
        (bytes.fromhex(OFFSET_KEY), b"\0\3\0\0"),
    ],
)
def test_what_is_no_record_is_a_bug(key: bytes | None, value: bytes | None) -> None:
    """Nobody but coordinators writes there: anything else is a broken invariant."""
    with pytest.raises(BrokerBug):
        decode_record(key, value)


@given(st.binary(max_size=80), st.binary(max_size=80) | st.none())
def test_arbitrary_bytes_are_read_or_refused(key: bytes, value: bytes | None) -> None:
    """Nothing but a record, None or BrokerBug comes of any bytes."""
    try:
        decode_record(key, value)
    except BrokerBug:
        return
