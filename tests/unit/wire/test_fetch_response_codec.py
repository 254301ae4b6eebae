"""Fetch responses by hand equal the schema library, byte for byte, at every version."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.base.ids import ZERO_ID
from minikafka.wire.fetch import FetchPartitionResponse, FetchResponse, FetchTopicResponse
from minikafka.wire.fetch_response_codec import decode_fetch_response, encode_fetch_response
from minikafka.wire.schemas import response_class
from minikafka.wire.versions import SERVED, ApiKey
from tests.unit.wire import plain
from tests.unit.wire.entities import PER_VERSION, entities, frame_of, written

VERSIONS = range(SERVED[ApiKey.FETCH].min, SERVED[ApiKey.FETCH].max + 1)


@dataclass
class StoredBatch:
    """The one thing the encoder wants of a batch."""

    view: memoryview


@pytest.mark.parametrize("version", VERSIONS)
@PER_VERSION
@given(data=st.data())
def test_fetch_response_equals_schema(version: int, data: st.DataObject) -> None:
    """Any response decodes to the same fields; any without null records encodes to the same bytes."""
    entity = data.draw(entities(response_class(ApiKey.FETCH, version)))
    body = written(entity)
    response = plain.fetch_response(entity)
    assert decode_fetch_response(version, frame_of(body), 0) == (response, len(body))
    partitions = [partition for topic in entity.responses for partition in topic.partitions]
    if all(partition.records is not None for partition in partitions):
        assert b"".join(encode_fetch_response(version, response)) == body


def response_with(*batches: bytes) -> tuple[FetchResponse, list[memoryview]]:
    """Return a response of one partition with these batches, and their views."""
    views = [memoryview(batch) for batch in batches]
    partition = FetchPartitionResponse(
        index=3,
        high_watermark=9,
        batches=[StoredBatch(view) for view in views],
        size=sum(map(len, batches)),
    )
    return FetchResponse(topics=[FetchTopicResponse("topic", ZERO_ID, [partition])]), views


@pytest.mark.parametrize("version", VERSIONS)
def test_stored_batches_are_sent_as_they_are(version: int) -> None:
    """The views of the batches are among the buffers themselves, in order."""
    response, views = response_with(b"first" * 40, b"second")
    sent = encode_fetch_response(version, response)
    at = next(place for place, buffer in enumerate(sent) if buffer is views[0])
    assert sent[at + 1] is views[1]


@pytest.mark.parametrize("version", VERSIONS)
def test_batches_arrive_as_one_span_of_records(version: int) -> None:
    """What the batches hold comes out on the other side, unbroken."""
    response, _ = response_with(b"first" * 40, b"second")
    body = b"".join(encode_fetch_response(version, response))
    received, end = decode_fetch_response(version, frame_of(body), 0)
    assert end == len(body)
    (partition,) = received.topics[0].partitions
    assert partition.records == b"first" * 40 + b"second"


@pytest.mark.parametrize("version", VERSIONS)
def test_no_batches_are_empty_records_not_null(version: int) -> None:
    """Kafka sends empty records where there is nothing; some clients fail on null."""
    response, _ = response_with()
    body = b"".join(encode_fetch_response(version, response))
    received, _ = decode_fetch_response(version, frame_of(body), 0)
    assert received.topics[0].partitions[0].records == b""


@pytest.mark.parametrize("version", range(12, 19))
@pytest.mark.parametrize("field", ["diverging_epoch", "current_leader", "snapshot_id"])
def test_tagged_field_at_its_default_is_not_sent(field: str, version: int) -> None:
    """(-1, -1) says nothing, so it is left out (KIP-482)."""

    def encoded(value: tuple[int, int] | None) -> bytes:
        response, _ = response_with()
        setattr(response.topics[0].partitions[0], field, value)
        return b"".join(encode_fetch_response(version, response))

    assert encoded((-1, -1)) == encoded(None)
    assert len(encoded((-1, 0))) > len(encoded(None))
