"""The metadata that this broker has applied: the committed part of its log, as an image.

Counterparts: MetadataLoader, with SnapshotGenerator at its side. KIP-500, KIP-630.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from minikafka.base.ids import NO_TIMESTAMP
from minikafka.broker.snapshot_keeper import SnapshotKeeper
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.records import decode_record
from minikafka.metadata.snapshot import difference
from minikafka.metadata.states import MetadataDelta
from minikafka.quorum.batches import committed_batches
from minikafka.quorum.machine import QuorumMachine
from minikafka.quorum.snapshots import SnapshotId, snapshot_payloads

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["AppliedMetadata"]


class AppliedMetadata:
    """Applies what is committed, and publishes it.

    Args:
        publish: called with each newly applied image and what it changed.

    Attributes:
        image: everything applied.
    """

    def __init__(
        self,
        broker: Broker,
        machine: QuorumMachine,
        publish: Callable[[MetadataImage, MetadataDelta], None],
    ) -> None:
        self.image = MetadataImage.empty(broker.config)
        self._broker = broker
        self._machine = machine
        self._log = machine.log
        self._publish = publish
        self._snapshots = SnapshotKeeper(
            machine, broker.config, broker.clock, self._on_snapshot_written
        )

    def start(self) -> None:
        """Begin with what the latest snapshot on the disk says."""
        latest = self._machine.snapshots.latest
        if latest is not None:
            self.load(latest)

    def apply_committed(self) -> None:
        """Apply what lies below the high watermark and publish it."""
        start, end = self.image.offset, self._log.high_watermark
        if end <= start:
            return
        records, size, epoch, timestamp_ms = [], 0, self.image.epoch, NO_TIMESTAMP
        for batch in committed_batches(self._log, start, end):
            records += [decode_record(payload) for payload in batch.payloads]
            size += sum(map(len, batch.payloads))
            epoch, timestamp_ms = batch.epoch, batch.timestamp_ms
        image, delta = self.image.apply(records, end, epoch)
        self._take(image, delta)
        self._snapshots.note(image, size, timestamp_ms)

    def load(self, snapshot: SnapshotId) -> None:
        """Go on from what a snapshot says, whatever was applied before."""
        payloads = snapshot_payloads(self._machine.snapshots.batches(snapshot))
        image, _ = MetadataImage.empty(self._broker.config).apply(
            [decode_record(payload) for payload in payloads], *snapshot
        )
        self._snapshots.begin_anew()
        self._take(image, difference(self.image, image))

    def _take(self, image: MetadataImage, delta: MetadataDelta) -> None:
        self.image = image
        observer = self._broker.observer
        if observer is not None:
            observer.applied(self._broker, image, delta)
        self._publish(image, delta)

    def _on_snapshot_written(self, snapshot: SnapshotId, image: MetadataImage) -> None:
        observer = self._broker.observer
        if observer is not None:
            observer.snapshotted(self._broker, snapshot, image)
