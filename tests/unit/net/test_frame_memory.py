"""Memory for large frames: exact, fresh, shared by no two frames, and freed when dropped."""

from __future__ import annotations

import gc
import weakref

import pytest

from minikafka.net import frame_memory
from minikafka.net.frame_memory import FRAME_BYTES_MIN, PIECE_BYTES, FrameMemory


@pytest.mark.parametrize(
    "size", [1, FRAME_BYTES_MIN - 1, FRAME_BYTES_MIN, PIECE_BYTES // 2, PIECE_BYTES // 2 + 1]
)
def test_a_frame_gets_exactly_what_it_asked_for_in_zeroes(size: int) -> None:
    """The memory has the size asked for, is writable and holds nothing of others."""
    taken = FrameMemory().take(size)
    assert len(taken) == size
    assert not taken.readonly
    assert bytes(taken) == bytes(size)


def test_no_two_frames_share_a_byte() -> None:
    """What one frame is filled with never shows in another, over several pieces."""
    memory = FrameMemory()
    size = FRAME_BYTES_MIN + 1
    frames = [memory.take(size) for _ in range(2 * PIECE_BYTES // size)]
    for number, frame in enumerate(frames):
        frame[:] = bytes([number % 251]) * size
    assert all(frame[0] == frame[-1] == number % 251 for number, frame in enumerate(frames))


def test_small_frames_do_not_keep_a_piece() -> None:
    """A frame below the bound has memory of its own."""
    assert isinstance(FrameMemory().take(FRAME_BYTES_MIN - 1).obj, bytearray)


def test_a_piece_is_freed_with_its_last_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dropping every view into a piece that is used up frees it."""

    class Piece(bytearray):
        """A bytearray that can be watched."""

    pieces: list[weakref.ref[Piece]] = []

    def new_piece() -> memoryview:
        piece = Piece(PIECE_BYTES)
        pieces.append(weakref.ref(piece))
        return memoryview(piece)

    monkeypatch.setattr(frame_memory, "_new_piece", new_piece)
    memory = FrameMemory()
    frames = [memory.take(PIECE_BYTES // 2) for _ in range(3)]
    gc.collect()
    assert [piece() is not None for piece in pieces] == [True, True]
    del frames[:2]
    gc.collect()
    assert [piece() is not None for piece in pieces] == [False, True]
