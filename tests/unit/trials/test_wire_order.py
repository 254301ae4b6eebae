"""W1 from the bytes of a connection, however they are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.trials.wire_order import WireOrder
from minikafka.wire.codec import encode_request
from minikafka.wire.produce import ProducePartition, ProduceRequest, ProduceTopic
from minikafka.wire.shapes import build_request
from minikafka.wire.versions import SERVED, ApiKey

PORT = 9092
PRODUCE = SERVED[ApiKey.PRODUCE]


def produce(correlation_id: int, acks: int, version: int = 9, size: int = 100) -> bytes:
    """Return the frame of a Produce request."""
    part = ProducePartition(0, memoryview(bytearray(size)))
    topic = ProduceTopic("t", None, [part])
    if version >= 13:
        from uuid import UUID

        topic = ProduceTopic(None, UUID(int=1), [part])
    request = ProduceRequest(None, acks, 1_000, [topic])
    buffers = encode_request(ApiKey.PRODUCE, version, correlation_id, "client", request)
    return b"".join(bytes(buffer) for buffer in buffers)


def metadata(correlation_id: int) -> bytes:
    """Return the frame of a Metadata request."""
    request = build_request(ApiKey.METADATA, 5, {"topics": None})
    buffers = encode_request(ApiKey.METADATA, 5, correlation_id, "client", request)
    return b"".join(bytes(buffer) for buffer in buffers)


def answer(correlation_id: int, size: int = 20) -> bytes:
    """Return the frame of an answer."""
    body = correlation_id.to_bytes(4) + bytes(size)
    return len(body).to_bytes(4) + body


def violations(requests: bytes, answers: bytes, cuts: tuple[int, int] = (7, 5)) -> list[str]:
    """Return what is found in a connection, its bytes cut into pieces."""
    found: list[str] = []
    order = WireOrder(lambda name, text: found.append(f"{name} {text}"), ports=(PORT,))
    order.connected(3, PORT)
    for side, (data, cut) in enumerate(zip((requests, answers), cuts, strict=True)):
        for start in range(0, len(data), cut):
            order.wrote(3, side, data[start : start + cut])
    return found


@given(st.integers(1, 400), st.integers(1, 60))
def test_answers_in_order_are_fine_however_the_bytes_are_cut(one: int, other: int) -> None:
    """Frames over several writes, and several in one."""
    requests = metadata(1) + produce(2, -1) + metadata(3) + produce(4, 1, size=3_000)
    answers = b"".join(answer(number) for number in (1, 2, 3, 4))
    assert violations(requests, answers, (one, other)) == []


def test_answer_out_of_order_is_a_violation() -> None:
    """The second request's answer may not come first."""
    found = violations(metadata(1) + metadata(2), answer(2) + answer(1))
    assert found[0] == "W1 connection 3: answer 2 where 1 is due"


def test_answer_to_nothing_is_a_violation() -> None:
    """One answer per request, and no more."""
    found = violations(metadata(1), answer(1) + answer(1))
    assert found == ["W1 connection 3: answer 1 where nothing is due"]


@pytest.mark.parametrize("version", range(max(PRODUCE.min, 3), PRODUCE.max + 1))
def test_produce_with_acks_0_has_no_answer(version: int) -> None:
    """At every version the acks are found; acks=1 and -1 are answered."""
    requests = produce(1, 0, version) + produce(2, 1, version) + produce(3, -1, version)
    assert violations(requests, answer(2) + answer(3)) == []


def test_other_ports_are_not_looked_at() -> None:
    """A connection of another protocol may say what it wants."""
    found: list[str] = []
    order = WireOrder(lambda name, text: found.append(name), ports=(PORT,))
    order.connected(4, 80)
    order.wrote(4, 1, answer(1))
    assert found == []
