"""The quorum's own records, byte by byte."""

from __future__ import annotations

import uuid

import pytest

from minikafka.base.errors import BrokerBug
from minikafka.quorum.control import (
    ControlType,
    control_batch,
    control_types,
    kraft_version_record,
    leader_change_record,
    snapshot_mark,
    voter_sets,
    voters_record,
)
from minikafka.quorum.voters import Endpoint, Voter, VoterSet
from minikafka.records.records import Record, decode_records
from tests.support.builders import batch_of


def test_leader_change_is_kafkas_control_record() -> None:
    """Type 2; version 0, leader, voters, granting voters, each with an empty tag section."""
    batch = control_batch([leader_change_record(7, (7, 258), (7,), 5)])
    assert batch.is_control
    (record,) = decode_records(batch)
    assert record.key == bytes.fromhex("0000 0002")
    assert record.value == bytes.fromhex(
        "0000 00000007 03 00000007 00 00000102 00 02 00000007 00 00"
    )


def test_voters_are_kafkas_control_record() -> None:
    """Type 6; id, directory, endpoints and kraft versions of each voter, with tag sections."""
    voter = Voter(1, uuid.UUID(int=2), (Endpoint("C", "h", 9),))
    record = voters_record(VoterSet([voter]), 5)
    assert record.key == bytes.fromhex("0000 0006")
    assert record.value == bytes.fromhex(
        "0000 02 00000001 00000000000000000000000000000002"
        "02 02 43 02 68 0009 00 0000 0001 00 00 00"
    )


@pytest.mark.parametrize(
    ("record", "key", "value"),
    [
        (kraft_version_record(1, 5), "00000005", "0000 0001 00"),
        (snapshot_mark(ControlType.SNAPSHOT_HEADER, 7), "00000003", "0000 0000000000000007 00"),
        (snapshot_mark(ControlType.SNAPSHOT_FOOTER, 7), "00000004", "0000 00"),
    ],
)
def test_marks_are_kafkas_control_records(record: Record, key: str, value: str) -> None:
    """Versions and, of a header, the time of the last record."""
    assert (record.key, record.value) == (bytes.fromhex(key), bytes.fromhex(value))


def test_voters_are_read_back_with_the_offset_of_their_record() -> None:
    """Also of many, with hosts longer than a varint of one byte can say."""
    voters = VoterSet(
        Voter(
            number, uuid.UUID(int=number), (Endpoint("C", "h" * 200, 9), Endpoint("D", "i", 1))
        )
        for number in range(1, 150)
    )
    batch = control_batch([kraft_version_record(1, 5), voters_record(voters, 5)])
    assert list(voter_sets(batch)) == [(1, voters)]
    assert control_types(batch) == [5, 6]


def test_other_batches_name_no_voters() -> None:
    """Neither those of metadata nor a leader's first."""
    for batch in (batch_of(), control_batch([leader_change_record(1, (1,), (1,), 5)])):
        assert list(voter_sets(batch)) == []
    assert control_types(batch_of()) == []


def test_voters_that_end_early_are_refused() -> None:
    """Nobody may vote by half a record."""
    whole = voters_record(VoterSet([Voter(1, uuid.UUID(int=2))]), 5)
    assert whole.value is not None
    batch = control_batch([whole._replace(value=whole.value[:-6])])
    with pytest.raises(BrokerBug, match="not a record of voters"):
        list(voter_sets(batch))
