"""Varints, strings and ids."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikafka.base.ids import ZERO_ID
from minikafka.wire.framing import FrameError
from minikafka.wire.primitives import (
    compact_bytes,
    legacy_string,
    read_compact_string,
    read_legacy_string,
    read_nullable_compact_string,
    read_nullable_legacy_string,
    read_uuid,
    read_uvarint,
    skip_tagged_fields,
    uvarint,
)
from tests.unit.wire.entities import frame_of


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, b"\0"),
        (127, b"\x7f"),
        (128, b"\x80\x01"),
        (300, b"\xac\x02"),
        (2**31 - 1, b"\xff\xff\xff\xff\x07"),
    ],
)
def test_varint_is_seven_bits_a_byte_lowest_first(value: int, encoded: bytes) -> None:
    """The examples fix the encoding in both directions."""
    assert uvarint(value) == encoded
    assert read_uvarint(frame_of(b"x" + encoded), 1) == (value, 1 + len(encoded))


@given(st.integers(0, 2**31 - 1))
def test_varint_is_read_back(value: int) -> None:
    """All values that a length can have survive."""
    assert read_uvarint(frame_of(uvarint(value)), 0)[0] == value


@pytest.mark.parametrize("encoded", [b"\xff\xff\xff\xff\x08", b"\x80" * 5 + b"\1", b"\xff" * 9])
def test_varint_above_31_bits_is_refused(encoded: bytes) -> None:
    """A longer one cannot be a length, and must not run on for ever."""
    with pytest.raises(FrameError):
        read_uvarint(frame_of(encoded), 0)


@pytest.mark.parametrize("text", ["", "topic", "é" * 100, None])
def test_nullable_strings_are_read_back(text: str | None) -> None:
    """In both forms, null apart from empty."""
    compact, legacy = compact_bytes(text), legacy_string(text)
    assert read_nullable_compact_string(frame_of(compact), 0) == (text, len(compact))
    assert read_nullable_legacy_string(frame_of(legacy), 0) == (text, len(legacy))


@pytest.mark.parametrize(
    ("read", "encoded"),
    [
        (read_compact_string, b"\0"),
        (read_legacy_string, b"\xff\xff"),
        (read_legacy_string, b"\x80\0"),
    ],
)
def test_null_string_is_refused_where_one_must_be(read, encoded) -> None:  # type: ignore[no-untyped-def]
    """Any negative length is null, as Kafka reads it."""
    with pytest.raises(FrameError, match="null"):
        read(frame_of(encoded), 0)


def test_zero_id_is_read_as_such() -> None:
    """All zeros is an id like others here; what it means is the caller's business."""
    assert read_uuid(frame_of(bytes(16)), 0) == (ZERO_ID, 16)


def test_tagged_fields_are_skipped_by_their_sizes() -> None:
    """Nothing need be known of a tag to get past it (KIP-482)."""
    section = b"\2\0\3abc\xff\x01\0"
    assert skip_tagged_fields(frame_of(section + b"rest"), 0) == (None, len(section))
