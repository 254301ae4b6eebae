"""One share-partition at the leader of its partition: loaded, written down, and timed.

Drives the pure `SharePartition`: what it decides is sent to the share coordinator, one write at
a time, and settled with the answer. So nothing is delivered before the share coordinator has told
what is done, and fenced former leaders; and a member hears that its acknowledgement counts once
it is written down. Counterpart: the parts of SharePartition that use Persister and Timer. KIP-932.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import LeaderEpoch, Offset
from minikafka.broker.partition import Partition
from minikafka.broker.purgatory import Alarm, Condition, settled
from minikafka.log.timestamps import offset_for_timestamp
from minikafka.shares.offset_reset import duration_ms
from minikafka.shares.records import ShareKey, StoredShare
from minikafka.shares.share_partition import (
    AcknowledgementBatch,
    ShareLimits,
    SharePartition,
    Transition,
)
from minikafka.shares.state_batches import StateBatch

if TYPE_CHECKING:
    from minikafka.broker.broker import Broker

__all__ = ["LiveShare"]

_FENCED = (ErrorCode.FENCED_LEADER_EPOCH, ErrorCode.FENCED_STATE_EPOCH)
_AWAY = (
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
)
_AS_THEY_ARE = (ErrorCode.GROUP_ID_NOT_FOUND, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)


def _shown(error: KafkaError) -> KafkaError:
    """Return what a member hears of what the share coordinator has said."""
    if error.code in _FENCED:
        return KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, error.message)
    if error.code in _AWAY:
        return KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE, error.message)
    if error.code in _AS_THEY_ARE:
        return error
    return KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, error.message)


def _is_over(former: LiveShare) -> bool:
    return not former.is_writing


class _Write:
    """States to be written down; `transition` None for what counts already."""

    __slots__ = ("answer", "batches", "transition")

    def __init__(
        self, batches: Sequence[StateBatch], transition: Transition | None = None
    ) -> None:
        self.batches = batches
        self.transition = transition
        self.answer: Deferred[None] = Deferred()


class LiveShare:
    """One share-partition while this broker leads its partition.

    Args:
        former: the same one before, where it is dropped and what it has sent may still be written
            down; nothing is read before that is over.
        on_dropped: called when it turns out that this broker is not its leader any more, or that
            it could not be loaded; it is not to be used after that. Called again once nothing
            is on its way any more, if something was.

    Attributes:
        share: None until it is loaded.
        error: why it could not be loaded.
        changed: wakes fetches of the group when something may be delivered that could not.
    """

    def __init__(
        self,
        broker: Broker,
        key: ShareKey,
        partition: Partition,
        limits: ShareLimits,
        on_dropped: Callable[[LiveShare], None],
        former: LiveShare | None = None,
    ) -> None:
        assert partition.leader is not None
        self.key = key
        self.partition = partition
        self.leader_epoch: LeaderEpoch = partition.leader.leader_epoch
        self.share: SharePartition | None = None
        self.error: KafkaError | None = None
        self.dropped = False
        self.changed = Condition(self)
        self._broker = broker
        self._limits = limits
        self._on_dropped = on_dropped
        self._state_epoch = 0
        self._waiting: deque[_Write] = deque()
        self._writing = False
        self._former = former
        self._lock: Alarm | None = None

    async def load(self) -> None:
        """Ask the share coordinator what has become of records, then begin."""
        former = self._former
        while former is not None and former.is_writing:
            broker = self._broker
            deadline_ms = broker.clock.monotonic_ms() + broker.config.request_timeout_ms
            is_over = partial(_is_over, former)
            await settled(broker.purgatory.wait(is_over, [former.changed], deadline_ms))
        self._former = None
        if self.dropped:
            self._end()
        else:
            await self._begin()

    async def _begin(self) -> None:
        try:
            stored = await self._broker.persister.read(self.key, self.leader_epoch)
        except KafkaError as error:
            self.error = _shown(error)
            self.drop()
            return
        if self.dropped:
            return
        self._state_epoch = stored.state_epoch
        start_offset = self._start_offset(stored)
        self.share = SharePartition(start_offset, stored.batches, self._limits)
        self.changed.wake()

    def _start_offset(self, stored: StoredShare) -> Offset:
        """Return where to begin: where the group was, or where `share.auto.offset.reset` says."""
        if stored.start_offset >= 0:
            return stored.start_offset
        broker, log = self._broker, self.partition.log
        reset = str(broker.shares.group_config(self.key.group_id)["share.auto.offset.reset"])
        if reset == "earliest":
            return log.log_start_offset
        ago_ms = duration_ms(reset)
        if ago_ms is None:
            return log.high_watermark
        since_ms = broker.clock.wall_ms() - ago_ms
        found = offset_for_timestamp(log, since_ms, log.high_watermark)
        return log.high_watermark if found is None else found.offset

    def drop(self) -> None:
        """Deliver no more; who waits for a write is told to look for the leader."""
        if self.dropped:
            return
        self.dropped = True
        self._on_dropped(self)
        if self._lock is not None:
            self._lock.finish()
        waiting, self._waiting = self._waiting, deque()
        for write in waiting:
            write.answer.fail(KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER))
        self.changed.wake()

    @property
    def is_writing(self) -> bool:
        """Say whether something is on its way that may be written down, also after `drop`.

        Its own, or that of the one before it.
        """
        return self._writing or (self._former is not None and self._former.is_writing)

    def _end(self) -> None:
        """Let the next one begin: nothing more comes from here."""
        self._on_dropped(self)
        self.changed.wake()

    @property
    def record_lock_duration_ms(self) -> int:
        """How long a member holds what it gets now."""
        return self._broker.shares.record_lock_duration_ms(self.key.group_id)

    # --- members ---------------------------------------------------------------------------

    def acknowledge(
        self, member_id: str, batches: Iterable[AcknowledgementBatch]
    ) -> Deferred[None]:
        """Let a member say what is to become of what it holds.

        Raises:
            KafkaError: as `SharePartition.acknowledge`; INVALID_RECORD_STATE before it is loaded.
                The value fails with what the share coordinator refuses.
        """
        if self.share is None:
            raise KafkaError(ErrorCode.INVALID_RECORD_STATE)
        return self._settle(self.share.acknowledge(member_id, batches))

    def release(self, member_id: str) -> Deferred[None]:
        """Take back what a member holds whose session ends."""
        transition = Transition() if self.share is None else self.share.release(member_id)
        return self._settle(transition)

    def _settle(self, transition: Transition) -> Deferred[None]:
        write = _Write(transition.batches, transition)
        if transition.batches:
            self._enqueue(write)
        else:
            write.answer.set(None)
        return write.answer

    # --- writing ---------------------------------------------------------------------------

    def _enqueue(self, write: _Write) -> None:
        self._waiting.append(write)
        if not self._writing:
            self._writing = True
            self._broker.work.spawn(self._write_all())

    async def _write_all(self) -> None:
        """Write all that waits, as one, until nothing does."""
        while self._waiting and not self.dropped:
            writes, self._waiting = tuple(self._waiting), deque()
            assert self.share is not None
            batches = [batch for write in writes for batch in write.batches]
            error: KafkaError | None = None
            try:
                await self._broker.persister.write(
                    self.key,
                    self._state_epoch,
                    self.leader_epoch,
                    self.share.start_offset,
                    batches,
                    lambda: not self.dropped,
                )
            except KafkaError as refusal:
                error = refusal
            self._written(writes, error)
        self._writing = False
        if self.dropped:
            self._end()

    def _written(self, writes: Sequence[_Write], error: KafkaError | None) -> None:
        assert self.share is not None
        for write in writes:
            if write.transition is not None:
                self.share.settle(write.transition, ok=error is None)
            if error is None:
                write.answer.set(None)
            else:
                write.answer.fail(_shown(error))
        if error is not None and (error.code in _FENCED or error.code in _AS_THEY_ARE):
            self.drop()
            return
        if not self.dropped:
            self.arm()
        self.changed.wake()

    # --- time ------------------------------------------------------------------------------

    def arm(self) -> None:
        """Have locks ended when they end."""
        deadline_ms = None if self.share is None else self.share.next_deadline_ms()
        lock = self._lock
        if deadline_ms is None or (
            lock is not None and not lock.done and lock.deadline_ms <= deadline_ms
        ):
            return
        if lock is not None:
            lock.finish()
        self._lock = lock = Alarm(deadline_ms, self._expire)
        self._broker.purgatory.watch(lock, (), deadline_ms)

    def _expire(self) -> None:
        if self.dropped or self.share is None:
            return
        batches = self.share.expire(self._broker.clock.monotonic_ms())
        if batches:
            self._enqueue(_Write(batches))
            self.changed.wake()
        self.arm()
