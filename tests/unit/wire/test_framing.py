"""The length before a frame."""

from __future__ import annotations

import pytest

from minikafka.wire.framing import FRAME_BYTES_MAX, FrameError, UnsupportedVersion, frame_length


@pytest.mark.parametrize("length", [0, 1, 10, FRAME_BYTES_MAX])
def test_length_up_to_the_limit_passes(length: int) -> None:
    """The limit is inclusive."""
    assert frame_length(b"xx" + length.to_bytes(4, "big"), 2) == length


@pytest.mark.parametrize("length", [-1, -(2**31), FRAME_BYTES_MAX + 1, 2**31 - 1])
def test_length_out_of_bounds_is_refused(length: int) -> None:
    """A negative length and one above the limit cannot be a frame's."""
    with pytest.raises(FrameError, match=str(length)):
        frame_length(length.to_bytes(4, "big", signed=True))


def test_limit_is_the_callers() -> None:
    """socket.request.max.bytes decides, not the default."""
    with pytest.raises(FrameError):
        frame_length(b"\0\0\0\x0b", limit=10)


def test_unsupported_version_is_a_frame_error() -> None:
    """Whoever closes connections on FrameError closes them on both."""
    assert issubclass(UnsupportedVersion, FrameError)
