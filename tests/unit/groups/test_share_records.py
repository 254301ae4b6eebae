"""The records of share groups, byte by byte."""

from __future__ import annotations

from uuid import UUID

import pytest

from minikafka.groups.consumer_records import StoredEpoch
from minikafka.groups.records import decode_record, encode_record
from minikafka.groups.share_records import (
    ShareAssignment,
    ShareEpoch,
    ShareGroupRecord,
    ShareMemberMetadata,
    ShareStatePartitions,
    ShareTarget,
    ShareTargetEpoch,
    StoredShareAssignment,
    StoredShareMember,
    StoredStatePartitions,
)

TOPIC = UUID("11223344-5566-7788-99aa-bbccddeeff00")
HEX = TOPIC.hex
BOTH = f"02{HEX}03000000000000000100"
HOST = "/127.0.0.1"
# Made with the generated classes of Apache Kafka 4.1.1 (GroupCoordinatorRecordSerde).
KAFKAS: list[tuple[ShareGroupRecord, str, str]] = [
    (
        ShareEpoch("g", StoredEpoch(7, -3)),
        "000b000167",
        "000000000007fffffffffffffffd00",
    ),
    (
        ShareMemberMetadata("g", "m", StoredShareMember("r", "c", HOST, ("a", "b"))),
        "000a00016700016d",
        "0000027202630b2f3132372e302e302e31030261026200",
    ),
    (
        ShareMemberMetadata("g", "m", StoredShareMember(None, "c", HOST, ())),
        "000a00016700016d",
        "00000002630b2f3132372e302e302e310100",
    ),
    (ShareTargetEpoch("g", 7), "000c000167", "00000000000700"),
    (ShareTarget("g", "m", {TOPIC: (0, 1)}), "000d00016700016d", f"0000{BOTH}00"),
    (
        ShareAssignment("g", "m", StoredShareAssignment(3, 2, {TOPIC: (0, 1)})),
        "000e00016700016d",
        f"0000000000030000000200{BOTH}00",
    ),
    (
        ShareStatePartitions(
            "g", StoredStatePartitions({TOPIC: (0,)}, {TOPIC: (1,)}, (TOPIC,), {TOPIC: "t"})
        ),
        "000f000167",
        f"000002{HEX}0274020000000000" + f"02{HEX}0274020000000100" + f"02{HEX}02740000",
    ),
]


@pytest.mark.parametrize(("record", "key", "value"), KAFKAS)
def test_records_are_kafkas(record: ShareGroupRecord, key: str, value: str) -> None:
    """But for the state of an assignment, which has no meaning in a share group."""
    raw = bytes.fromhex(key), bytes.fromhex(value)
    assert encode_record(record) == raw
    assert decode_record(*raw) == record


@pytest.mark.parametrize("key", dict.fromkeys(key for _, key, _ in KAFKAS))
def test_tombstones_name_what_they_delete(key: str) -> None:
    """A key alone is read back as it was written."""
    record = decode_record(bytes.fromhex(key), None)
    assert record is not None
    assert record.value is None
    assert encode_record(record) == (bytes.fromhex(key), None)
