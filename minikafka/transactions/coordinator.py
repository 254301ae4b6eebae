"""The coordinator of the transactional ids that one partition of `__transaction_state` holds.

Pure, as `groups/coordinator.py` is, and run like that: commands come in, decisions go out. What is
decided is in the log before anybody hears of it, and what is owed for it is told once it is committed.
Counterpart: TransactionCoordinator, TransactionStateManager. KIP-98, KIP-360, KIP-447, KIP-890.

Rules of this file
    A transactional id takes one step at a time: while one is not committed, the next one waits.
    Committed or aborted is decided once. A decision in the log is carried out, by whoever reads it.
    Markers are owed for what is committed, and for nothing else.
    Another transaction begins when all markers of the one before are written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ProducerId, TopicPartition
from minikafka.groups.commands import Decision, Moment
from minikafka.transactions.commands import (
    AddPartitions,
    EndTransaction,
    Initialized,
    InitProducerId,
    ListedTransaction,
    ProducerIdentity,
    TransactionLimits,
)
from minikafka.transactions.ending import end_transaction
from minikafka.transactions.initializing import check_form, initialize
from minikafka.transactions.markers import MarkersOwed
from minikafka.transactions.metadata import TransactionMetadata
from minikafka.transactions.records import TransactionRecord
from minikafka.transactions.states import ENDED, PREPARED, TransactionState

__all__ = ["TransactionCoordinator"]

T = TypeVar("T")

# How many transactional ids are forgotten in one batch, and when the next batch is looked for.
_EXPIRED_MAX, _EXPIRED_PAUSE_MS = 100, 100


class TransactionCoordinator:
    """The transactional ids of one partition.

    Args:
        version: the cluster's transaction.version; the coordinator's own aborts follow its rules.

    Attributes:
        hear: told of each end that is asked for and not refused, before it is decided; for checks.
    """

    def __init__(self, limits: TransactionLimits, version: int) -> None:
        self._limits = limits
        self._version = version
        self._known: dict[str, TransactionMetadata] = {}
        # Invariant: at most one step of each id is not settled.
        self._pending: dict[str, None] = {}
        self._owed: dict[str, MarkersOwed] = {}
        self._is_loaded = False
        self.hear: Callable[[EndTransaction], None] | None = None
        self._timed_out: deque[str] = deque()
        self._next_abort_check_ms = 0
        self._next_expiry_check_ms = 0

    # --- the log ---------------------------------------------------------------------------

    def replay(self, records: Iterable[TransactionRecord]) -> None:
        """Take written records over."""
        for record in records:
            if record.metadata is None:
                self._known.pop(record.transactional_id, None)
            else:
                self._known[record.transactional_id] = record.metadata

    def commit(self, records: Iterable[TransactionRecord]) -> None:
        """Let markers be owed for what is decided now; while loading, what was decided is old."""
        if not self._is_loaded:
            return
        for record in records:
            known = record.metadata
            if known is not None and known.state in PREPARED:
                self._owe(record.transactional_id, known)

    def loaded(self, now: Moment) -> None:
        """Begin: what the former coordinator has decided is owed still."""
        self._is_loaded = True
        self._next_abort_check_ms = now.ms + self._limits.abort_interval_ms
        self._next_expiry_check_ms = now.ms + self._limits.expiry_interval_ms
        for transactional_id, known in self._known.items():
            if known.state in PREPARED:
                self._owe(transactional_id, known)

    def _owe(self, transactional_id: str, known: TransactionMetadata) -> None:
        self._owed[transactional_id] = MarkersOwed.of(transactional_id, known)

    def unload(self, error: ErrorCode) -> None:
        """Be coordinator no longer."""
        self._known.clear()
        self._pending.clear()
        self._owed.clear()
        self._timed_out.clear()

    def take_owed(self) -> Sequence[MarkersOwed]:
        """Return what has come to be owed since this was asked before."""
        owed = tuple(self._owed.values())
        self._owed.clear()
        return owed

    # --- commands --------------------------------------------------------------------------

    def init_producer_id(
        self, command: InitProducerId, new_producer_id: ProducerId | None, now: Moment
    ) -> Decision[Initialized]:
        """Give a transactional id to a producer; whoever had it is fenced.

        Raises:
            KafkaError: INVALID_REQUEST, INVALID_TRANSACTION_TIMEOUT, PRODUCER_FENCED,
                CONCURRENT_TRANSACTIONS.
            ProducerIdNeeded: ask again with one.
        """
        transactional_id = command.transactional_id
        check_form(command, self._limits.timeout_max_ms)
        after = initialize(
            self._known.get(transactional_id),
            command,
            new_producer_id,
            pending=transactional_id in self._pending,
            version=self._version,
            timestamp_ms=now.timestamp_ms,
        )
        if after.state is TransactionState.PREPARE_ABORT:
            answer = Initialized(ErrorCode.CONCURRENT_TRANSACTIONS)
        else:
            identity = ProducerIdentity(after.producer_id, after.producer_epoch)
            answer = Initialized(ErrorCode.NONE, identity)
        return self._step(transactional_id, after, answer)

    def add_partitions(self, command: AddPartitions, now: Moment) -> Decision[None]:
        """Make partitions part of the producer's transaction; the first ones begin it.

        Raises:
            KafkaError: INVALID_REQUEST, INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED,
                CONCURRENT_TRANSACTIONS.
        """
        transactional_id = command.transactional_id
        known = self._owned(transactional_id, command.producer)
        if transactional_id in self._pending or known.state in PREPARED:
            raise KafkaError(ErrorCode.CONCURRENT_TRANSACTIONS)
        if known.state is TransactionState.ONGOING and all(
            each in known.topic_partitions for each in command.partitions
        ):
            return Decision((), None)
        after = known.added(command.partitions, command.version, now.timestamp_ms)
        return self._step(transactional_id, after, None)

    def verify_partitions(self, command: AddPartitions) -> Mapping[TopicPartition, ErrorCode]:
        """Return which partitions are part of the producer's transaction (KIP-890).

        Raises:
            KafkaError: as `add_partitions`.
        """
        known = self._owned(command.transactional_id, command.producer)
        if known.state in PREPARED:
            raise KafkaError(ErrorCode.CONCURRENT_TRANSACTIONS)
        return {
            each: ErrorCode.NONE
            if each in known.topic_partitions
            else ErrorCode.TRANSACTION_ABORTABLE
            for each in command.partitions
        }

    def end_transaction(
        self, command: EndTransaction, new_producer_id: ProducerId | None, now: Moment
    ) -> Decision[ProducerIdentity]:
        """Decide how the producer's transaction ends; the answer is what it goes on with.

        Raises:
            KafkaError: INVALID_REQUEST, INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED,
                CONCURRENT_TRANSACTIONS, INVALID_TXN_STATE.
            ProducerIdNeeded: ask again with one.
        """
        transactional_id = command.transactional_id
        known = self._of(transactional_id)
        after = end_transaction(
            known,
            command,
            new_producer_id,
            pending=transactional_id in self._pending,
            timestamp_ms=now.timestamp_ms,
        )
        if after is None:
            return Decision((), ProducerIdentity(known.producer_id, known.producer_epoch))
        if self.hear is not None:
            self.hear(command)
        return self._step(transactional_id, after, ProducerIdentity(*after.told))

    def complete(self, owed: MarkersOwed, now: Moment) -> Decision[None]:
        """Note that all markers are written; nothing where that has been noted."""
        known = self._known.get(owed.transactional_id)
        if (
            known is None
            or known.state not in PREPARED
            or (known.producer_id, known.producer_epoch)
            != (owed.producer_id, owed.producer_epoch)
        ):
            return Decision((), None)
        after = known.completed(now.timestamp_ms)
        return self._step(owed.transactional_id, after, None)

    def _step(
        self, transactional_id: str, after: TransactionMetadata | None, answer: T
    ) -> Decision[T]:
        """Return the decision; until it is settled the transactional id takes no other step."""
        self._pending[transactional_id] = None
        record = TransactionRecord(transactional_id, after)
        settled = partial(self._settled, (transactional_id,))
        return Decision((record,), answer, settled, replays=True)

    def _settled(self, transactional_ids: Sequence[str], error: ErrorCode, now: Moment) -> None:
        for transactional_id in transactional_ids:
            self._pending.pop(transactional_id, None)

    def _of(self, transactional_id: str) -> TransactionMetadata:
        _check_id(transactional_id)
        known = self._known.get(transactional_id)
        if known is None:
            raise KafkaError(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
        return known

    def _owned(self, transactional_id: str, producer: ProducerIdentity) -> TransactionMetadata:
        known = self._of(transactional_id)
        if known.producer_id != producer.producer_id:
            raise KafkaError(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
        if known.producer_epoch != producer.epoch:
            raise KafkaError(ErrorCode.PRODUCER_FENCED)
        return known

    # --- looking in ------------------------------------------------------------------------

    def describe(self, transactional_id: str) -> TransactionMetadata:
        """Return what is known; raises KafkaError INVALID_REQUEST, TRANSACTIONAL_ID_NOT_FOUND."""
        _check_id(transactional_id)
        known = self._known.get(transactional_id)
        if known is None:
            raise KafkaError(ErrorCode.TRANSACTIONAL_ID_NOT_FOUND)
        return known

    def list_transactions(
        self,
        producer_ids: Collection[ProducerId],
        states: Collection[TransactionState] | None,
        duration_ms: int,
        timestamp_ms: int,
    ) -> Sequence[ListedTransaction]:
        """Return the transactional ids that pass the filters.

        Args:
            producer_ids: empty for all.
            states: None for all.
            duration_ms: only those that have begun longer ago (KIP-994); negative for all.
        """
        return [
            ListedTransaction(transactional_id, known.producer_id, known.state.text)
            for transactional_id, known in self._known.items()
            if (not producer_ids or known.producer_id in producer_ids)
            and (states is None or known.state in states)
            and (duration_ms < 0 or timestamp_ms - known.start_timestamp_ms > duration_ms)
        ]

    # --- time ------------------------------------------------------------------------------

    def next_deadline_ms(self) -> int | None:
        """Return when to look for what has timed out; never where there is nothing."""
        if not self._known:
            return None
        return min(self._next_abort_check_ms, self._next_expiry_check_ms)

    def tick(self, now: Moment) -> Decision[None] | None:
        """Abort the next transaction that has timed out, or forget ids that nobody uses.

        Each is tried once a check: what could not be written is left to the next one.
        """
        if now.ms >= self._next_abort_check_ms:
            self._next_abort_check_ms = now.ms + self._limits.abort_interval_ms
            self._timed_out = deque(
                transactional_id
                for transactional_id in self._known
                if self._is_timed_out(transactional_id, now)
            )
        while self._timed_out:
            transactional_id = self._timed_out.popleft()
            if self._is_timed_out(transactional_id, now):
                after = self._known[transactional_id].fenced(self._version, now.timestamp_ms)
                return self._step(transactional_id, after, None)
        if now.ms >= self._next_expiry_check_ms:
            return self._expire(now)
        return None

    def _is_timed_out(self, transactional_id: str, now: Moment) -> bool:
        known = self._known.get(transactional_id)
        return (
            known is not None
            and known.state is TransactionState.ONGOING
            and transactional_id not in self._pending
            and known.start_timestamp_ms + known.timeout_ms < now.timestamp_ms
        )

    def _expire(self, now: Moment) -> Decision[None] | None:
        """Forget a batch of ids; the check is over with the last one.

        A pause comes between, or a log that takes nothing would be offered the same for ever.
        """
        oldest_ms = now.timestamp_ms - self._limits.expiration_ms
        expired = [
            transactional_id
            for transactional_id, known in self._known.items()
            if known.state in ENDED
            and transactional_id not in self._pending
            and known.last_update_timestamp_ms <= oldest_ms
        ]
        is_last = len(expired) <= _EXPIRED_MAX
        self._next_expiry_check_ms = now.ms + (
            self._limits.expiry_interval_ms if is_last else _EXPIRED_PAUSE_MS
        )
        if not expired:
            return None
        batch = tuple(expired[:_EXPIRED_MAX])
        self._pending.update(dict.fromkeys(batch))
        records = tuple(TransactionRecord(each, None) for each in batch)
        return Decision(records, None, partial(self._settled, batch), replays=True)


def _check_id(transactional_id: str) -> None:
    if not transactional_id:
        raise KafkaError(ErrorCode.INVALID_REQUEST)
