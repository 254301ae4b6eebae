"""Produce requests and responses as values, the same for all versions.

Times are milliseconds, codes are plain numbers and records are spans of the frame they came
in: nothing is copied. The bytes are `produce_codec`'s. Counterpart: ProduceRequestData,
ProduceResponseData. KIP-98, KIP-467, KIP-951, KIP-890, KIP-516.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from minikafka.wire.endpoints import NodeEndpoint

__all__ = [
    "NodeEndpoint",
    "ProducePartition",
    "ProducePartitionResult",
    "ProduceRequest",
    "ProduceResponse",
    "ProduceTopic",
    "ProduceTopicResult",
]


@dataclass(slots=True)
class ProducePartition:
    """What one partition is to append.

    `records` is a span of the request's frame, writable if the frame is; None is null.
    """

    index: int
    records: memoryview | None


@dataclass(slots=True)
class ProduceTopic:
    """One topic: by name up to version 12, by id from 13 on; the other one is None."""

    name: str | None
    topic_id: UUID | None
    partitions: list[ProducePartition]


@dataclass(slots=True)
class ProduceRequest:
    """A request; `acks` is -1, 0 or 1 from a well-behaved client."""

    transactional_id: str | None
    acks: int
    timeout_ms: int
    topics: list[ProduceTopic]


@dataclass(slots=True)
class ProducePartitionResult:
    """How one partition fared."""

    index: int
    error_code: int = 0
    base_offset: int = -1
    # Wall clock of the append; -1 unless the topic stamps by append time.
    log_append_time_ms: int = -1
    log_start_offset: int = -1
    # (index of the record in its batch, message), version 8 on.
    record_errors: Sequence[tuple[int, str | None]] = ()
    error_message: str | None = None
    # (leader id, leader epoch), version 10 on.
    current_leader: tuple[int, int] | None = None


@dataclass(slots=True)
class ProduceTopicResult:
    """The results of one topic, named as in the request."""

    name: str | None
    topic_id: UUID | None
    partitions: list[ProducePartitionResult]


@dataclass(slots=True)
class ProduceResponse:
    """A response; `node_endpoints` tells where the leaders named in it are (version 10 on)."""

    topics: list[ProduceTopicResult] = field(default_factory=list)
    throttle_time_ms: int = 0
    node_endpoints: Sequence[NodeEndpoint] = ()
