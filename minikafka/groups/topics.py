"""The topics of the cluster as a group coordinator sees them, and what tells that they changed.

A value handed in by the caller, made from metadata; knows no metadata records. A group does not
keep what its topics were like, only a hash over it: another hash, another group epoch.
Counterpart: CoordinatorMetadataImage, Utils.computeTopicHash, Utils.computeGroupHash. KIP-1101.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from minikafka.base.ids import Offset, TopicId
from minikafka.base.xxh3 import xxh3_64

__all__ = ["NO_TOPICS", "Topic", "Topics", "group_hash"]

_MAGIC = b"\0"
_INT = struct.Struct("<i")
_LONG = struct.Struct("<q")


class Topic:
    """One topic: how many partitions it has, and on which racks.

    Args:
        racks: of each partition the racks of its replicas; brokers without one left out.
    """

    __slots__ = ("_hash", "name", "partition_count", "racks", "topic_id")

    def __init__(self, name: str, topic_id: TopicId, racks: Sequence[Sequence[str]]) -> None:
        self.name = name
        self.topic_id = topic_id
        self.partition_count = len(racks)
        self.racks = racks
        self._hash: int | None = None

    @property
    def hash(self) -> int:
        """A number that changes with all that matters to a group; signed, 64 bits."""
        if self._hash is None:
            self._hash = _signed(xxh3_64(self._bytes()))
        return self._hash

    def _bytes(self) -> bytes:
        number = self.topic_id.int
        parts = [
            _MAGIC,
            (number >> 64).to_bytes(8, "little"),
            (number & 0xFFFF_FFFF_FFFF_FFFF).to_bytes(8, "little"),
            _text(self.name),
            _INT.pack(self.partition_count),
        ]
        for partition, racks in enumerate(self.racks):
            parts.append(_INT.pack(partition))
            for rack in sorted(racks):
                parts += [_INT.pack(len(rack)), _text(rack)]
        return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Topics:
    """All topics, below metadata offset `offset` (exclusive).

    `new_at` is the offset behind the last change that has brought a topic: regular expressions
    resolved before it have to be resolved again.
    """

    by_name: Mapping[str, Topic] = field(default_factory=dict)
    by_id: Mapping[TopicId, Topic] = field(default_factory=dict)
    offset: Offset = 0
    new_at: Offset = 0

    @classmethod
    def of(cls, topics: Iterable[Topic], offset: Offset = 0, new_at: Offset = 0) -> Topics:
        """Return a view of these topics."""
        by_name = {topic.name: topic for topic in topics}
        by_id = {topic.topic_id: topic for topic in by_name.values()}
        return cls(by_name, by_id, offset, new_at)

    def ids(self, names: Iterable[str]) -> tuple[TopicId, ...]:
        """Return the ids of those topics that are there, ascending."""
        found = (self.by_name.get(name) for name in names)
        return tuple(sorted(topic.topic_id for topic in found if topic is not None))


NO_TOPICS = Topics()


def group_hash(topics: Topics, names: Iterable[str]) -> int:
    """Return a number that changes when one of these topics comes, goes or changes.

    0 while none of them is there; signed, 64 bits.
    """
    # By name, as Java orders them: by their UTF-16 code units.
    found = sorted(
        ((name, topics.by_name[name]) for name in names if name in topics.by_name),
        key=lambda each: each[0].encode("utf-16-be", "surrogatepass"),
    )
    if not found:
        return 0
    return _signed(xxh3_64(b"".join(_LONG.pack(topic.hash) for _, topic in found)))


def _text(text: str) -> bytes:
    """Return a text as hash4j puts it: UTF-16 in little-endian order, then its length."""
    data = text.encode("utf-16-le", "surrogatepass")
    return data + _INT.pack(len(data) // 2)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value
