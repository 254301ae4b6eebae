"""Batches, configs and logs for tests, with everything defaulted that a test does not speak of."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from minikafka.base.config import BrokerConfig, LogConfig
from minikafka.base.ids import NO_LEADER_EPOCH, ZERO_ID, LeaderEpoch, Offset, TopicPartition
from minikafka.log.partition_log import PartitionLog
from minikafka.log.storage import MemoryStorage, Storage
from minikafka.quorum.epochs import Timing
from minikafka.quorum.machine import QuorumMachine
from minikafka.quorum.snapshots import SnapshotStore
from minikafka.quorum.state_store import QuorumStateStore
from minikafka.quorum.voters import VoterSet, static_voters
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
    "producer_batch",
    "quorum_machine",
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


def producer_batch(
    sequence: int,
    count: int = 1,
    *,
    offset: Offset = 0,
    producer_id: int = 1,
    epoch: int = 0,
    timestamp_ms: int = 1_000,
    transactional: bool = False,
) -> Batch:
    """Return a batch of an idempotent producer, as it lies in a log at `offset`."""
    return build_batch(
        [record(timestamp_ms=timestamp_ms) for _ in range(count)],
        base_offset=offset,
        producer_id=producer_id,
        producer_epoch=epoch,
        base_sequence=sequence,
        transactional=transactional,
    )


def log_config(**changes: Any) -> LogConfig:
    """Return Kafka's default topic config with `changes`, by attribute name."""
    return replace(LogConfig.resolve(BrokerConfig.parse(1)), **changes)


def open_log(storage: Storage | None = None, **changes: Any) -> PartitionLog:
    """Return the log of `PARTITION` over `storage`, a new one by default."""
    kept = MemoryStorage() if storage is None else storage
    return PartitionLog(PARTITION, TOPIC_ID, log_config(**changes), kept, name=str(PARTITION))


def quorum_machine(
    node_id: int = 1,
    voters: Sequence[int] | VoterSet = (1,),
    storage: MemoryStorage | None = None,
    *,
    log: PartitionLog | None = None,
    timing: Timing | None = None,
    draw: Callable[[int], int] = lambda limit: 0,
    directory_id: uuid.UUID = ZERO_ID,
) -> QuorumMachine:
    """Return a node of a quorum over `storage`, by default of fixed voters and a new disk."""
    kept = MemoryStorage() if storage is None else storage
    return QuorumMachine(
        node_id,
        directory_id,
        voters if isinstance(voters, VoterSet) else static_voters(voters),
        open_log(kept) if log is None else log,
        SnapshotStore(kept, str(PARTITION)),
        QuorumStateStore(kept, str(PARTITION)),
        timing=Timing() if timing is None else timing,
        draw=draw,
    )


def append(
    log: PartitionLog, count: int = 1, epoch: LeaderEpoch = 0, timestamp_ms: int = 1_000
) -> Offset:
    """Append one batch of `count` records as leader; return the log end offset."""
    assert epoch != NO_LEADER_EPOCH
    batch = batch_of(*[timestamp_ms] * count)
    log.append_as_leader(batch, epoch, now_timestamp_ms=NOW_TIMESTAMP_MS)
    return log.log_end_offset
