"""Produce by hand equals the schema library, byte for byte, at every version."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.base.ids import ZERO_ID
from minikafka.wire.primitives import Buffer
from minikafka.wire.produce import (
    ProducePartition,
    ProducePartitionResult,
    ProduceRequest,
    ProduceResponse,
    ProduceTopic,
    ProduceTopicResult,
)
from minikafka.wire.produce_codec import (
    decode_produce_request,
    decode_produce_response,
    encode_produce_request,
    encode_produce_response,
)
from minikafka.wire.schemas import request_class, response_class
from minikafka.wire.versions import SERVED, ApiKey
from tests.unit.wire import plain
from tests.unit.wire.entities import PER_VERSION, entities, frame_of, written

VERSIONS = range(SERVED[ApiKey.PRODUCE].min, SERVED[ApiKey.PRODUCE].max + 1)


def joined(buffers: list[Buffer]) -> bytes:
    """Return what goes out on the wire."""
    return b"".join(buffers)


@pytest.mark.parametrize("version", VERSIONS)
@PER_VERSION
@given(data=st.data())
def test_produce_request_equals_schema(version: int, data: st.DataObject) -> None:
    """Any request decodes to the same fields and encodes to the same bytes."""
    entity = data.draw(entities(request_class(ApiKey.PRODUCE, version)))
    body = written(entity)
    request = plain.produce_request(entity)
    assert decode_produce_request(version, frame_of(body), 0) == (request, len(body))
    assert joined(encode_produce_request(version, request)) == body


@pytest.mark.parametrize("version", VERSIONS)
@PER_VERSION
@given(data=st.data())
def test_produce_response_equals_schema(version: int, data: st.DataObject) -> None:
    """Any response decodes to the same fields and encodes to the same bytes."""
    entity = data.draw(entities(response_class(ApiKey.PRODUCE, version)))
    body = written(entity)
    response = plain.produce_response(entity)
    assert joined(encode_produce_response(version, response)) == body
    assert decode_produce_response(version, frame_of(body), 0) == (response, len(body))


@pytest.mark.parametrize("version", VERSIONS)
def test_produced_records_are_a_writable_span_of_the_frame(version: int) -> None:
    """Patching a batch in place patches the frame: nothing was copied."""
    partitions = [ProducePartition(0, memoryview(b"one batch"))]
    topics = [ProduceTopic("topic", ZERO_ID, partitions)]
    frame = frame_of(
        joined(encode_produce_request(version, ProduceRequest(None, -1, 100, topics)))
    )
    request, _ = decode_produce_request(version, frame, 0)
    records = request.topics[0].partitions[0].records
    assert records is not None
    records[0:3] = b"two"
    assert b"two batch" in bytes(frame)


@pytest.mark.parametrize("version", range(9, 14))
def test_unknown_tagged_fields_of_a_produce_request_are_skipped(version: int) -> None:
    """A client of the future may add fields to every struct (KIP-482)."""
    entity = ProduceRequest(
        None, 1, 100, [ProduceTopic("topic", ZERO_ID, [ProducePartition(7, None)])]
    )
    body = joined(encode_produce_request(version, entity))
    assert body.endswith(b"\0\0\0")
    future = body[:-3] + b"\1\x63\2ab" + b"\2\0\1x\x64\0" + b"\1\xff\x01\3abc"
    request, end = decode_produce_request(version, frame_of(future), 0)
    assert end == len(future)
    assert (request.acks, request.topics[0].partitions) == (1, [ProducePartition(7, None)])


@pytest.mark.parametrize("version", range(10, 14))
def test_unknown_leader_of_a_produce_result_is_not_sent(version: int) -> None:
    """A tagged field at its default is left out (KIP-482)."""

    def encoded(leader: tuple[int, int] | None) -> bytes:
        result = ProducePartitionResult(0, 6, current_leader=leader)
        response = ProduceResponse([ProduceTopicResult("topic", ZERO_ID, [result])])
        return joined(encode_produce_response(version, response))

    assert encoded((-1, -1)) == encoded(None)
    assert len(encoded((-1, 0))) == len(encoded(None)) + 11
