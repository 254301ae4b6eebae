"""Fetch requests by hand equal the schema library, byte for byte, at every version."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.base.ids import ZERO_ID
from minikafka.wire.fetch import FetchPartition, FetchRequest, FetchTopic
from minikafka.wire.fetch_codec import decode_fetch_request, encode_fetch_request
from minikafka.wire.schemas import request_class
from minikafka.wire.versions import SERVED, ApiKey
from tests.unit.wire import plain
from tests.unit.wire.entities import PER_VERSION, entities, frame_of, written

VERSIONS = range(SERVED[ApiKey.FETCH].min, SERVED[ApiKey.FETCH].max + 1)


@pytest.mark.parametrize("version", VERSIONS)
@PER_VERSION
@given(data=st.data())
def test_fetch_request_equals_schema(version: int, data: st.DataObject) -> None:
    """Any request decodes to the same fields and encodes to the same bytes."""
    entity = data.draw(entities(request_class(ApiKey.FETCH, version)))
    body = written(entity)
    request = plain.fetch_request(entity)
    assert decode_fetch_request(version, frame_of(body), 0) == (request, len(body))
    assert b"".join(encode_fetch_request(version, request)) == body


@pytest.mark.parametrize("version", range(12, 19))
def test_unknown_tagged_fields_of_a_fetch_request_are_skipped(version: int) -> None:
    """A client of the future may add fields to a partition (KIP-482)."""
    topics = [FetchTopic("topic", ZERO_ID, [FetchPartition(7, max_bytes=9)])]
    body = b"".join(encode_fetch_request(version, FetchRequest(topics=topics)))
    # Tagged fields of the partition and the topic, no forgotten topics, no rack, none at the end.
    closing = b"\0\0\1\1\0"
    assert body.endswith(closing)
    future = body[: -len(closing)] + b"\1\x63\2ab" + b"\0\1\1" + b"\1\x62\1x"
    request, end = decode_fetch_request(version, frame_of(future), 0)
    assert end == len(future)
    assert request.topics[0].partitions == topics[0].partitions
