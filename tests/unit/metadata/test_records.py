"""Metadata records and their bytes."""

from __future__ import annotations

import uuid

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.base.errors import BrokerBug
from minikafka.metadata.records import (
    BrokerFenced,
    BrokerRegistered,
    BrokerShuttingDown,
    BrokerUnfenced,
    BrokerUnregistered,
    ConfigChanged,
    MetadataRecord,
    PartitionChanged,
    PartitionCreated,
    ProducerIdsAllocated,
    TopicCreated,
    TopicRemoved,
    decode_record,
    encode_record,
)

_ID = uuid.UUID(int=7)

_SAMPLES: list[MetadataRecord] = [
    BrokerRegistered(1, 12, _ID, "localhost", 9092, None, True),
    BrokerRegistered(1, 12, _ID, "localhost", 9092, "r", False, "inside", 9193),
    BrokerFenced(1, 12),
    BrokerUnfenced(1, 12),
    BrokerShuttingDown(1, 12),
    BrokerUnregistered(1, 12),
    TopicCreated("t", _ID),
    TopicRemoved(_ID),
    PartitionCreated(_ID, 0, (1, 2), (1,), 1, 0, 0),
    PartitionChanged(_ID, 0, (2,), -1, 1, 1, True),
    ConfigChanged(2, "t", "retention.ms", None),
    ProducerIdsAllocated(1, 12, 2**63 - 1),
]


@pytest.mark.parametrize("record", _SAMPLES, ids=lambda record: type(record).__name__)
def test_bytes_give_the_record_back(record: MetadataRecord) -> None:
    """Every kind of record survives the log."""
    assert decode_record(memoryview(encode_record(record))) == record


def test_types_keep_their_numbers() -> None:
    """The number of a type in the log never changes: old logs must stay readable."""
    numbers = {type(record).__name__: encode_record(record)[1] for record in _SAMPLES}
    assert numbers == {
        "BrokerRegistered": 0,
        "BrokerFenced": 1,
        "BrokerUnfenced": 2,
        "BrokerShuttingDown": 3,
        "BrokerUnregistered": 4,
        "TopicCreated": 5,
        "TopicRemoved": 6,
        "PartitionCreated": 7,
        "PartitionChanged": 8,
        "ConfigChanged": 9,
        "ProducerIdsAllocated": 10,
    }


@given(st.binary(max_size=40))
def test_arbitrary_bytes_are_a_record_or_refused(data: bytes) -> None:
    """Bytes that are no record raise BrokerBug, nothing else."""
    try:
        decode_record(data)
    except BrokerBug:
        return
    assert data  # the empty string is never a record


@pytest.mark.parametrize(
    "array", [[1, 1, 1, 12], [99, 0, 1, 12], [1, 0, 1], 5, [5, 0, "t", "x"]]
)
def test_unknown_version_type_or_shape_is_refused(array: object) -> None:
    """A reader never guesses at what it does not know."""
    with pytest.raises(BrokerBug):
        decode_record(msgpack.packb(array))
