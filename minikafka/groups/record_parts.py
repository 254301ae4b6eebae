"""Parts that the records of consumer groups and of share groups have in common. KIP-848, KIP-932."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from minikafka.base.ids import TopicId
from minikafka.groups.partitions import Partitions, partitions_of
from minikafka.groups.record_reader import RecordReader
from minikafka.wire.primitives import INT16, INT32, compact_bytes, legacy_string, uvarint

__all__ = [
    "NO_TAGS",
    "VERSION_0",
    "maybe",
    "partitions_bytes",
    "read_partitions",
    "read_strings",
    "record_key",
    "record_value",
    "strings_bytes",
]

T = TypeVar("T")

VERSION_0 = INT16.pack(0)
NO_TAGS = b"\0"


def record_key(kind: int, *names: str) -> bytes:
    """Return a key: its kind, then names."""
    return INT16.pack(kind) + b"".join(legacy_string(name) for name in names)


def record_value(*parts: bytes) -> bytes:
    """Return a value of version 0 without tagged fields."""
    return VERSION_0 + b"".join(parts) + NO_TAGS


def strings_bytes(texts: Sequence[str]) -> bytes:
    """Return a compact array of strings."""
    return uvarint(len(texts) + 1) + b"".join(compact_bytes(text) for text in texts)


def read_strings(reader: RecordReader) -> tuple[str, ...]:
    """Return the strings of a compact array."""
    return tuple(reader.compact_string() for _ in range(reader.compact_count()))


def partitions_bytes(partitions: Partitions) -> bytes:
    """Return partitions as a compact array of topics."""
    parts = [uvarint(len(partitions) + 1)]
    for topic_id, numbers in partitions.items():
        parts += [topic_id.bytes, uvarint(len(numbers) + 1)]
        parts += [INT32.pack(number) for number in numbers]
        parts.append(NO_TAGS)
    return b"".join(parts)


def read_partitions(reader: RecordReader) -> Partitions:
    """Return partitions in their one form."""
    return partitions_of(_pairs(reader))


def _pairs(reader: RecordReader) -> Iterable[tuple[TopicId, list[int]]]:
    for _ in range(reader.compact_count()):
        topic_id = reader.uuid()
        numbers = [reader.int32() for _ in range(reader.compact_count())]
        reader.skip_tagged_fields()
        yield topic_id, numbers


def maybe(reader: RecordReader | None, read: Callable[[RecordReader], T]) -> T | None:
    """Return what `read` makes of a value; None for a tombstone."""
    return None if reader is None else read(reader)
