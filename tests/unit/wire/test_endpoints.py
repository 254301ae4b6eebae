"""Endpoints of leaders in Produce and Fetch answers."""

from __future__ import annotations

from minikafka.wire.endpoints import (
    NodeEndpoint,
    endpoints_section,
    read_endpoints,
    read_tagged_fields,
)
from tests.unit.wire.entities import frame_of


def test_no_endpoints_are_one_byte() -> None:
    """An answer without a new leader ends in an empty section of tagged fields."""
    assert endpoints_section([]) == b"\0"
    assert read_endpoints(frame_of(b"\0rest"), 0) == ([], 1)


def test_endpoints_are_read_back_beside_other_tags() -> None:
    """A field of the future in the same section does no harm (KIP-482)."""
    endpoints = [NodeEndpoint(1, "localhost", 9092), NodeEndpoint(2, "h" * 200, 1, "rack")]
    section = endpoints_section(endpoints)
    future = frame_of(b"\2" + section[1:] + b"\x63\1x")
    assert read_endpoints(future, 0) == (endpoints, len(future))


def test_tags_nobody_knows_are_not_kept() -> None:
    """A frame full of tagged fields costs no memory beyond itself."""
    section = frame_of(b"\3\0\1a\2\1b\x7f\1c")
    assert read_tagged_fields(section, 0) == ({0: 3, 2: 6}, len(section))
