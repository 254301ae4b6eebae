"""The records of consumer groups, byte by byte."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.base.errors import BrokerBug
from minikafka.groups.consumer_records import (
    ClassicMember,
    ConsumerRecord,
    CurrentAssignment,
    GroupEpoch,
    MemberMetadata,
    PartitionMetadata,
    RegularExpression,
    StoredAssignment,
    StoredConsumer,
    StoredEpoch,
    StoredExpression,
    TargetAssignment,
    TargetEpoch,
)
from minikafka.groups.records import decode_record, encode_record

HOST = "/127.0.0.1"
FIRST = UUID("11223344-5566-7788-99aa-bbccddeeff00")
SECOND = UUID(int=(1 << 64) + 2)
# Made with the serializer of Apache Kafka 4.1.1 (GroupCoordinatorRecordSerde).
KAFKAS: list[tuple[str, ConsumerRecord, str, str | None]] = [
    (
        "group epoch",
        GroupEpoch("g", StoredEpoch(7, -3)),
        "0003000167",
        "000000000007010008fffffffffffffffd",
    ),
    (
        "group epoch without topics",
        GroupEpoch("g", StoredEpoch(7)),
        "0003000167",
        "00000000000700",
    ),
    (
        "deleted group",
        GroupEpoch("g", None),
        "0003000167",
        None,
    ),
    (
        "deleted topics of Kafka 4.0",
        PartitionMetadata("g", None),
        "0004000167",
        None,
    ),
    (
        "member",
        MemberMetadata(
            "g",
            "m",
            StoredConsumer("i", "r", "c", HOST, ("bar", "foo"), "f.*", 300_000, "range"),
        ),
        "000500016700016d",
        (
            "00000269027202630b2f3132372e302e302e31030462617204666f6f04662e2a000493e00672616e"
            "676500"
        ),
    ),
    (
        "member that says little",
        MemberMetadata(
            "g", "m", StoredConsumer(None, None, "c", HOST, ("foo",), None, -1, None)
        ),
        "000500016700016d",
        "0000000002630b2f3132372e302e302e310204666f6f00ffffffff0000",
    ),
    (
        "member of the classic protocol",
        MemberMetadata(
            "g",
            "m",
            StoredConsumer(
                None,
                None,
                "c",
                HOST,
                ("foo",),
                "",
                5,
                None,
                ClassicMember(45_000, (("range", b"\0\1\2"),)),
            ),
        ),
        "000500016700016d",
        (
            "0000000002630b2f3132372e302e302e310204666f6f010000000500010012010000afc802067261"
            "6e6765040001020000"
        ),
    ),
    (
        "deleted member",
        MemberMetadata("g", "m", None),
        "000500016700016d",
        None,
    ),
    (
        "target epoch",
        TargetEpoch("g", 9),
        "0006000167",
        "00000000000900",
    ),
    (
        "deleted target epoch",
        TargetEpoch("g", None),
        "0006000167",
        None,
    ),
    (
        "target",
        TargetAssignment("g", "m", {SECOND: (0, 1), FIRST: (5,)}),
        "000700016700016d",
        (
            "0000030000000000000001000000000000000203000000000000000100112233445566778899aabb"
            "ccddeeff0002000000050000"
        ),
    ),
    (
        "deleted target",
        TargetAssignment("g", "m", None),
        "000700016700016d",
        None,
    ),
    (
        "current assignment",
        CurrentAssignment("g", "m", StoredAssignment(4, 3, 1, {FIRST: (0, 2)}, {SECOND: (1,)})),
        "000800016700016d",
        (
            "000000000004000000030102112233445566778899aabbccddeeff00030000000000000002000200"
            "00000000000001000000000000000202000000010000"
        ),
    ),
    (
        "deleted current assignment",
        CurrentAssignment("g", "m", None),
        "000800016700016d",
        None,
    ),
    (
        "expression",
        RegularExpression("g", "f.*", StoredExpression(("bar", "foo"), 12, 1_700_000_000_000)),
        "00100001670003662e2a",
        "0000030462617204666f6f000000000000000c0000018bcfe5680000",
    ),
    (
        "deleted expression",
        RegularExpression("g", "f.*", None),
        "00100001670003662e2a",
        None,
    ),
]
PARTITION_METADATA = "000002112233445566778899aabbccddeeff0004666f6f00000003010000"


@pytest.mark.parametrize(
    ("record", "key", "value"), [each[1:] for each in KAFKAS], ids=[each[0] for each in KAFKAS]
)
def test_bytes_are_those_of_apache_kafka(
    record: ConsumerRecord, key: str, value: str | None
) -> None:
    """What Kafka 4.1 writes we write, and read back."""
    value_bytes = None if value is None else bytes.fromhex(value)
    assert encode_record(record) == (bytes.fromhex(key), value_bytes)
    assert decode_record(bytes.fromhex(key), value_bytes) == record


def test_topics_that_kafka_4_0_wrote_are_kept_as_they_are() -> None:
    """Nobody reads them any more; they are there to be deleted."""
    key, value = bytes.fromhex("0004000167"), bytes.fromhex(PARTITION_METADATA)
    record = decode_record(key, value)
    assert record == PartitionMetadata("g", value)
    assert encode_record(record) == (key, value)


def test_partitions_are_read_in_one_form() -> None:
    """Kafka writes them in any order, and they compare regardless of it."""
    topic = FIRST.bytes.hex()
    value = f"000003{topic}0300000002000000010" + f"0{topic}02000000000000"
    record = decode_record(bytes.fromhex("000700016700016d"), bytes.fromhex(value))
    assert record == TargetAssignment("g", "m", {FIRST: (0, 1, 2)})


@given(st.sampled_from(KAFKAS), st.data())
def test_cut_bytes_are_refused(
    case: tuple[str, ConsumerRecord, str, str | None], data: st.DataObject
) -> None:
    """A value that ends too early is no record."""
    _, record, key, value = case
    if value is None or isinstance(record, PartitionMetadata):
        return
    whole = bytes.fromhex(value)
    size = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(BrokerBug):
        decode_record(bytes.fromhex(key), whole[:size])


def test_versions_of_the_future_are_refused() -> None:
    """A value of version 1 may hold anything."""
    with pytest.raises(BrokerBug):
        decode_record(bytes.fromhex("0003000167"), bytes.fromhex("00010000000700"))
