"""Names for the numbers of the protocol.

Aliases rather than NewTypes: offsets and epochs are computed with on the hot path, where a
constructor call per addition costs more than the check is worth (docs/design/0001).
"""

from __future__ import annotations

import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from typing import NamedTuple, TypeAlias

__all__ = [
    "CLUSTER_METADATA_TOPIC",
    "CLUSTER_METADATA_TOPIC_ID",
    "METADATA_PARTITION",
    "NO_LEADER",
    "NO_LEADER_EPOCH",
    "NO_OFFSET",
    "NO_TIMESTAMP",
    "ZERO_ID",
    "BrokerId",
    "LeaderEpoch",
    "Offset",
    "ProducerId",
    "TopicId",
    "TopicPartition",
    "parse_short_id",
    "short_id",
    "uuid_of",
]

BrokerId: TypeAlias = int
Offset: TypeAlias = int
LeaderEpoch: TypeAlias = int
ProducerId: TypeAlias = int
TopicId: TypeAlias = uuid.UUID


class TopicPartition(NamedTuple):
    """One partition of one topic, by name."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


ZERO_ID = uuid.UUID(int=0)
NO_LEADER: BrokerId = -1
NO_LEADER_EPOCH: LeaderEpoch = -1
NO_OFFSET: Offset = -1
NO_TIMESTAMP = -1

CLUSTER_METADATA_TOPIC = "__cluster_metadata"
# Kafka's fixed id of the metadata topic (KIP-595, Uuid.METADATA_TOPIC_ID).
CLUSTER_METADATA_TOPIC_ID = uuid.UUID(int=1)
METADATA_PARTITION = TopicPartition(CLUSTER_METADATA_TOPIC, 0)


@lru_cache(maxsize=4096)
def uuid_of(raw: bytes) -> uuid.UUID:
    """Return the id that these 16 bytes are; raises ValueError for another number of them.

    The same few ids come in with requests and records. Kept ones cost a tenth, and finding the
    same object again saves the comparison where it is looked up.
    """
    return uuid.UUID(bytes=raw)


def short_id(value: uuid.UUID) -> str:
    """Return an id in Kafka's form: a UUID in 22 characters of base64."""
    return urlsafe_b64encode(value.bytes).rstrip(b"=").decode("ascii")


def parse_short_id(text: str) -> uuid.UUID:
    """Return the UUID that `short_id` has written; raises ValueError for anything else."""
    return uuid_of(urlsafe_b64decode(text + "=="))
