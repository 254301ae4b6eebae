"""Traces as people read them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.base.errors import ErrorCode
from minikafka.records.builder import build_batch
from minikafka.records.records import Record
from minikafka.sim.trace import TraceEvent
from minikafka.trials.timeline import timeline
from minikafka.wire.codec import encode_request, encode_response
from minikafka.wire.fetch import (
    FetchPartition,
    FetchPartitionResponse,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    FetchTopicResponse,
)
from minikafka.wire.produce import (
    ProducePartition,
    ProducePartitionResult,
    ProduceRequest,
    ProduceResponse,
    ProduceTopic,
    ProduceTopicResult,
)
from minikafka.wire.shapes import build_request, build_response
from minikafka.wire.versions import SERVED, ApiKey

SYN = TraceEvent(0, "syn", "7 c0 b2 9092")


def batch(base_offset: int = 0, count: int = 3) -> memoryview:
    """Return a batch of some records."""
    records = [Record(offset, 0, None, b"value") for offset in range(count)]
    return build_batch(records, base_offset=base_offset).view


def produce(number: int, acks: int = -1) -> bytes:
    """Return a Produce request of three records."""
    topic = ProduceTopic("orders", None, [ProducePartition(0, batch())])
    request = ProduceRequest(None, acks, 1_000, [topic])
    return b"".join(encode_request(ApiKey.PRODUCE, 11, number, "c0", request))


def produced(number: int, error: int = 0) -> bytes:
    """Return the answer to it."""
    result = ProducePartitionResult(0, error, base_offset=41)
    response = ProduceResponse([ProduceTopicResult("orders", None, [result])])
    return b"".join(encode_response(ApiKey.PRODUCE, 11, number, response))


def fetch(number: int, session: tuple[int, int] = (0, -1)) -> bytes:
    """Return a Fetch request of one partition."""
    topic = FetchTopic("orders", None, [FetchPartition(0, fetch_offset=41)])
    request = FetchRequest(session_id=session[0], session_epoch=session[1], topics=[topic])
    return b"".join(encode_request(ApiKey.FETCH, 12, number, "c0", request))


def fetched(number: int, records: memoryview | None, session_id: int = 0) -> bytes:
    """Return the answer to it."""
    told = FetchPartitionResponse(0, high_watermark=44, records=records)
    topic = FetchTopicResponse("orders", None, [told])
    response = FetchResponse(session_id=session_id, topics=[topic])
    return b"".join(encode_response(ApiKey.FETCH, 12, number, response))


def heartbeat(number: int) -> bytes:
    """Return a BrokerHeartbeat request."""
    shape: dict[str, object] = {"broker_id": 1, "broker_epoch": 5, "current_metadata_offset": 9}
    shape |= {"want_fence": False, "want_shut_down": False, "offline_log_dirs": ()}
    request = build_request(ApiKey.BROKER_HEARTBEAT, 1, shape)
    return b"".join(encode_request(ApiKey.BROKER_HEARTBEAT, 1, number, "b1", request))


def heard(number: int) -> bytes:
    """Return the answer to it."""
    shape = {"throttle_time": 0, "error_code": 0, "is_caught_up": True}
    shape |= {"is_fenced": False, "should_shut_down": False}
    response = build_response(ApiKey.BROKER_HEARTBEAT, 1, shape)
    return b"".join(encode_response(ApiKey.BROKER_HEARTBEAT, 1, number, response))


def written(*writes: tuple[int, bytes]) -> list[TraceEvent]:
    """Return the trace of a connection with these writes, a second apart."""
    events = [
        TraceEvent(number * 10**9, "tx", f"7.{side}", data)
        for number, (side, data) in enumerate(writes, 1)
    ]
    return [SYN, *events]


def texts(events: Sequence[TraceEvent], last: int = 80) -> list[str]:
    """Return the lines without their times."""
    return [line[14:] for line in timeline(events, last=last).splitlines()]


def test_requests_and_answers_are_lines_with_their_times() -> None:
    """Who to whom, which API, which number, what is asked and what is told."""
    events = written((0, produce(17)), (1, produced(17)), (0, fetch(18, (5, 6))))
    events += [TraceEvent(4_000_000_001, "tx", "7.1", fetched(18, batch(41), 5))]
    assert timeline(events).splitlines() == [
        "    1.000000  c0 -> b2  Produce v11 #17  orders-0 [0..2] 3 records acks=-1",
        "    2.000000  b2 -> c0  Produce #17  orders-0 offset 41",
        "    3.000000  c0 -> b2  Fetch v12 #18  orders-0@41 session 5 epoch 6",
        "    4.000000  b2 -> c0  Fetch #18  orders-0 [41..43] 3 records hw=44 session 5",
    ]


def test_error_of_an_answer_is_named() -> None:
    """Names are read, numbers looked up."""
    code = ErrorCode.NOT_LEADER_OR_FOLLOWER
    lines = texts(written((0, produce(1)), (1, produced(1, code))))
    assert lines[-1] == "b2 -> c0  Produce #1  orders-0 NOT_LEADER_OR_FOLLOWER"


def test_alter_partition_shows_the_isr() -> None:
    """What a leader proposes is what one looks for."""
    members = [{"broker_id": each, "broker_epoch": 9} for each in (1, 3)]
    part = {"partition_index": 0, "leader_epoch": 4, "new_isr_with_epochs": members}
    part |= {"leader_recovery_state": 0, "partition_epoch": 2}
    topic = {"topic_id": None, "partitions": [part]}
    shape = {"broker_id": 1, "broker_epoch": 9, "topics": [topic]}
    request = build_request(ApiKey.ALTER_PARTITION, 3, shape)
    data = b"".join(encode_request(ApiKey.ALTER_PARTITION, 3, 1, "b1", request))
    (line,) = texts(written((0, data)))
    assert line == "c0 -> b2  AlterPartition v3 #1  partition 0 epoch 4 isr [1, 3]"


def test_version_without_words_is_shown_by_its_size() -> None:
    """AlterPartition 2 has its ISR elsewhere than 3, and no broker of ours sends it."""
    part = {"partition_index": 0, "leader_epoch": 4, "new_isr": (1, 3)}
    part |= {"leader_recovery_state": 0, "partition_epoch": 2}
    topic = {"topic_id": None, "partitions": [part]}
    shape = {"broker_id": 1, "broker_epoch": 9, "topics": [topic]}
    request = build_request(ApiKey.ALTER_PARTITION, 2, shape)
    data = b"".join(encode_request(ApiKey.ALTER_PARTITION, 2, 1, "b1", request))
    (line,) = texts(written((0, data)))
    assert line == f"c0 -> b2  AlterPartition v2 #1  {len(data) - 4} bytes"


@given(st.lists(st.integers(1, 200), min_size=1, max_size=6))
def test_lines_do_not_depend_on_how_the_bytes_were_cut(cuts: list[int]) -> None:
    """A frame may take several writes, and a write hold several frames."""
    asked = produce(1) + fetch(2) + produce(3)
    told = produced(1) + fetched(2, batch(41)) + produced(3)
    pieces: list[tuple[int, bytes]] = []
    for side, data in enumerate((asked, told)):
        start = 0
        while start < len(data):
            size = cuts[len(pieces) % len(cuts)]
            pieces.append((side, data[start : start + size]))
            start += size
    assert texts(written(*pieces)) == texts(written((0, asked), (1, told)))


def test_answers_find_their_requests_by_correlation_id() -> None:
    """Produce with acks 0 has none, and an answer out of order is still understood."""
    asked = produce(1, acks=0) + produce(2) + fetch(3)
    lines = texts(written((0, asked), (1, fetched(3, batch(41)) + produced(2))))
    assert [line.split("  ")[1] for line in lines[3:]] == ["Fetch #3", "Produce #2"]


def test_answer_to_nothing_is_shown_by_its_size() -> None:
    """Nobody can say what it holds."""
    assert texts(written((1, produced(9)))) == [f"b2 -> c0  {len(produced(9)) - 4} bytes"]


def test_answer_to_a_produce_with_acks_0_is_one_to_nothing() -> None:
    """Nobody waits for it, and that it is there is a bug to be seen."""
    lines = texts(written((0, produce(1, acks=0)), (1, produced(1))))
    assert lines[1] == f"b2 -> c0  {len(produced(1)) - 4} bytes"


def test_idle_chatter_is_folded_into_a_count() -> None:
    """Heartbeats, and fetches that brought nothing with what asked for them."""
    idle: list[tuple[int, bytes]] = []
    for number in (2, 4):
        idle += [(0, fetch(number)), (1, fetched(number, None))]
        idle += [(0, heartbeat(number + 1)), (1, heard(number + 1))]
    lines = texts(written((0, produce(1)), *idle, (1, produced(1))))
    assert len(lines) == 3
    assert lines[1] == "... 8 idle fetches and heartbeats"


def test_fetch_that_was_never_answered_is_no_idle_chatter() -> None:
    """Silence is news."""
    assert texts(written((0, fetch(1)))) == ["c0 -> b2  Fetch v12 #1  orders-0@41"]


def test_faults_and_what_becomes_of_connections_stand_on_lines_of_their_own() -> None:
    """They name the hosts; what the simulator notes beside that is left out."""
    events = [
        SYN,
        TraceEvent(1, "accept", "7"),
        TraceEvent(2, "fault", "crash b2 kill"),
        TraceEvent(3, "rx", "7.0 rst"),
        TraceEvent(4, "reset", "7.1"),
        TraceEvent(5, "lost", "7.0 ConnectionResetError"),
        TraceEvent(6, "lost", "7.1 NoneType"),
        TraceEvent(7, "refused", "7"),
        TraceEvent(8, "note", "here it begins"),
        TraceEvent(9, "unhandled", "b2 ValueError"),
        TraceEvent(9, "violation", "W1 wrong"),
        TraceEvent(9, "lost", "99.0 NoneType"),
    ]
    assert texts(events) == [
        "FAULT crash b2 kill",
        "RESET b2 -> c0",
        "LOST c0 -> b2 ConnectionResetError",
        "LOST b2 -> c0",
        "REFUSED c0 -> b2",
        "NOTE here it begins",
        "UNHANDLED b2 ValueError",
        "VIOLATION W1 wrong",
        "LOST 99.0",
    ]


def test_what_is_not_kafka_is_shown_by_its_size() -> None:
    """From the first length that can be none, a connection speaks something else."""
    events = written((0, b"GET / HTTP/1.1\r\n\r\n"), (1, b"HTTP/1.1 204\r\n\r\n"), (0, b"x"))
    assert texts(events) == ["c0 -> b2  18 bytes", "b2 -> c0  16 bytes", "c0 -> b2  1 bytes"]


def test_frame_that_was_cut_off_is_shown_where_it_ended() -> None:
    """A request half written when its host died is what one looks for."""
    events = written((0, produce(1)[:30]))
    events += [TraceEvent(2 * 10**9, "fault", "crash c0 power")]
    assert texts(events) == [
        "c0 -> b2  30 bytes of a frame whose rest never came",
        "FAULT crash c0 power",
    ]


def test_no_more_than_the_last_lines_are_shown() -> None:
    """The end of a run tells why it ended."""
    events = written(*((0, produce(number)) for number in range(50)))
    lines = texts(events, last=3)
    assert [line.split("  ")[1] for line in lines] == [
        f"Produce v11 #{number}" for number in (47, 48, 49)
    ]


@given(st.lists(st.tuples(st.integers(0, 1), st.binary(max_size=60)), max_size=8))
def test_odd_bytes_never_raise(writes: list[tuple[int, bytes]]) -> None:
    """Whatever is written, there is a timeline of it."""
    timeline(written(*writes))
    timeline(written(*writes)[1:])


def _damaged() -> Iterable[tuple[bytes, bytes]]:
    yield produce(1), produced(1)
    yield fetch(1), fetched(1, batch())
    yield heartbeat(1), heard(1)


@pytest.mark.parametrize("pair", list(_damaged()), ids=("produce", "fetch", "heartbeat"))
@given(data=st.data())
def test_damaged_frames_never_raise(pair: tuple[bytes, bytes], data: st.DataObject) -> None:
    """Any byte behind the length may be another, in any API and version."""
    damaged = []
    for whole in pair:
        frame = bytearray(whole)
        for _ in range(data.draw(st.integers(0, 4))):
            position = data.draw(st.integers(4, len(frame) - 1))
            frame[position] = data.draw(st.integers(0, 255))
        damaged.append(bytes(frame))
    timeline(written((0, damaged[0]), (1, damaged[1])))


@pytest.mark.parametrize("key", sorted(SERVED))
@given(data=st.data())
def test_random_bodies_of_any_api_never_raise(key: int, data: st.DataObject) -> None:
    """Every API has a name, and need not have words."""
    row = SERVED[key]
    version = data.draw(st.integers(row.min - 1, row.max + 1))
    bodies = data.draw(st.tuples(st.binary(max_size=40), st.binary(max_size=40)))
    head = key.to_bytes(2) + version.to_bytes(2, signed=True) + (1).to_bytes(4)
    frames = [head + b"\xff\xff\0" + bodies[0], (1).to_bytes(4) + bodies[1]]
    sent = [len(frame).to_bytes(4) + frame for frame in frames]
    lines = texts(written((0, sent[0]), (1, sent[1])))
    assert len(lines) in (1, 2)


def test_big_frame_in_many_pieces_is_joined_once() -> None:
    """A batch of megabytes that comes by the kilobyte costs what it is, not its square."""
    frame = (20_000_004 - 4).to_bytes(4) + produce(1)[4:] + bytes(20_000_004 - len(produce(1)))
    pieces = [(0, frame[at : at + 1_000]) for at in range(0, len(frame), 1_000)]
    events = written(*pieces)
    began = time.process_time()
    assert len(texts(events)) == 1
    assert time.process_time() - began < 3


@pytest.mark.slow
@pytest.mark.parametrize("idle", [False, True])
def test_thirty_thousand_events_take_no_second(idle: bool) -> None:
    """Only the last lines are decoded, also where nothing happens at the end."""
    events = [SYN]
    for number in range(0, 30_000, 2):
        pair = (
            (fetch(number), fetched(number, None))
            if idle
            else (produce(number), produced(number))
        )
        events += [
            TraceEvent(number, "tx", f"7.{side}", data) for side, data in enumerate(pair)
        ]
    began = time.process_time()
    assert timeline(events)
    assert time.process_time() - began < 1
