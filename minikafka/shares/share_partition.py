"""One partition as one share group sees it: which record is whose, and for how long.

Pure: the caller reads the log, hands in what it has read and the time, and has written down what
comes out. What is being written is on its way (`Transition`) and nobody's until `settle`.
Counterpart: kafka.server.share.SharePartition. KIP-932.

Rules of this file
    A record is held by one member at a time, and by none longer than its lock.
    What is acknowledged, or archived, is never delivered again.
    A record is delivered `delivery_count_limit` times at most, but for deliveries whose member
    left without a word: those do not count.
    The start offset never goes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from types import MappingProxyType
from typing import NamedTuple

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import Offset
from minikafka.shares.in_flight import NOBODY, InFlight, Slice
from minikafka.shares.state_batches import RecordState, StateBatch

__all__ = [
    "ACKNOWLEDGE_TYPES",
    "AcknowledgementBatch",
    "AcquiredRecords",
    "ShareLimits",
    "SharePartition",
    "Transition",
]

ACKNOWLEDGE_TYPES = MappingProxyType(
    {
        0: RecordState.ARCHIVED,  # a gap: there is no such record
        1: RecordState.ACKNOWLEDGED,
        2: RecordState.AVAILABLE,
        3: RecordState.ARCHIVED,
    }
)
"""What becomes of a record, by the number that a member says of it."""


@dataclass(frozen=True, slots=True)
class ShareLimits:
    """The configs that govern a share-partition: group.share.* and share.record.lock.duration.ms."""

    delivery_count_limit: int = 5
    record_lock_duration_ms: int = 30_000
    max_record_locks: int = 2_000


class AcquiredRecords(NamedTuple):
    """Records that a member got, both ends included."""

    first: Offset
    last: Offset
    delivery_count: int


class AcknowledgementBatch(NamedTuple):
    """What a member says of records: one type for all of them, or one for each."""

    first: Offset
    last: Offset
    types: tuple[int, ...]


@dataclass(slots=True)
class Transition:
    """States to be written down; `settle` has to hear how that went."""

    batches: list[StateBatch] = field(default_factory=list)
    slices: list[Slice] = field(default_factory=list)


class SharePartition:
    """The deliveries of one partition to one group, for one tenure of its leader.

    Args:
        start_offset: below it all is done.
        batches: what is known from there on, as it was written down.

    Attributes:
        start_offset: the first record that is not done.
        end_offset: exclusive; from here on nobody has ever got anything.
    """

    def __init__(
        self,
        start_offset: Offset,
        batches: Iterable[StateBatch] = (),
        limits: ShareLimits | None = None,
    ) -> None:
        self.limits = limits or ShareLimits()
        self.start_offset = self.end_offset = start_offset
        self._flight = InFlight()
        self._locks: list[tuple[int, int, Slice]] = []
        self._lock_count = 0
        for each in batches:
            state = RecordState(each.state)
            self._flight.insert(Slice(each.first, each.last, state, each.delivery_count))
            self.end_offset = each.last + 1
        # Invariant: from `start_offset` up to here nothing may be delivered.
        self._quiet_until = start_offset
        self._move_start()

    # --- reading ---------------------------------------------------------------------------

    @property
    def in_flight_count(self) -> int:
        """How many offsets lie between start and end."""
        return self.end_offset - self.start_offset if len(self._flight) else 0

    @property
    def can_acquire(self) -> bool:
        """Say whether a member may get something: again, or new ones while not too many are out."""
        if self.next_fetch_offset() < self.end_offset:
            return True
        return self.in_flight_count < self.limits.max_record_locks

    def holder(self, offset: Offset) -> tuple[str, int] | None:
        """Return who holds a record and has not spoken of it, and until when; None for nobody."""
        return self._flight.holder(offset)

    def next_fetch_offset(self) -> Offset:
        """Return the first offset that may be delivered: released, unknown, or new."""
        position = max(self._quiet_until, self.start_offset)
        for each in self._flight.ending_from(position):
            if each.first > position or each.is_available:
                break
            position = each.last + 1
        self._quiet_until = position
        return position

    def acquire(
        self,
        member_id: str,
        fetch_offset: Offset,
        batches: Sequence[tuple[Offset, Offset]],
        *,
        max_records: int,
        batch_size: int,
        now_ms: int,
        lock_ms: int | None = None,
    ) -> list[AcquiredRecords]:
        """Give a member what it may have of what was read, in offset order.

        DIVERGENCE(share-acquisition): Kafka goes on behind `max_records` to the end of what was
        delivered together before.

        Args:
            fetch_offset: from where on was read.
            batches: first and last offset of each batch in the log, both included.
            max_records: where to stop; the last batch is given as a whole.
            batch_size: new records are given in pieces of about so many, whole batches each.
            lock_ms: how long the member holds them; None is group.share.record.lock.duration.ms.
        """
        acquired: list[AcquiredRecords] = []
        if not batches or max_records <= 0:
            return acquired
        self._archive_missing(fetch_offset, batches[0][0])
        position = max(batches[0][0], self.start_offset)
        last, left = batches[-1][1], max_records
        if lock_ms is None:
            lock_ms = self.limits.record_lock_duration_ms
        deadline_ms = now_ms + lock_ms
        while position <= last and left > 0:
            each = next(self._flight.ending_from(position), None)
            if each is None or each.first > position:
                end = last if each is None else min(last, each.first - 1)
                if left < end - position + 1:
                    end = min(end, _batch_end(batches, position + left - 1))
                for first, until in _pieces(batches, position, end, batch_size):
                    new = Slice(first, until, RecordState.AVAILABLE, 0)
                    self._flight.insert(new)
                    acquired.append(self._lock(new, member_id, deadline_ms))
                left -= end - position + 1
                position = end + 1
                self.end_offset = max(self.end_offset, position)
                continue
            if each.is_available:
                if each.last > last or each.first < position:
                    self._flight.divide(each)
                    continue
                acquired.append(self._lock(each, member_id, deadline_ms))
                left -= each.count
            position = each.last + 1
        self._move_start()
        return acquired

    def _lock(self, each: Slice, member_id: str, deadline_ms: int) -> AcquiredRecords:
        count = each.delivery_count + 1
        each.become(RecordState.ACQUIRED, count, member_id, deadline_ms)
        self._watch(each)
        return AcquiredRecords(each.first, each.last, count)

    def _archive_missing(self, fetch_offset: Offset, end: Offset) -> None:
        """Take for done what the log no longer holds: compaction has taken it."""
        position = max(fetch_offset, self.start_offset)
        while position < end:
            each = next(self._flight.ending_from(position), None)
            if each is None or each.first > position:
                until = end if each is None else min(end, each.first)
                self._flight.insert(Slice(position, until - 1, RecordState.ARCHIVED, 0))
                position = until
                self.end_offset = max(self.end_offset, position)
                continue
            if each.is_available:
                if each.last >= end or each.first < position:
                    self._flight.divide(each)
                    continue
                each.become(RecordState.ARCHIVED, each.delivery_count)
            position = each.last + 1

    # --- acknowledging ---------------------------------------------------------------------

    def acknowledge(
        self, member_id: str, batches: Iterable[AcknowledgementBatch]
    ) -> Transition:
        """Let a member say what is to become of what it holds: of all of it, or of nothing.

        Raises:
            KafkaError: INVALID_RECORD_STATE for what it does not hold (any more), INVALID_REQUEST
                for what nobody was ever given, or a type that is none.
        """
        transition = Transition()
        try:
            for batch in batches:
                self._acknowledge(member_id, batch, transition)
        except KafkaError:
            self.settle(transition, ok=False)
            raise
        return transition

    def _acknowledge(
        self, member_id: str, batch: AcknowledgementBatch, transition: Transition
    ) -> None:
        if any(each not in ACKNOWLEDGE_TYPES for each in batch.types):
            raise KafkaError(ErrorCode.INVALID_REQUEST, "Invalid acknowledge type.")
        if batch.last < self.start_offset:
            return
        first = max(batch.first, self.start_offset)
        for each in self._meant(first, batch.last):
            if not each.is_acquired:
                raise _not_held("The record is not in the acquired state.")
            if each.member_id != member_id:
                raise _not_held("Member is not the owner of the record.")
            if len(batch.types) == 1 and each.first >= first and each.last <= batch.last:
                self._begin(each, ACKNOWLEDGE_TYPES[batch.types[0]], transition)
                continue
            for single in self._divide_held(each):
                if first <= single.first <= batch.last:
                    at = single.first - batch.first if len(batch.types) > 1 else 0
                    self._begin(single, ACKNOWLEDGE_TYPES[batch.types[at]], transition)

    def _divide_held(self, whole: Slice) -> list[Slice]:
        """Return single records of what a member holds; the lock of each ends when it would have."""
        parts = self._flight.divide(whole)
        if len(parts) > 1:
            for each in parts:
                self._watch(each)
        return parts

    def _meant(self, first: Offset, last: Offset) -> list[Slice]:
        if self._flight.floor(first) is None:
            raise _not_held("Batch record not found.")
        found = self._flight.within(first, last)
        if not found or last > found[-1].last:
            text = "Batch record not found. The request is past acquired records."
            raise KafkaError(ErrorCode.INVALID_REQUEST, text)
        return found

    def release(self, member_id: str) -> Transition:
        """Take back what a member holds whose session ends; that delivery does not count."""
        transition = Transition()
        for each in self._flight:
            if each.is_acquired and each.member_id == member_id:
                self._begin(each, RecordState.AVAILABLE, transition, counts=False)
        return transition

    def _begin(
        self,
        each: Slice,
        state: RecordState,
        transition: Transition,
        *,
        counts: bool = True,
    ) -> None:
        before = (each.state, each.delivery_count, each.member_id, each.deadline_ms)
        self._leave(each, state, counts=counts)
        each.before = before
        transition.slices.append(each)
        transition.batches.append(each.batch())

    def _leave(self, each: Slice, state: RecordState, *, counts: bool = True) -> None:
        count = each.delivery_count if counts else each.delivery_count - 1
        if state is RecordState.AVAILABLE and count >= self.limits.delivery_count_limit:
            state = RecordState.ARCHIVED
        each.become(state, count, NOBODY, None)

    def settle(self, transition: Transition, *, ok: bool) -> None:
        """Hear that a transition is written down, or that it did not come to that."""
        for each in transition.slices:
            before, each.before = each.before, None
            assert before is not None, "a transition is settled once"
            if not ok:
                each.become(*before)
                self._watch(each)
            elif each.is_available:
                self._quiet_until = min(self._quiet_until, each.first)
        if ok:
            self._move_start()

    # --- time ------------------------------------------------------------------------------

    def next_deadline_ms(self) -> int | None:
        """Return when the next lock ends; None while nobody holds anything."""
        while self._locks and not self._is_held(self._locks[0]):
            heappop(self._locks)
        return self._locks[0][0] if self._locks else None

    def expire(self, now_ms: int) -> list[StateBatch]:
        """Take back what was held too long; return it to be written down, where it counts already."""
        batches = []
        while (deadline_ms := self.next_deadline_ms()) is not None and deadline_ms <= now_ms:
            each = heappop(self._locks)[2]
            self._leave(each, RecordState.AVAILABLE)
            if each.is_available:
                self._quiet_until = min(self._quiet_until, each.first)
            batches.append(each.batch())
        if batches:
            self._move_start()
        return batches

    def _watch(self, each: Slice) -> None:
        assert each.deadline_ms is not None
        self._lock_count += 1
        heappush(self._locks, (each.deadline_ms, self._lock_count, each))

    def _is_held(self, lock: tuple[int, int, Slice]) -> bool:
        deadline_ms, _, each = lock
        held = each.is_acquired and each.deadline_ms == deadline_ms
        return held and each.last >= self.start_offset

    # --- the start -------------------------------------------------------------------------

    def on_log_start(self, log_start_offset: Offset) -> None:
        """Follow the beginning of the log: what is gone from it is done."""
        if log_start_offset <= self.start_offset:
            return
        self._flight.cut(log_start_offset)
        self.start_offset = log_start_offset
        self.end_offset = max(self.end_offset, log_start_offset)
        self._move_start()

    def _move_start(self) -> None:
        self.start_offset = self._flight.take_done(self.start_offset)

    def check_invariants(self) -> None:
        """Assert what must hold between two calls."""
        position = self.start_offset
        for each in self._flight:
            assert position <= each.first <= each.last < self.end_offset
            assert (each.state is RecordState.ACQUIRED) == (each.member_id != NOBODY)
            assert 0 <= each.delivery_count <= self.limits.delivery_count_limit
            position = each.last + 1
        assert self.start_offset <= self.next_fetch_offset() <= self.end_offset


def _not_held(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_RECORD_STATE, message)


def _batch_end(batches: Sequence[tuple[Offset, Offset]], offset: Offset) -> Offset:
    """Return the last offset of the batch that an offset lies in; of none, the offset."""
    return next((last for first, last in batches if first <= offset <= last), offset)


def _pieces(
    batches: Sequence[tuple[Offset, Offset]], first: Offset, last: Offset, batch_size: int
) -> list[tuple[Offset, Offset]]:
    """Divide a range where batches begin, into pieces of at least `batch_size` but the last."""
    pieces = []
    if last - first + 1 > batch_size:
        for base, _ in batches:
            if base > last:
                break
            if base - first >= max(1, batch_size):
                pieces.append((first, base - 1))
                first = base
    pieces.append((first, last))
    return pieces
