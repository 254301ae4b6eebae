"""One fetch of a member under way: look what it may have, wait for more, give it once.

It reads as every fetch does, from where its share-partitions say, and what it is given it holds.
Counterpart: kafka.server.share.DelayedShareFetch, ShareFetchUtils. KIP-932.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicId
from minikafka.broker.fetch_targets import FetchTarget, read_target
from minikafka.broker.live_share import LiveShare
from minikafka.broker.purgatory import Condition, Delayed
from minikafka.broker.replica_manager import ReplicaManager
from minikafka.records.batch import Batch
from minikafka.shares.share_partition import AcquiredRecords, SharePartition
from minikafka.wire.fetch import FetchPartition, FetchPartitionResponse

__all__ = ["Gathered", "ShareFetch", "ShareFetchLimits", "ShareTarget"]


@dataclass(frozen=True, slots=True)
class ShareFetchLimits:
    """What a member asks for, at least and at most."""

    min_bytes: int
    max_bytes: int
    max_records: int
    batch_size: int


class ShareTarget:
    """One partition that a member reads; `error` where it cannot."""

    def __init__(
        self,
        topic_id: TopicId,
        index: int,
        topic: str | None = None,
        live: LiveShare | None = None,
        error: KafkaError | None = None,
    ) -> None:
        self.topic_id = topic_id
        self.index = index
        self.topic = topic
        self.live = live
        self.error = error

    @property
    def place(self) -> tuple[TopicId, int]:
        """Which partition it is."""
        return self.topic_id, self.index

    def refusal(self) -> KafkaError | None:
        """Return why nothing comes of it; None where something may."""
        live = self.live
        if self.error is not None or live is None:
            return self.error
        if live.dropped:
            return live.error or KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        return None

    def acquirable(self) -> SharePartition | None:
        """Return the share-partition if a member may get something from it now."""
        live = self.live
        share = None if live is None or live.dropped else live.share
        if share is None:
            return None
        assert live is not None
        share.on_log_start(live.partition.log.log_start_offset)
        return share if share.can_acquire else None


@dataclass(slots=True)
class Gathered:
    """What a member gets of one partition."""

    target: ShareTarget
    error: KafkaError | None = None
    acquired: Sequence[AcquiredRecords] = ()
    batches: Sequence[Batch] = field(default_factory=tuple)


class ShareFetch(Delayed):
    """One ShareFetch from its first look to its answer."""

    __slots__ = ("_limits", "_member_id", "_replicas", "_targets", "answer")

    def __init__(
        self,
        member_id: str,
        targets: Sequence[ShareTarget],
        limits: ShareFetchLimits,
        replicas: ReplicaManager,
    ) -> None:
        super().__init__()
        self._member_id = member_id
        self._targets = targets
        self._limits = limits
        self._replicas = replicas
        self.answer: Deferred[list[Gathered]] = Deferred()

    def waits_for(self) -> Iterable[Condition]:
        """Return what may bring records: the log, and others who give theirs back."""
        for target in self._targets:
            if target.live is not None:
                yield target.live.changed
                yield target.live.partition.high_watermark_moved

    def try_complete(self) -> bool:
        """Answer if enough is there, or nothing can come."""
        if not any(target.refusal() is not None for target in self._targets):
            size = 0
            for target in self._targets:
                size += self._size(target)
            if size < max(1, self._limits.min_bytes):
                return False
        self._give()
        return True

    def expire(self) -> None:
        """Answer with what there is."""
        self._give()

    def _size(self, target: ShareTarget) -> int:
        share = target.acquirable()
        return 0 if share is None else self._read(target, share).size

    def _read(self, target: ShareTarget, share: SharePartition) -> FetchPartitionResponse:
        assert target.live is not None
        # What there is is dealt out evenly, as in Kafka.
        room = self._limits.max_bytes // max(1, len(self._targets))
        asked = FetchPartition(
            target.index,
            fetch_offset=share.next_fetch_offset(),
            current_leader_epoch=target.live.leader_epoch,
            max_bytes=room,
        )
        return read_target(
            self._replicas,
            FetchTarget(target.topic, target.topic_id, asked),
            from_replica=False,
            committed_only=False,
            max_bytes=room,
            at_least_one=True,
        )

    def _give(self) -> None:
        found: list[Gathered] = []
        left = self._limits.max_records
        for target in self._targets:
            error = target.refusal()
            if error is not None:
                found.append(Gathered(target, error))
                continue
            share = target.acquirable()
            if share is None:
                continue
            gathered = self._acquire(target, share, left)
            left -= sum(last - first + 1 for first, last, _ in gathered.acquired)
            found.append(gathered)
        self.answer.set(found)

    def _acquire(self, target: ShareTarget, share: SharePartition, left: int) -> Gathered:
        assert target.live is not None
        fetch_offset = share.next_fetch_offset()
        response = self._read(target, share)
        if response.error_code == ErrorCode.OFFSET_OUT_OF_RANGE:
            # The log has moved on, and the share-partition will have by the next fetch.
            return Gathered(target)
        if response.error_code:
            return Gathered(target, KafkaError(response.error_code))
        batches = [batch for batch in response.batches if isinstance(batch, Batch)]
        acquired = share.acquire(
            self._member_id,
            fetch_offset,
            [(batch.base_offset, batch.last_offset) for batch in batches],
            max_records=left,
            batch_size=self._limits.batch_size,
            now_ms=self._replicas.clock.monotonic_ms(),
            lock_ms=target.live.record_lock_duration_ms,
        )
        target.live.arm()
        if not acquired:
            return Gathered(target)
        first, last = acquired[0].first, acquired[-1].last
        held = [b for b in batches if b.last_offset >= first and b.base_offset <= last]
        return Gathered(target, None, acquired, held)
