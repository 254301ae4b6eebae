"""Headers, dispatch to the codecs, and what malformed bytes do."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from minikafka.base.ids import ZERO_ID
from minikafka.wire.codec import (
    decode_header,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
)
from minikafka.wire.framing import FrameError, UnsupportedVersion, frame_length
from minikafka.wire.produce import ProducePartition, ProduceRequest, ProduceTopic
from minikafka.wire.schemas import request_class, response_class
from minikafka.wire.shapes import build_request, build_response
from minikafka.wire.versions import ApiKey, response_header_is_flexible
from tests.unit.wire import plain
from tests.unit.wire.entities import (
    EVERY_API,
    EVERY_VERSION,
    PER_API,
    PER_VERSION,
    entities,
    frame_of,
    versions,
    written,
)

BY_HAND = {
    ApiKey.PRODUCE: (plain.produce_request, plain.produce_response),
    ApiKey.FETCH: (plain.fetch_request, plain.fetch_response),
}
METADATA_12 = (ApiKey.METADATA, 12)


def one_frame(buffers: list[bytes | bytearray | memoryview]) -> memoryview:
    """Return the only frame in what was encoded, without its length."""
    sent = frame_of(b"".join(buffers))
    assert frame_length(sent) == len(sent) - 4
    return sent[4:]


@EVERY_VERSION
@PER_VERSION
@given(data=st.data())
def test_request_survives_the_wire(api_key: int, version: int, data: st.DataObject) -> None:
    """A request, with its header, is the schema library's bytes, and is read back as it was.

    No proper prefix of it passes for one.
    """
    entity = data.draw(entities(request_class(api_key, version)))
    request = BY_HAND[ApiKey(api_key)][0](entity) if api_key in BY_HAND else entity
    client_id = data.draw(st.none() | st.text(max_size=20))
    frame = one_frame(encode_request(api_key, version, 77, client_id, request))
    header = decode_header(frame)
    assert header[:4] == (api_key, version, 77, client_id)
    body = written(entity)
    assert bytes(frame[header.body_position :]) == body
    assert decode_request(api_key, version, frame, header.body_position) == request
    if body:
        cut = data.draw(st.just(len(body) - 1) | st.integers(0, len(body) - 1))
        with pytest.raises(FrameError):
            decode_request(api_key, version, frame_of(body[:cut]), 0)


@EVERY_VERSION
@PER_VERSION
@given(data=st.data())
def test_response_survives_the_wire(api_key: int, version: int, data: st.DataObject) -> None:
    """A response, with its header, is the schema library's bytes, and is read back as it was."""
    entity = data.draw(entities(response_class(api_key, version)))
    if api_key == ApiKey.FETCH:  # a broker never sends null records
        assume(
            all(
                part.records is not None
                for topic in entity.responses
                for part in topic.partitions
            )
        )
    response = BY_HAND[ApiKey(api_key)][1](entity) if api_key in BY_HAND else entity
    frame = one_frame(encode_response(api_key, version, 77, response))
    header = b"\0\0\0\x4d" + b"\0" * response_header_is_flexible(api_key, version)
    assert bytes(frame) == header + written(entity)
    assert decode_response(api_key, version, frame) == (77, response)


def test_api_versions_response_has_header_v0() -> None:
    """A client reads that answer before it knows what the broker speaks (KIP-511)."""
    response = build_response(ApiKey.API_VERSIONS, 4, {"error_code": 0, "api_keys": []})
    frame = one_frame(encode_response(ApiKey.API_VERSIONS, 4, 9, response))
    assert bytes(frame[:7]) == b"\0\0\0\x09" + b"\0\0" + b"\1"


def test_header_of_an_unserved_version_is_still_read() -> None:
    """ApiVersions in a version of the future needs its correlation id answered."""
    header = decode_header(frame_of(b"\0\x12\0\x7f\0\0\0\x05\0\2me\0rest"))
    assert header == (18, 127, 5, "me", 13)


def test_client_id_may_be_any_bytes() -> None:
    """What is no UTF-8 is replaced, as Java does: the id is for people only."""
    header = decode_header(frame_of(b"\0\x12\0\0\0\0\0\x05\0\3a\xff\xfe"))
    assert header == (18, 0, 5, "a\ufffd\ufffd", 13)


@pytest.mark.parametrize("api_key", [-1, 4, 36, 1000])
def test_unknown_api_key_is_refused(api_key: int) -> None:
    """An API outside the table cannot even be parsed: nobody knows its header's version."""
    head = api_key.to_bytes(2, "big", signed=True) + b"\0\0\0\0\0\x05\xff\xff\0"
    with pytest.raises(UnsupportedVersion):
        decode_header(frame_of(head))


@pytest.mark.parametrize(
    ("api_key", "version"), [(0, 2), (0, 14), (1, 3), (3, 14), (3, -1), (18, 5), (1000, 0)]
)
def test_unserved_version_is_refused(api_key: int, version: int) -> None:
    """Produce 0-2 are listed but refused; so is all that is not listed."""
    with pytest.raises(UnsupportedVersion):
        decode_request(api_key, version, frame_of(b"\0" * 100), 0)
    with pytest.raises(UnsupportedVersion):
        decode_response(api_key, version, frame_of(b"\0" * 100))


def test_bytes_behind_a_request_are_ignored() -> None:
    """Apache Kafka 4.1 reads what it knows and does not look at the rest of the frame."""
    request = build_request(*METADATA_12, {"topics": None})
    frame = one_frame(encode_request(*METADATA_12, 1, None, request))
    longer = frame_of(bytes(frame) + b"\1\2\3")
    position = decode_header(longer).body_position
    assert decode_request(*METADATA_12, longer, position) == request


@pytest.mark.parametrize("version", range(3, 14))
def test_records_cut_short_are_malformed(version: int) -> None:
    """A span of records that reaches past its frame is no records."""
    partitions = [ProducePartition(0, memoryview(b"one batch"))]
    request = ProduceRequest(None, 1, 9, [ProduceTopic("topic", ZERO_ID, partitions)])
    frame = one_frame(encode_request(ApiKey.PRODUCE, version, 1, None, request))
    position = decode_header(frame).body_position
    assert (
        decode_request(ApiKey.PRODUCE, version, frame, position).topics[0].partitions
        == partitions
    )
    for size in range(len(frame) - 12, len(frame)):
        with pytest.raises(FrameError):
            decode_request(ApiKey.PRODUCE, version, frame[:size], position)


@EVERY_API
@given(data=st.data(), body=st.binary(max_size=120))
def test_arbitrary_bytes_raise_only_frame_error(
    api_key: int, data: st.DataObject, body: bytes
) -> None:
    """Whatever comes in, a message comes out or FrameError."""
    version = data.draw(versions(api_key))
    with contextlib.suppress(FrameError):
        decode_request(api_key, version, frame_of(body), 0)
    with contextlib.suppress(FrameError):
        decode_response(api_key, version, frame_of(body))


@EVERY_API
@PER_API
@given(data=st.data())
def test_mutated_messages_raise_only_frame_error(api_key: int, data: st.DataObject) -> None:
    """A valid message with some bytes changed, cut or put in raises FrameError or nothing."""
    version = data.draw(versions(api_key))
    is_request = data.draw(st.booleans())
    struct = (request_class if is_request else response_class)(api_key, version)
    body = bytearray(written(data.draw(entities(struct))))
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(len(body), start + 4)))
    body[start:end] = data.draw(st.sampled_from(HOSTILE) | st.binary(max_size=5))
    with contextlib.suppress(FrameError):
        if is_request:
            decode_request(api_key, version, frame_of(bytes(body)), 0)
        else:
            decode_response(api_key, version, frame_of(b"\0\0\0\0\0" + bytes(body)))


@given(frame=st.binary(max_size=40))
@example(frame=b"")
@example(frame=b"\0\x12\0\3\0\0\0\5\0\2\xff\xff\0")
@example(frame=b"\0\x12\0\3\0\0\0\5\x7f\xff\0")
@example(frame=b"\0\x12\0\3\0\0\0\5\xff\xff\xff\xff\xff\xff\xff\xff\xff")
def test_arbitrary_header_raises_only_frame_error(frame: bytes) -> None:
    """Whatever a connection begins with, a header comes out or FrameError."""
    with contextlib.suppress(FrameError):
        decode_header(frame_of(frame))


HOSTILE = [
    b"\xff\xff\xff\xff\x07",  # the longest compact array there can be
    b"\xff\xff\xff\xff\x0f",
    b"\xff\xff\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",  # the longest legacy array there can be
    b"\x80\x00\x00\x00",
    b"\xff\xff\xff\xff",
    b"\x7f\xff",
    b"\xc3\x28",  # no UTF-8
]


@pytest.fixture
def little_memory() -> Iterator[None]:
    """Let the process have only 256 MiB more than it has."""
    if not Path("/proc/self/statm").exists():
        pytest.skip("how much memory is in use cannot be told here")
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 256 * 2**20, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.usefixtures("little_memory")
@EVERY_VERSION
def test_claimed_lengths_reserve_no_memory(api_key: int, version: int) -> None:
    """A frame of ten bytes that claims two thousand million elements is refused, cheaply."""
    body = written(build_request(api_key, version, {}))
    for position in range(len(body) + 1):
        for hostile in HOSTILE:
            frame = frame_of(body[:position] + hostile + body[position:])
            with contextlib.suppress(FrameError):
                decode_request(api_key, version, frame, 0)
