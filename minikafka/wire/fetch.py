"""Fetch requests and responses as values, the same for all versions.

Times are milliseconds, codes are plain numbers; a response holds stored batches, whose bytes
go out as they are. The bytes are `fetch_codec`'s and `fetch_response_codec`'s. Counterpart:
FetchRequestData, FetchResponseData. KIP-74, KIP-98, KIP-227, KIP-320, KIP-392, KIP-516,
KIP-595, KIP-903, KIP-951.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from minikafka.base.ids import ZERO_ID
from minikafka.wire.endpoints import NodeEndpoint

__all__ = [
    "HIGH_WATERMARK_UNSUPPORTED",
    "FetchPartition",
    "FetchPartitionResponse",
    "FetchRequest",
    "FetchResponse",
    "FetchTopic",
    "FetchTopicResponse",
    "ForgottenTopic",
    "HasView",
    "NodeEndpoint",
]

# What `FetchPartition.high_watermark` says when the asker does not tell its own (KIP-1166).
HIGH_WATERMARK_UNSUPPORTED = 2**63 - 1


class HasView(Protocol):
    """Anything that can hand over its bytes: a stored record batch."""

    @property
    def view(self) -> memoryview:
        """The bytes to send."""
        ...


@dataclass(slots=True)
class FetchPartition:
    """What is wanted of one partition. `fetch_offset` is inclusive."""

    index: int
    current_leader_epoch: int = -1
    fetch_offset: int = 0
    # Epoch of the asker's last record, version 12 on (KIP-595).
    last_fetched_epoch: int = -1
    # Of a follower; -1 from a consumer. Version 5 on.
    log_start_offset: int = -1
    max_bytes: int = 0
    # Version 17 on (KIP-853).
    replica_directory_id: UUID = ZERO_ID
    # The follower's own, version 18 on (KIP-1166).
    high_watermark: int = HIGH_WATERMARK_UNSUPPORTED


@dataclass(slots=True)
class FetchTopic:
    """One topic: by name up to version 12, by id from 13 on; the other one is None."""

    name: str | None
    topic_id: UUID | None
    partitions: list[FetchPartition]


@dataclass(slots=True)
class ForgottenTopic:
    """Partitions to drop from a fetch session (KIP-227), named like `FetchTopic`."""

    name: str | None
    topic_id: UUID | None
    partitions: list[int]


@dataclass(slots=True)
class FetchRequest:
    """A request; `replica_id` is -1 from a consumer, a broker id from a follower."""

    replica_id: int = -1
    replica_epoch: int = -1
    max_wait_ms: int = 0
    min_bytes: int = 0
    max_bytes: int = 2**31 - 1
    # 0 reads uncommitted, 1 reads committed.
    isolation_level: int = 0
    session_id: int = 0
    session_epoch: int = -1
    topics: list[FetchTopic] = field(default_factory=list)
    forgotten: list[ForgottenTopic] = field(default_factory=list)
    rack_id: str = ""
    cluster_id: str | None = None


@dataclass(slots=True)
class FetchPartitionResponse:
    """What one partition yields. All end offsets are exclusive."""

    index: int
    error_code: int = 0
    high_watermark: int = -1
    last_stable_offset: int = -1
    log_start_offset: int = -1
    # (producer id, first offset), sorted by first offset; None is null.
    aborted_transactions: list[tuple[int, int]] | None = None
    preferred_read_replica: int = -1
    # Invariant: size == sum of the sizes of the views in `batches`.
    batches: Sequence[HasView] = ()
    size: int = 0
    # The bytes as received; also sent when there are no batches. None is sent as empty.
    records: memoryview | None = None
    # (epoch, end offset), version 12 on (KIP-595).
    diverging_epoch: tuple[int, int] | None = None
    # (leader id, leader epoch), version 12 on.
    current_leader: tuple[int, int] | None = None
    # (end offset, epoch), version 12 on (KIP-630).
    snapshot_id: tuple[int, int] | None = None


@dataclass(slots=True)
class FetchTopicResponse:
    """The partitions of one topic, named as in the request."""

    name: str | None
    topic_id: UUID | None
    partitions: list[FetchPartitionResponse]


@dataclass(slots=True)
class FetchResponse:
    """A response; `node_endpoints` tells where the leaders named in it are (version 16 on)."""

    throttle_time_ms: int = 0
    error_code: int = 0
    session_id: int = 0
    topics: list[FetchTopicResponse] = field(default_factory=list)
    node_endpoints: Sequence[NodeEndpoint] = ()
