"""Addresses of leaders that Produce and Fetch answers carry, so that clients need not ask.

Counterpart: NodeEndpoint in ProduceResponseData and FetchResponseData. KIP-951.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from minikafka.wire.primitives import (
    INT32,
    compact_bytes,
    read_compact_string,
    read_nullable_compact_string,
    read_uvarint,
    skip_tagged_fields,
    uvarint,
)

__all__ = [
    "NodeEndpoint",
    "endpoints_section",
    "leader_tag",
    "read_endpoints",
    "read_leader",
    "read_tagged_fields",
]


_TAG_MAX = 2


class NodeEndpoint(NamedTuple):
    """Where a broker listens."""

    node_id: int
    host: str
    port: int
    rack: str | None = None


def read_tagged_fields(buffer: memoryview, position: int) -> tuple[dict[int, int], int]:
    """Read the tagged fields of a struct as tag -> where its value starts (KIP-482).

    The caller reads the tags it knows; all others are thereby skipped. Only tags that any
    struct of Produce and Fetch has are kept, so that a frame full of tags costs no memory.
    """
    found: dict[int, int] = {}
    count, position = read_uvarint(buffer, position)
    for _ in range(count):
        tag, position = read_uvarint(buffer, position)
        size, position = read_uvarint(buffer, position)
        if tag <= _TAG_MAX:
            found[tag] = position
        position += size
    return found, position


def leader_tag(tag: int, leader: tuple[int, int]) -> bytes:
    """Encode (leader id, leader epoch) as a tagged field."""
    return bytes((tag, 9)) + INT32.pack(leader[0]) + INT32.pack(leader[1]) + b"\0"


def read_leader(buffer: memoryview, position: int) -> tuple[int, int]:
    """Read (leader id, leader epoch)."""
    return INT32.unpack_from(buffer, position)[0], INT32.unpack_from(buffer, position + 4)[0]


def endpoints_section(endpoints: Sequence[NodeEndpoint]) -> bytes:
    """Encode the closing tagged fields of a response: tag 0 with the endpoints, or nothing."""
    if not endpoints:
        return b"\0"
    encoded = uvarint(len(endpoints) + 1) + b"".join(
        INT32.pack(node_id)
        + compact_bytes(host)
        + INT32.pack(port)
        + compact_bytes(rack)
        + b"\0"
        for node_id, host, port, rack in endpoints
    )
    return b"\1\0" + uvarint(len(encoded)) + encoded


def read_endpoints(buffer: memoryview, position: int) -> tuple[list[NodeEndpoint], int]:
    """Read the closing tagged fields of a response; return the endpoints of tag 0."""
    endpoints: list[NodeEndpoint] = []
    if not buffer[position]:
        return endpoints, position + 1
    tags, end = read_tagged_fields(buffer, position)
    if 0 not in tags:
        return endpoints, end
    count, position = read_uvarint(buffer, tags[0])
    for _ in range(count - 1):
        (node_id,) = INT32.unpack_from(buffer, position)
        host, position = read_compact_string(buffer, position + 4)
        (port,) = INT32.unpack_from(buffer, position)
        rack, position = read_nullable_compact_string(buffer, position + 4)
        _, position = skip_tagged_fields(buffer, position)
        endpoints.append(NodeEndpoint(node_id, host, port, rack))
    return endpoints, end
