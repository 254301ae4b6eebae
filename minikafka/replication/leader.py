"""The leader of one partition.

Holds which followers are how far, and from that the high watermark and what ISR it would like.
Knows nothing of requests, waiting or sending: the broker wakes the waiters and sends what
`isr_wish` says. Counterpart: kafka.cluster.Partition. KIP-497, KIP-903, KAFKA-15583.

Rules of this file
    acks=all writes nothing while the ISR is under min.insync.replicas.
    The high watermark waits for everybody whom the controller may elect: the ISR, and the one
    that was asked for. It stands still while the ISR is under min.insync.replicas.
    The ISR changes by the controller's record alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_OFFSET, BrokerId, LeaderEpoch, Offset
from minikafka.log.partition_log import AppendInfo, PartitionLog
from minikafka.log.producer_state import AppendOrigin
from minikafka.records.batch import Batch
from minikafka.replication.isr import effective_min_isr, is_caught_up, may_join
from minikafka.replication.progress import FollowerProgress

__all__ = ["IsrWish", "PartitionLeader"]


@dataclass(frozen=True, slots=True)
class IsrWish:
    """The ISR a leader asks the controller for; `broker_epochs` as its fetches stated them."""

    isr: tuple[BrokerId, ...]
    broker_epochs: tuple[int, ...]
    leader_epoch: LeaderEpoch
    partition_epoch: int


class PartitionLeader:
    """One leadership of one partition, from one leader epoch to the next.

    Invariant: `isr` holds `broker_id` and is a subset of `replicas`.
    Invariant: log.high_watermark <= log_end_offset of each member of the maximal ISR, except
    where a member lost its tail after the watermark had passed.

    Args:
        eligible: says whether the controller would take a broker with that broker epoch into
            the ISR: it is registered so, and alive (KIP-841, KIP-903).
        tenure: that of the leader before, where it was the same broker: it has followed nobody
            in between, so what was appended then is still there. None begins a new one.
    """

    __slots__ = (
        "_eligible",
        "broker_id",
        "isr",
        "lag_max_ms",
        "leader_epoch",
        "leader_epoch_start_offset",
        "log",
        "partition_epoch",
        "pending_isr",
        "progress",
        "replicas",
        "tenure",
    )

    def __init__(
        self,
        log: PartitionLog,
        broker_id: BrokerId,
        *,
        replicas: tuple[BrokerId, ...],
        isr: tuple[BrokerId, ...],
        leader_epoch: LeaderEpoch,
        partition_epoch: int,
        lag_max_ms: int,
        now_ms: int,
        eligible: Callable[[BrokerId, int], bool] = lambda broker_id, broker_epoch: True,
        tenure: object | None = None,
    ) -> None:
        self._eligible = eligible
        self.tenure = object() if tenure is None else tenure
        self.log = log
        self.broker_id = broker_id
        self.replicas = replicas
        self.isr = isr
        self.leader_epoch = leader_epoch
        self.partition_epoch = partition_epoch
        self.lag_max_ms = lag_max_ms
        self.leader_epoch_start_offset = log.log_end_offset
        self.pending_isr: tuple[BrokerId, ...] | None = None
        # In-sync followers get a full lag time to fetch for the first time.
        self.progress = {
            replica: FollowerProgress(replica, now_ms if replica in isr else -lag_max_ms - 1)
            for replica in replicas
            if replica != broker_id
        }

    @property
    def min_isr(self) -> int:
        """In-sync replicas that acks=all needs here."""
        return effective_min_isr(self.log.config.min_insync_replicas, len(self.replicas))

    @property
    def maximal_isr(self) -> tuple[BrokerId, ...]:
        """The ISR, or the larger set while the controller has not answered yet (KIP-497)."""
        pending = self.pending_isr
        if pending is None:
            return self.isr
        return tuple(r for r in self.replicas if r in self.isr or r in pending)

    def append(
        self,
        batch: Batch,
        acks: int,
        now_timestamp_ms: int,
        origin: AppendOrigin = AppendOrigin.CLIENT,
    ) -> AppendInfo:
        """Write one validated batch at the end of the log.

        Args:
            batch: as `records.validate` let it pass; stamped in place.
            acks: -1, 0 or 1 as the producer asked.
            now_timestamp_ms: wall clock, for LogAppendTime.
            origin: a client's batch, or one of this broker's coordinators.

        Raises:
            KafkaError: NOT_ENOUGH_REPLICAS for acks=-1 under min.insync.replicas, also for a
                batch that was written before; what `append_as_leader` raises. Nothing was
                written then.
        """
        if acks == -1 and self._under_min_isr(self.isr):
            raise KafkaError(
                ErrorCode.NOT_ENOUGH_REPLICAS,
                f"The size of the current ISR {len(self.isr)} is insufficient to satisfy the "
                f"min.isr requirement of {self.min_isr} for partition {self.log.partition}",
            )
        return self.log.append_as_leader(
            batch, self.leader_epoch, now_timestamp_ms=now_timestamp_ms, origin=origin
        )

    def on_follower_fetch(
        self,
        follower: BrokerId,
        fetch_offset: Offset,
        log_start_offset: Offset,
        broker_epoch: int,
        now_ms: int,
    ) -> bool:
        """Note how far a follower has come; say whether the high watermark moved.

        A fetch at offset n says: the follower's log holds everything below n. One of a former
        registration says nothing: its process is gone, and what it sent may come after what its
        successor sent on another connection (KIP-903, Replica.updateFetchStateOrThrow).

        Raises:
            KafkaError: NOT_LEADER_OR_FOLLOWER when `follower` is not a replica: its metadata
                is older or newer than ours, and it will ask again.
        """
        progress = self.progress.get(follower)
        if progress is None:
            raise KafkaError(
                ErrorCode.NOT_LEADER_OR_FOLLOWER,
                f"Replica {follower} is not a replica of {self.log.partition}",
            )
        if -1 < broker_epoch < progress.broker_epoch:
            return False
        moved = progress.on_fetch(
            fetch_offset, log_start_offset, self.log.log_end_offset, broker_epoch, now_ms
        )
        return moved and self.maybe_advance_high_watermark(now_ms)

    def maybe_advance_high_watermark(self, now_ms: int) -> bool:
        """Move the high watermark to what the maximal ISR holds; say whether it moved.

        It stands still while the ISR is under min.insync.replicas (KAFKA-15583), and waits for
        a follower that is about to join the ISR, so that it can catch the moving end.
        """
        log = self.log
        if log.high_watermark >= log.log_end_offset:
            return False
        if self._under_min_isr(self.isr):
            return False
        lowest = log.log_end_offset
        isr = self.isr
        for replica, progress in self.progress.items():
            end = progress.log_end_offset
            if end < lowest and (
                replica in isr or self._is_waited_for(replica, progress, now_ms)
            ):
                lowest = end
        return lowest > log.high_watermark and log.advance_high_watermark(lowest)

    def _is_waited_for(
        self, replica: BrokerId, progress: FollowerProgress, now_ms: int
    ) -> bool:
        """Say whether the watermark may not pass a follower: one of the maximal ISR, or nearly."""
        pending = self.pending_isr
        if replica in self.isr or (pending is not None and replica in pending):
            return True
        return (
            progress.log_end_offset != NO_OFFSET
            and self._is_caught_up(progress, now_ms)
            and self._eligible(replica, progress.broker_epoch)
        )

    def acks_error(self) -> ErrorCode:
        """Return what a produce that reached the watermark is answered (R12)."""
        if self._under_min_isr(self.maximal_isr):
            return ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND
        return ErrorCode.NONE

    def low_watermark(self) -> Offset:
        """Return the least log start offset over the replicas; `NO_OFFSET` while unknown."""
        lowest = self.log.log_start_offset
        for progress in self.progress.values():
            lowest = min(lowest, progress.log_start_offset)
        return lowest

    def isr_wish(self, now_ms: int) -> IsrWish | None:
        """Return the ISR to ask the controller for, or None where today's is right.

        One change is in flight at a time; `pending_isr` is set by the caller once it is sent.
        Shrinking drops who was not caught up for replica.lag.time.max.ms; expanding takes who
        has reached the watermark and the start of this epoch (KAFKA-7128, KIP-903), and if it
        lagged has fetched since it was dropped: under min.insync.replicas the watermark stands
        still, and one that is gone would be at it for ever.
        """
        if self.pending_isr is not None:
            return None
        wanted = [self.broker_id]
        epochs = {self.broker_id: -1}
        for replica, progress in self.progress.items():
            if replica in self.isr:
                keep = self._is_caught_up(progress, now_ms)
                if progress.log_end_offset >= self.log.log_end_offset:
                    # One that idles with us says nothing; its lag begins with the next record.
                    progress.last_caught_up_ms = now_ms
            else:
                keep = (
                    (progress.heard or self._is_caught_up(progress, now_ms))
                    and may_join(
                        progress.log_end_offset,
                        self.log.high_watermark,
                        self.leader_epoch_start_offset,
                    )
                    and self._eligible(replica, progress.broker_epoch)
                )
            if keep:
                wanted.append(replica)
                epochs[replica] = progress.broker_epoch
        isr = tuple(replica for replica in self.replicas if replica in epochs)
        if sorted(isr) == sorted(self.isr):
            return None
        return IsrWish(
            isr=isr,
            broker_epochs=tuple(epochs[replica] for replica in isr),
            leader_epoch=self.leader_epoch,
            partition_epoch=self.partition_epoch,
        )

    def on_partition_changed(
        self,
        isr: tuple[BrokerId, ...],
        partition_epoch: int,
        now_ms: int,
        replicas: tuple[BrokerId, ...] | None = None,
    ) -> bool:
        """Take over what the controller decided; say whether the high watermark moved.

        Args:
            replicas: None keeps them. Who is new begins as one of whom nothing is known, also
                if it was a replica before.
        """
        if partition_epoch < self.partition_epoch:
            return False
        if replicas is not None and replicas != self.replicas:
            self._take_replicas(replicas)
        for replica, progress in self.progress.items():
            if replica in self.isr and replica not in isr:
                progress.heard = False
        self.isr = isr
        self.partition_epoch = partition_epoch
        self.pending_isr = None
        return self.maybe_advance_high_watermark(now_ms)

    def _take_replicas(self, replicas: tuple[BrokerId, ...]) -> None:
        self.replicas = replicas
        old = self.progress
        self.progress = {
            replica: old.get(replica) or FollowerProgress(replica, -self.lag_max_ms - 1)
            for replica in replicas
            if replica != self.broker_id
        }

    def _under_min_isr(self, isr: tuple[BrokerId, ...]) -> bool:
        return len(isr) < self.log.config.min_insync_replicas and len(isr) < self.min_isr

    def _is_caught_up(self, progress: FollowerProgress, now_ms: int) -> bool:
        return is_caught_up(
            progress.log_end_offset,
            self.log.log_end_offset,
            progress.last_caught_up_ms,
            now_ms,
            self.lag_max_ms,
        )

    def check_invariants(self) -> None:
        """Assert what stands at the head of this class."""
        assert self.broker_id in self.isr, (self.broker_id, self.isr)
        assert all(replica in self.replicas for replica in self.isr), (self.isr, self.replicas)
        self.log.check_invariants()
