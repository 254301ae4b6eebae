"""One accepted socket: frames cut anywhere, answers in order, one write for what one read caused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.net.connection import (
    PENDING_MAX,
    SCRATCH_BYTES,
    WRITE_BYTES,
    Connection,
    Slot,
)
from tests.support.manual_loop import ManualLoop

FRAME_BYTES_MAX = 1 << 20


class RecordedTransport(asyncio.Transport):
    """Keeps what is written, call by call, and what was asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.calls: list[str] = []
        self.closing = False

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        # As CPython 3.13 does, which takes that for a mistake.
        assert not self.closing
        self.writes.append(b"".join(list_of_data))

    def close(self) -> None:
        self.calls.append("close")

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")


class Peer:
    """The far end of a connection, and the handler at the near one."""

    def __init__(self, *, answer_at_once: bool = False) -> None:
        self.loop = ManualLoop()
        self.frames: list[memoryview] = []
        self.slots: list[Slot] = []
        self.lost: list[Connection] = []
        self.answer_at_once = answer_at_once
        self.transport = RecordedTransport()
        self.connection = Connection(
            self, 1, FRAME_BYTES_MAX, self.loop.turns, self.lost.append
        )
        self.connection.connection_made(self.transport)

    def on_frame(self, frame: memoryview, connection: Connection, slot: Slot) -> None:
        """Keep a frame and its slot."""
        assert connection is self.connection
        self.frames.append(frame)
        self.slots.append(slot)
        if self.answer_at_once:
            slot.answer([bytes(frame)])

    def send(self, data: bytes) -> None:
        """Let bytes arrive, as one read for each buffer they fill."""
        while data and not self.connection.closed:
            buffer = self.connection.get_buffer(-1)
            assert len(buffer) > 0, "asyncio closes a protocol that gives it no room"
            count = min(len(buffer), len(data))
            buffer[:count] = data[:count]
            self.connection.buffer_updated(count)
            data = data[count:]

    def got(self) -> list[bytes]:
        """Return the frames so far."""
        return [bytes(frame) for frame in self.frames]


def framed(*bodies: bytes) -> bytes:
    """Return frames with their lengths."""
    return b"".join(len(body).to_bytes(4) + body for body in bodies)


# --- frames in ---


@given(
    bodies=st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=8),
    cuts=st.lists(st.integers(0, 500), max_size=12),
)
def test_frames_are_the_same_however_their_bytes_are_cut(
    bodies: list[bytes], cuts: list[int]
) -> None:
    """A read may end anywhere: inside a length, inside a body, behind several frames."""
    data = framed(*bodies)
    ends = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    peer = Peer()
    for start, end in pairwise(ends):
        peer.send(data[start:end])
    assert peer.got() == bodies


@pytest.mark.parametrize(
    "size", [SCRATCH_BYTES // 4 - 5, SCRATCH_BYTES // 4, SCRATCH_BYTES, FRAME_BYTES_MAX]
)
@pytest.mark.parametrize("chunk", [1_000, 4_099, 200_000])
def test_large_frames_are_whole_between_small_ones(size: int, chunk: int) -> None:
    """The frame before and the frame behind are not disturbed."""
    large = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    data = framed(b"before", large, b"behind")
    peer = Peer()
    for start in range(0, len(data), chunk):
        peer.send(data[start : start + chunk])
    assert peer.got() == [b"before", large, b"behind"]


def test_large_frame_is_received_in_place() -> None:
    """The bytes are read into the memory the handler gets: no copy of a megabyte."""
    peer = Peer()
    peer.send(framed(b"x" * 500_000)[:1_000])
    place = peer.connection.get_buffer(-1)
    assert len(place) == 500_004 - 1_000
    peer.send(b"x" * (500_004 - 1_000))
    assert peer.frames[0].obj is place.obj


def test_frames_do_not_share_memory() -> None:
    """A frame belongs to its receiver: later reads must not write to it."""
    peer = Peer()
    peer.send(framed(b"first", b"second"))
    assert peer.frames[0].obj is not peer.frames[1].obj
    peer.frames[0][:] = b"FIRST"
    peer.send(framed(b"third"))
    assert peer.got() == [b"FIRST", b"second", b"third"]


@pytest.mark.parametrize("length", [0, -1, -(2**31), FRAME_BYTES_MAX + 1, 2**31 - 1])
def test_length_out_of_bounds_closes_the_connection(length: int) -> None:
    """Nothing of it is handed on, nor of what follows it."""
    peer = Peer()
    peer.send(framed(b"good") + length.to_bytes(4, signed=True) + framed(b"bad"))
    assert peer.got() == [b"good"]
    assert peer.transport.calls == ["close"]


def test_frames_behind_a_refused_one_are_not_handled() -> None:
    """A handler that closes the connection hears nothing more from it."""
    peer = Peer()

    def refuse(frame: memoryview, connection: Connection, slot: Slot) -> None:
        peer.frames.append(frame)
        slot.close()

    peer.on_frame = refuse  # type: ignore[method-assign]
    peer.send(framed(b"a", b"b"))
    assert peer.got() == [b"a"]
    assert peer.transport.calls == ["close"]


# --- answers out ---


@given(st.permutations(range(6)))
def test_answers_leave_in_request_order(order: list[int]) -> None:
    """Whatever order the handlers finish in (W1)."""
    peer = Peer()
    peer.send(framed(*(b"%d" % n for n in range(6))))
    for number in order:
        peer.slots[number].answer([b"answer", b"%d;" % number])
        peer.loop.run()
    assert b"".join(peer.transport.writes) == b"".join(b"answer%d;" % n for n in range(6))


def test_what_one_read_caused_leaves_in_one_write() -> None:
    """Ten requests in one segment, answered at once, are ten answers in one segment."""
    peer = Peer(answer_at_once=True)
    peer.send(framed(*(b"%d" % n for n in range(10))))
    assert peer.transport.writes == [b"0123456789"]


def test_what_one_turn_caused_leaves_in_one_write() -> None:
    """Answers that come true together later leave together, at the end of that turn."""
    peer = Peer()
    peer.send(framed(b"a", b"b", b"c"))
    for slot in reversed(peer.slots):
        slot.answer([b"x"])
    assert peer.transport.writes == []
    peer.loop.run()
    assert peer.transport.writes == [b"xxx"]


def test_later_answer_waits_for_the_earlier_one() -> None:
    """Nothing is written while the first request is unanswered."""
    peer = Peer()
    peer.send(framed(b"a", b"b"))
    peer.slots[1].answer([b"second"])
    peer.loop.run()
    assert peer.transport.writes == []
    peer.slots[0].answer([b"first"])
    peer.loop.run()
    assert peer.transport.writes == [b"firstsecond"]


def test_request_without_answer_holds_nobody_up() -> None:
    """acks=0 takes its place in the order and writes nothing."""
    peer = Peer()
    peer.send(framed(b"silent", b"loud"))
    peer.slots[1].answer([b"answer"])
    peer.slots[0].answer(())
    peer.loop.run()
    assert peer.transport.writes == [b"answer"]
    peer.send(framed(b"silent"))
    peer.slots[2].answer(())
    peer.loop.run()
    assert len(peer.transport.writes) == 1


def test_answer_to_a_closed_connection_is_dropped() -> None:
    """Whoever finishes after the peer has gone disturbs nobody."""
    peer = Peer()
    peer.send(framed(b"a", b"b"))
    peer.slots[0].answer([b"x"])
    peer.connection.connection_lost(None)
    peer.slots[1].answer([b"y"])
    peer.loop.run()
    assert peer.transport.writes == []
    assert peer.lost == [peer.connection]


# --- who does not read, or asks too much ---


def test_reading_pauses_while_the_peer_does_not_read() -> None:
    """A full write buffer stops reading; an emptied one resumes it, each once."""
    peer = Peer()
    peer.connection.pause_writing()
    assert peer.transport.calls == ["pause"]
    peer.connection.resume_writing()
    assert peer.transport.calls == ["pause", "resume"]


def test_reading_pauses_while_too_many_answers_are_owed() -> None:
    """PENDING_MAX unanswered requests stop reading; the first answer resumes it."""
    peer = Peer()
    peer.send(framed(b"x") * (PENDING_MAX - 1))
    assert peer.transport.calls == []
    peer.send(framed(b"x") * 5)
    assert peer.transport.calls == ["pause"]
    for slot in peer.slots[:5]:
        slot.answer([b"y"])
    peer.loop.run()
    assert peer.transport.calls == ["pause", "resume"]


def test_both_reasons_must_be_gone_before_reading_resumes() -> None:
    """Answers that are ready do not help where the peer does not take them."""
    peer = Peer()
    peer.connection.pause_writing()
    peer.send(framed(b"x") * PENDING_MAX)
    for slot in peer.slots:
        slot.answer([b"y"])
    peer.loop.run()
    assert peer.transport.calls == ["pause"]
    peer.connection.resume_writing()
    peer.loop.run()
    assert peer.transport.calls == ["pause", "resume"]


def test_answers_are_not_written_to_who_does_not_read() -> None:
    """A peer that asks for much and takes nothing holds what one write may be, and no more."""
    peer = Peer()
    peer.send(framed(b"x") * 8)
    transport = peer.transport
    full = len(answer := bytes(WRITE_BYTES))

    def write(buffers: Iterable[bytes | bytearray | memoryview]) -> None:
        transport.writes.append(b"".join(buffers))
        peer.connection.pause_writing()

    transport.writelines = write  # type: ignore[method-assign]
    for slot in peer.slots:
        slot.answer([answer[:4], answer[4:]])
    peer.loop.run()
    assert [len(each) for each in transport.writes] == [2 * full]
    peer.connection.resume_writing()
    peer.loop.run()
    assert [len(each) for each in transport.writes] == [2 * full, 2 * full]
    for _ in range(2):
        peer.connection.resume_writing()
        peer.loop.run()
    assert sum(len(each) for each in transport.writes) == 8 * full


def test_answers_to_who_is_about_to_be_lost_are_dropped() -> None:
    """The end of the stream was read, and we are told of it in a later turn."""
    peer = Peer()
    peer.send(framed(b"a", b"b"))
    peer.transport.closing = True
    for slot in peer.slots:
        slot.answer([b"head", b"body"])
    peer.loop.run()
    assert peer.transport.writes == []
    peer.connection.connection_lost(None)
    assert peer.lost == [peer.connection]
