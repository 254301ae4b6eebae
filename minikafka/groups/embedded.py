"""What consumers of the classic protocol tell each other inside of JoinGroup and SyncGroup.

The coordinator has to read and write it where a group has members of both protocols.
Counterpart: ConsumerProtocol, ConsumerProtocolSubscription, ConsumerProtocolAssignment. KIP-429,
KIP-881.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple

from minikafka.groups.record_reader import RecordReader
from minikafka.wire.framing import FrameError
from minikafka.wire.primitives import INT16, INT32, NULL_INT32, legacy_string

__all__ = [
    "EmbeddedAssignment",
    "Subscription",
    "assignment_bytes",
    "read_assignment",
    "read_subscription",
]

_NEWEST = 3
_MALFORMED = (struct.error, IndexError, ValueError, FrameError)


class Subscription(NamedTuple):
    """What a member wants, and what it has now."""

    version: int
    topics: tuple[str, ...]
    owned: tuple[tuple[str, tuple[int, ...]], ...] = ()
    rack_id: str | None = None


class EmbeddedAssignment(NamedTuple):
    """What a member was given, and what its assignor has said to it beside."""

    partitions: tuple[tuple[str, tuple[int, ...]], ...]
    user_data: bytes


def read_subscription(data: bytes) -> Subscription | None:
    """Return a ConsumerProtocolSubscription, None where it cannot be read."""
    reader = RecordReader(data)
    try:
        version = _version(reader)
        topics = tuple(reader.string() for _ in range(_count(reader)))
        reader.data()
        owned = _topic_partitions(reader) if version >= 1 else ()
        if version >= 2:
            reader.int32()
        rack = reader.nullable() if version >= 3 else None
    except _MALFORMED:
        return None
    return Subscription(version, topics, owned, rack or None)


def read_assignment(data: bytes) -> EmbeddedAssignment | None:
    """Return a ConsumerProtocolAssignment, None where it cannot be read; no bytes are nothing."""
    if not data:
        return EmbeddedAssignment((), b"")
    reader = RecordReader(data)
    try:
        _version(reader)
        return EmbeddedAssignment(_topic_partitions(reader), reader.data())
    except _MALFORMED:
        return None


def assignment_bytes(version: int, topics: Iterable[tuple[str, tuple[int, ...]]]) -> bytes:
    """Return a ConsumerProtocolAssignment in the version of who is to read it."""
    given = tuple(topics)
    parts = [INT16.pack(version), INT32.pack(len(given))]
    for name, numbers in given:
        parts += [legacy_string(name), INT32.pack(len(numbers))]
        parts += [INT32.pack(number) for number in numbers]
    return b"".join([*parts, NULL_INT32])


def _version(reader: RecordReader) -> int:
    version = reader.int16()
    if version < 0:
        raise ValueError(f"version {version}")
    # Newer ones begin like the newest that is known.
    return min(version, _NEWEST)


def _count(reader: RecordReader) -> int:
    count = reader.int32()
    if count < 0:
        raise ValueError("null where an array must be")
    return count


def _topic_partitions(reader: RecordReader) -> tuple[tuple[str, tuple[int, ...]], ...]:
    found = []
    for _ in range(_count(reader)):
        name = reader.string()
        found.append((name, tuple(reader.int32() for _ in range(_count(reader)))))
    return tuple(found)
