"""When a broker writes a snapshot of its metadata, and lets go of what that stands for.

Every broker does it for itself, voter or not. Counterparts: SnapshotGenerator, SnapshotEmitter,
KafkaMetadataLog.maybeClean. KIP-630, KIP-876.
"""

from __future__ import annotations

from collections.abc import Callable

from minikafka.base.clock import Clock
from minikafka.base.config import BrokerConfig
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.records import encode_record
from minikafka.metadata.snapshot import image_records
from minikafka.quorum.control import kraft_version_record, voters_record
from minikafka.quorum.machine import QuorumMachine
from minikafka.quorum.snapshots import SnapshotId, snapshot_bytes
from minikafka.records.records import Record

__all__ = ["SnapshotKeeper"]


class SnapshotKeeper:
    """Looks at each applied change.

    Args:
        on_written: told of each new snapshot, and of the image it was made of.
    """

    def __init__(
        self,
        machine: QuorumMachine,
        config: BrokerConfig,
        clock: Clock,
        on_written: Callable[[SnapshotId, MetadataImage], None],
    ) -> None:
        self._machine = machine
        self._clock = clock
        self._on_written = on_written
        self._max_bytes = config.metadata_log_max_record_bytes_between_snapshots
        self._max_interval_ms = config.metadata_log_max_snapshot_interval_ms
        self._retention_bytes = config.metadata_max_retention_bytes
        self._retention_ms = config.metadata_max_retention_ms
        self._bytes = 0
        self._since_ms = clock.monotonic_ms()

    def note(self, image: MetadataImage, size: int, timestamp_ms: int) -> None:
        """Write a snapshot of applied metadata, if it is time for one, and clean up.

        Args:
            size: of the records that `image` has more than the one before, bytes.
            timestamp_ms: of the last of them, wall clock.
        """
        self._bytes += size
        waited_ms = self._clock.monotonic_ms() - self._since_ms
        if self._bytes >= self._max_bytes or 0 < self._max_interval_ms <= waited_ms:
            self._write(image, timestamp_ms)
            self._machine.clean(
                self._retention_bytes, self._retention_ms, self._clock.wall_ms()
            )

    def begin_anew(self) -> None:
        """Count from here on: a snapshot has just been taken over."""
        self._bytes = 0
        self._since_ms = self._clock.monotonic_ms()

    def _write(self, image: MetadataImage, timestamp_ms: int) -> None:
        self.begin_anew()
        machine = self._machine
        snapshot = SnapshotId(image.offset, image.epoch)
        voters = machine.history.below(image.offset)
        control: list[Record] = []
        if not voters.is_static:
            control.append(kraft_version_record(1, timestamp_ms))
            control.append(voters_record(voters, timestamp_ms))
        payloads = [encode_record(record) for record in image_records(image)]
        data = snapshot_bytes(payloads, snapshot, timestamp_ms, control)
        machine.snapshots.write(snapshot, data)
        # What lies below it can only be deleted by the segment.
        machine.log.roll()
        self._on_written(snapshot, image)
