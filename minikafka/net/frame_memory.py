"""Memory for large frames, taken in large pieces.

The log keeps the memory of a frame, so each large frame wants fresh memory, and touching it for
the first time, page by page, costs more than everything else that is done with the frame:
measured on a virtual machine 500 µs a MiB, 200 with pages of 2 MiB. Whoever drops the last view
into a piece frees it; nobody counts.
"""

from __future__ import annotations

import mmap

__all__ = ["FrameMemory"]

PIECE_BYTES = 16 * 1024 * 1024
# Smaller frames get memory of their own: one that is kept long must not keep a whole piece.
FRAME_BYTES_MIN = 256 * 1024


class FrameMemory:
    """Hands out writable memory for frames, one after the other from the piece at hand."""

    __slots__ = ("_free", "_piece")

    def __init__(self) -> None:
        self._piece: memoryview | None = None
        self._free = 0

    def take(self, size: int) -> memoryview:
        """Return `size` bytes of zeroes that nobody else has."""
        if not FRAME_BYTES_MIN <= size <= PIECE_BYTES // 2:
            return memoryview(bytearray(size))
        piece = self._piece
        if piece is None or self._free + size > PIECE_BYTES:
            piece = self._piece = _new_piece()
            self._free = 0
        start = self._free
        self._free += size
        return piece[start : start + size]


def _new_piece() -> memoryview:
    piece = mmap.mmap(-1, PIECE_BYTES)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        try:
            piece.madvise(mmap.MADV_HUGEPAGE)
        except OSError:
            # A kernel without huge pages: ordinary ones do.
            return memoryview(piece)
    return memoryview(piece)
