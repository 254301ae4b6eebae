"""Batches, configs and logs for tests, with everything defaulted that a test does not speak of."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from minikafka.base.config import BrokerConfig, LogConfig
from minikafka.base.ids import NO_LEADER_EPOCH, LeaderEpoch, Offset, TopicPartition
from minikafka.log.partition_log import PartitionLog
from minikafka.log.storage import MemoryStorage, Storage
from minikafka.records.batch import Batch
from minikafka.records.builder import build_batch
from minikafka.records.compressors import Codec
from minikafka.records.records import Record

__all__ = [
    "PARTITION",
    "TOPIC_ID",
    "append",
    "batch_of",
    "follower_batch",
    "log_config",
    "open_log",
    "record",
]

PARTITION = TopicPartition("orders", 0)
TOPIC_ID = uuid.UUID(int=7)
NOW_TIMESTAMP_MS = 1_700_000_000_000


def record(
    value: bytes | None = b"v",
    key: bytes | None = None,
    timestamp_ms: int = 1_000,
    headers: Sequence[tuple[str, bytes | None]] = (),
) -> Record:
    """Return a record without an offset, as `build_batch` takes it."""
    return Record(-1, timestamp_ms, key, value, headers)


def batch_of(
    *timestamps_ms: int, codec: Codec = Codec.NONE, value: bytes = b"v", **fields: Any
) -> Batch:
    """Return a batch of one record per timestamp, one at 1000 ms if none is given."""
    records = [record(value, timestamp_ms=time) for time in timestamps_ms or (1_000,)]
    return build_batch(records, codec=codec, **fields)


def follower_batch(
    base_offset: Offset, count: int = 1, epoch: LeaderEpoch = 0, timestamp_ms: int = 1_000
) -> Batch:
    """Return a batch as a follower gets it, with its offsets and epoch."""
    records = [record(timestamp_ms=timestamp_ms) for _ in range(count)]
    return build_batch(records, base_offset=base_offset, leader_epoch=epoch)


def log_config(**changes: Any) -> LogConfig:
    """Return Kafka's default topic config with `changes`, by attribute name."""
    return replace(LogConfig.resolve(BrokerConfig.parse(1)), **changes)


def open_log(storage: Storage | None = None, **changes: Any) -> PartitionLog:
    """Return the log of `PARTITION` over `storage`, a new one by default."""
    kept = MemoryStorage() if storage is None else storage
    return PartitionLog(PARTITION, TOPIC_ID, log_config(**changes), kept, name=str(PARTITION))


def append(
    log: PartitionLog, count: int = 1, epoch: LeaderEpoch = 0, timestamp_ms: int = 1_000
) -> Offset:
    """Append one batch of `count` records as leader; return the log end offset."""
    assert epoch != NO_LEADER_EPOCH
    batch = batch_of(*[timestamp_ms] * count)
    log.append_as_leader(batch, epoch, now_timestamp_ms=NOW_TIMESTAMP_MS)
    return log.log_end_offset
