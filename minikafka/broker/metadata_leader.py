"""The metadata log's leader in the clothes of a partition leader, so that Fetch serves it.

The quorum machine decides what is committed; ISR and min.insync.replicas mean nothing here.
"""

from __future__ import annotations

from collections.abc import Callable

from minikafka.base.clock import Clock
from minikafka.base.ids import BrokerId, Offset
from minikafka.broker.purgatory import Condition
from minikafka.log.partition_log import PartitionLog
from minikafka.quorum.leading import ReplicaKey
from minikafka.quorum.machine import QuorumMachine
from minikafka.quorum.snapshots import SnapshotId
from minikafka.replication.leader import IsrWish, PartitionLeader
from minikafka.wire.fetch import FetchPartitionResponse

__all__ = ["MetadataLeader"]


class MetadataLeader(PartitionLeader):
    """Answers for the quorum's leader; its progress is the machine's.

    Args:
        on_progress: called when a fetch has let the machine commit more.
        heard: woken by every fetch.
    """

    __slots__ = ("_clock", "_heard", "_machine", "_on_progress")

    def __init__(
        self,
        log: PartitionLog,
        broker_id: BrokerId,
        machine: QuorumMachine,
        clock: Clock,
        on_progress: Callable[[], None],
        heard: Condition | None = None,
    ) -> None:
        super().__init__(
            log,
            broker_id,
            replicas=(broker_id,),
            isr=(broker_id,),
            leader_epoch=machine.epoch,
            partition_epoch=0,
            lag_max_ms=0,
            now_ms=clock.monotonic_ms(),
        )
        self._machine = machine
        self._clock = clock
        self._on_progress = on_progress
        self._heard = Condition(self) if heard is None else heard

    def on_fetch(
        self, replica: ReplicaKey, fetch_offset: Offset, last_fetched_epoch: int
    ) -> bool:
        """Note how far a voter or observer has come; say whether more is committed."""
        before, clock = self.log.high_watermark, self._clock
        self._machine.on_fetch(
            replica,
            fetch_offset,
            last_fetched_epoch,
            now_ms=clock.monotonic_ms(),
            now_timestamp_ms=clock.wall_ms(),
        )
        self._heard.wake()
        if self.log.high_watermark == before:
            return False
        self._on_progress()
        return True

    def tell_parting(
        self, fetch_offset: Offset, last_fetched_epoch: int, response: FetchPartitionResponse
    ) -> None:
        """Say in a response where the asker's log parts from ours, if it does."""
        told = self._machine.parting(fetch_offset, last_fetched_epoch)
        if isinstance(told, SnapshotId):
            response.snapshot_id = told
        else:
            response.diverging_epoch = told

    def maybe_advance_high_watermark(self, now_ms: int) -> bool:
        """Leave it to the machine: what counts there is what is durable."""
        return False

    def isr_wish(self, now_ms: int) -> IsrWish | None:
        """Wish for nothing."""
        return None
