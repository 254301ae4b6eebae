"""W1 from the bytes of a connection, however they are cut."""

from __future__ import annotations

import time
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.trials.wire_order import WireOrder, produce_acks
from minikafka.wire.codec import encode_request, encode_response
from minikafka.wire.produce import (
    ProducePartition,
    ProducePartitionResult,
    ProduceRequest,
    ProduceResponse,
    ProduceTopic,
    ProduceTopicResult,
)
from minikafka.wire.shapes import Shape, build_request, build_response
from minikafka.wire.versions import SERVED, ApiKey

PORT = 9092
PRODUCE_VERSIONS = range(SERVED[ApiKey.PRODUCE].min, SERVED[ApiKey.PRODUCE].max + 1)
METADATA_VERSION = 5


def produce(
    correlation_id: int,
    acks: int,
    version: int = 9,
    *,
    size: int = 100,
    client_id: str | None = "client",
    transactional_id: str | None = None,
) -> bytes:
    """Return a Produce request of some bytes of records."""
    parts = [ProducePartition(0, memoryview(bytes(size)))]
    topic = (
        ProduceTopic(None, UUID(int=1), parts)
        if version >= 13
        else ProduceTopic("t", None, parts)
    )
    request = ProduceRequest(transactional_id, acks, 1_000, [topic])
    return b"".join(encode_request(ApiKey.PRODUCE, version, correlation_id, client_id, request))


def produced(correlation_id: int, version: int = 9) -> bytes:
    """Return the answer to it."""
    parts = [ProducePartitionResult(0, base_offset=3)]
    topic = (
        ProduceTopicResult(None, UUID(int=1), parts)
        if version >= 13
        else ProduceTopicResult("t", None, parts)
    )
    response = ProduceResponse([topic])
    return b"".join(encode_response(ApiKey.PRODUCE, version, correlation_id, response))


def metadata(correlation_id: int) -> bytes:
    """Return a Metadata request."""
    request = build_request(ApiKey.METADATA, METADATA_VERSION, {"topics": None})
    return b"".join(
        encode_request(ApiKey.METADATA, METADATA_VERSION, correlation_id, None, request)
    )


def described(correlation_id: int) -> bytes:
    """Return the answer to it."""
    shape: Shape = {"brokers": [], "cluster_id": None, "controller_id": 1, "topics": []}
    response = build_response(ApiKey.METADATA, METADATA_VERSION, shape)
    return b"".join(
        encode_response(ApiKey.METADATA, METADATA_VERSION, correlation_id, response)
    )


def violations(requests: bytes, answers: bytes, cuts: tuple[int, ...] = ()) -> list[str]:
    """Return what is said of bytes that are written in pieces of these sizes, over and over."""
    found: list[str] = []
    order = WireOrder(lambda name, text: found.append(f"{name} {text}"), ports=(PORT,))
    order.connected(3, PORT)
    for side, data in enumerate((requests, answers)):
        start = number = 0
        while start < len(data):
            size = cuts[number % len(cuts)] if cuts else len(data)
            order.wrote(3, side, data[start : start + size])
            start += size
            number += 1
    return found


CUTS = st.lists(st.integers(1, 400), min_size=1, max_size=8).map(tuple)


@pytest.mark.parametrize("version", PRODUCE_VERSIONS)
@given(cuts=CUTS, kinds=st.lists(st.sampled_from((-1, 0, 1, None)), max_size=8), data=st.data())
def test_answers_in_order_are_fine_however_the_bytes_are_cut(
    version: int, cuts: tuple[int, ...], kinds: list[int | None], data: st.DataObject
) -> None:
    """Frames over several writes, several in one, and no answer where acks are 0."""
    requests = answers = b""
    for number, acks in enumerate(kinds):
        if acks is None:
            requests += metadata(number)
            answers += described(number)
            continue
        requests += produce(
            number,
            acks,
            version,
            size=data.draw(st.sampled_from((0, 61, 3_000))),
            client_id=data.draw(st.sampled_from((None, "", "c", "c" * 300))),
            transactional_id=data.draw(st.sampled_from((None, "", "t" * 126, "t" * 127))),
        )
        if acks:
            answers += produced(number, version)
    assert violations(requests, answers, cuts) == []


@given(cuts=CUTS, order=st.permutations(range(5)))
def test_any_other_order_breaks_w1(cuts: tuple[int, ...], order: list[int]) -> None:
    """An answer that is not the next request's is told of, however it is cut."""
    requests = b"".join(produce(number, -1) for number in range(5))
    answers = b"".join(produced(number) for number in order)
    wrong = [
        f"W1 connection 3: answer {number} where {due} is due"
        for due, number in enumerate(order)
        if due != number
    ]
    assert violations(requests, answers, cuts) == wrong


def test_answer_to_nothing_breaks_w1() -> None:
    """One answer per request, and no more."""
    found = violations(metadata(1), described(1) + described(1))
    assert found == ["W1 connection 3: answer 1 where nothing is due"]


def test_answer_that_is_left_out_breaks_w1() -> None:
    """The next one shows it."""
    found = violations(metadata(1) + metadata(2), described(2))
    assert found == ["W1 connection 3: answer 2 where 1 is due"]


@pytest.mark.parametrize("version", PRODUCE_VERSIONS)
def test_answer_to_a_produce_with_acks_0_breaks_w1(version: int) -> None:
    """At every version the acks are found; acks=1 and -1 are answered."""
    requests = (
        produce(1, 0, version)
        + produce(2, 1, version)
        + produce(3, -1, version)
        + produce(4, 0, version)
    )
    answers = produced(2, version) + produced(3, version)
    assert violations(requests, answers) == []
    found = violations(requests, answers + produced(4, version))
    assert found == ["W1 connection 3: answer 4 where nothing is due"]


@given(CUTS)
def test_acks_are_found_behind_header_fields_that_nobody_knows(cuts: tuple[int, ...]) -> None:
    """A client of the future may tag its headers (KIP-482)."""
    plain = produce(1, 0)
    end = 4 + 2 + 2 + 4 + 2 + len("client")
    tagged = plain[4:end] + b"\x02\x00\x03abc\xc8\x01\x80\x01" + bytes(128) + plain[end + 1 :]
    requests = len(tagged).to_bytes(4) + tagged + produce(2, 1)
    assert violations(requests, produced(2), cuts) == []


def test_acks_are_unknown_until_their_bytes_have_come() -> None:
    """Of no prefix of a request anything false is said."""
    for version in PRODUCE_VERSIONS:
        frame = produce(1, 0, version, transactional_id="t" * 200)
        said = [produce_acks(frame[:end], 12, version) for end in range(len(frame))]
        assert said == sorted(said, key=lambda acks: acks is not None)
        assert set(said) == {None, 0}


@pytest.mark.parametrize("length", [-(2**31), -4, -1, 0, 3, 7])
def test_client_without_frames_is_left_alone(length: int) -> None:
    """A broker cuts such a client off; what it writes is no violation, and ends the looking."""
    junk = length.to_bytes(4, signed=True) + bytes(40)
    assert violations(junk, described(1)) == []
    assert violations(junk, described(1), (1,)) == []


@pytest.mark.parametrize("length", [-4, 0, 3])
def test_answer_that_is_no_frame_breaks_w1(length: int) -> None:
    """There is no room in it for a correlation id."""
    junk = length.to_bytes(4, signed=True) + bytes(40)
    wanted = f"W1 connection 3: an answer is no frame: frame of {length} bytes"
    assert violations(metadata(1), junk) == [wanted]
    assert violations(metadata(1), junk, (3,)) == [wanted]


def test_connections_do_not_mix() -> None:
    """Each has its own order."""
    found: list[str] = []
    order = WireOrder(lambda name, text: found.append(text), ports=(80, PORT))
    for connection in (1, 2):
        order.connected(connection, PORT)
        order.wrote(connection, 0, metadata(connection)[:9])
    for connection in (2, 1):
        order.wrote(connection, 0, metadata(connection)[9:])
        order.wrote(connection, 1, described(connection))
    assert found == []


def test_other_ports_are_not_looked_at() -> None:
    """A connection of another protocol may say what it wants."""
    found: list[str] = []
    order = WireOrder(lambda name, text: found.append(name), ports=(PORT,))
    order.connected(4, 80)
    order.wrote(4, 1, described(1))
    order.wrote(5, 1, described(1))
    assert found == []


def test_body_of_a_big_frame_costs_nothing() -> None:
    """Bytes behind the head are counted: neither joined nor copied at each write."""
    order = WireOrder(lambda name, text: None, ports=(PORT,))
    order.connected(1, PORT)
    frame = produce(1, -1, size=50_000_000)
    order.wrote(1, 0, frame[:5])
    chunk = frame[5 : 5 + 1_000]
    began = time.process_time()
    for _ in range(50_000):
        order.wrote(1, 0, chunk)
    assert time.process_time() - began < 1  # copying what has come each time takes minutes
