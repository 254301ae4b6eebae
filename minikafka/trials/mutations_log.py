"""Planted bugs of logs and disks: recovery, epochs, retention, what is durable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minikafka.trials.mutation import RESTLESS, Mutation, Patch

__all__ = ["MUTATIONS"]


def _ignores_topic_id() -> list[Patch]:
    from minikafka.broker import replica_manager

    def claim_directory(storage: Any, name: str, topic_id: Any) -> None:
        """Take the directory as it is."""

    return [(replica_manager, "claim_directory", claim_directory)]


def _commits_by_restarting() -> list[Patch]:
    from minikafka.log.partition_log import PartitionLog

    real = PartitionLog._open

    def open_log(self: Any) -> None:
        real(self)
        self.high_watermark = self.log_end_offset

    return [(PartitionLog, "_open", open_log)]


def _keeps_dangling_epochs() -> list[Patch]:
    from minikafka.log.partition_log import PartitionLog

    real = PartitionLog.truncate_to

    def truncate_to(self: Any, offset: int) -> None:
        if offset < self.log_end_offset:
            real(self, offset)
        elif self._observer is not None:
            self._observer.truncated(self, self.log_end_offset)

    return [(PartitionLog, "truncate_to", truncate_to)]


def _deletes_beyond_watermark() -> list[Patch]:
    from minikafka.log import partition_log, retention

    real_retained = retention.retained_from

    log_class = partition_log.PartitionLog

    def retained_from(segments: Any, config: Any, high_watermark: int, now_ms: int) -> int:
        return real_retained(segments, config, segments[-1].next_offset, now_ms)

    def advance_log_start(self: Any, offset: int) -> None:
        if offset > self.log_start_offset:
            self.log_start_offset = offset
            self.epochs.truncate_from_start(offset)
            self._drop_below_start()

    return [
        (retention, "retained_from", retained_from),
        (log_class, "advance_log_start", advance_log_start),
    ]


def _trusts_the_disk() -> list[Patch]:
    from minikafka.broker import received
    from minikafka.log import recovery

    def check_crc(batch: Any) -> None:
        """Believe it."""

    return [(recovery, "check_crc", check_crc), (received, "check_crc", check_crc)]


def _keeps_a_torn_tail() -> list[Patch]:
    from minikafka.log import recovery
    from minikafka.records.batch import HEADER_BYTES, PREFIX_BYTES, Batch

    real = recovery._stored_batches

    def stored_batches(storage: Any, name: str) -> Iterator[Any]:
        position = 0
        for batch in real(storage, name):
            position += batch.size
            yield batch
        rest = b"".join(storage.read(name, position, storage.size(name)))
        if len(rest) < HEADER_BYTES:
            return
        size = PREFIX_BYTES + int.from_bytes(rest[8:12], signed=True)
        if size > len(rest):
            yield Batch(memoryview(bytearray(rest + bytes(size - len(rest)))))

    return [(recovery, "_stored_batches", stored_batches)]


def _goes_on_after_an_error() -> list[Patch]:
    from minikafka.log.fail_stop import FailStopStorage

    def append(self: Any, name: str, data: Any) -> int:
        try:
            position: int = self._storage.append(name, data)
        except OSError:
            return int(self._storage.size(name))
        return position

    return [(FailStopStorage, "append", append)]


def _forgets_fsync() -> list[Patch]:
    from minikafka.sim.disk import SimDisk

    def fsync(self: Any, name: str) -> None:
        """Say that it is durable, and do nothing."""

    return [(SimDisk, "fsync", fsync)]


MUTATIONS: dict[str, Mutation] = {
    "M29": Mutation(
        "files are taken over whatever topic id they were written under",
        ("C11", "R1"),
        _ignores_topic_id,
        ("remade_topic",),
        ancestor="KIP-516",
    ),
    "M30": Mutation(
        "after a start all that is on the disk counts as committed",
        ("R7", "R19"),
        _commits_by_restarting,
        ("kill",),
        ancestor="what a high watermark is",
        tier=1,
        acks=1,
    ),
    "M31": Mutation(
        "an epoch without a record outlives a truncation to the end of the log",
        ("R15", "L4", "L9"),
        _keeps_dangling_epochs,
        ("flap", "kill"),
        ancestor="KAFKA-10706",
        config=RESTLESS,
    ),
    "M38": Mutation(
        "retention deletes what is not committed",
        ("R7",),
        _deletes_beyond_watermark,
        ("brief_topic",),
        ancestor="KAFKA-5634",
        config={
            "log.retention.check.interval.ms": 300,
            "min.insync.replicas": 1,
            "broker.session.timeout.ms": 18_000,
        },
    ),
    "M39": Mutation(
        "checksums are not looked at by recovery and followers",
        ("S2", "R21", "R1"),
        _trusts_the_disk,
        ("bit_rot",),
        ancestor="KAFKA-14104",
    ),
    "M40": Mutation(
        "recovery keeps the torn batch at the end of a file",
        ("S2", "R14", "R21"),
        _keeps_a_torn_tail,
        ("power_loss",),
        ancestor="KAFKA-10471",
        acks=1,
    ),
    "M41": Mutation(
        "a broker goes on after a write that failed",
        ("S3", "R11", "R21"),
        _goes_on_after_an_error,
        ("disk_error", "kill"),
        ancestor="KAFKA-10778",
    ),
    "lost-fsync": Mutation(
        "fsync returns without making anything durable",
        # A controller that has forgotten is seen by R3; a cluster that stands still, by L5.
        ("R3", "R2", "R1", "L2", "L3", "L4", "L5"),
        _forgets_fsync,
        ("power_loss",),
    ),
}
"""By id."""
