"""What one log knows of the producers that wrote to it.

For each producer id the epoch, the last five batches, the coordinator epoch of the last marker
and where its open transaction begins. Decides what a leader may append; knows nothing of
storage and time. Counterparts: ProducerStateManager, ProducerAppendInfo, ProducerStateEntry.
KIP-98, KIP-360, KAFKA-6003, KAFKA-6683.

Rules of this file
    The state is what the batches of the log come to, one after the other.
    One of the last five batches that comes again is told from a new one.
    Sequences of a producer epoch are without gaps, and begin with 0 where an older one is known.
    A producer epoch that is over writes nothing more.
    A follower takes over what the leader took, without judging it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple, TypeAlias

from minikafka.base.errors import ErrorCode
from minikafka.base.ids import NO_TIMESTAMP, Offset, ProducerId
from minikafka.log.txn_index import TransactionIndex
from minikafka.records.batch import CONTROL_BIT, TRANSACTIONAL_BIT, Batch
from minikafka.records.markers import decode_marker
from minikafka.records.validate import RecordsRefused

__all__ = [
    "BATCHES_KEPT",
    "AppendOrigin",
    "KeptBatch",
    "ProducerEntry",
    "ProducerStates",
    "last_sequence_of",
]

BATCHES_KEPT = 5
"""As many as a client may have on the way without an answer (max.in.flight.requests)."""

_NO_EPOCH = -1
_NO_SEQUENCE = -1
_SEQUENCE_MAX = 2**31 - 1


class AppendOrigin(Enum):
    """Whose batch a leader is to append, and so what is asked of it."""

    CLIENT = "client"
    COORDINATOR = "coordinator"  # markers and offsets of transactions: without sequences


_Kept: TypeAlias = tuple[int, int, Offset, Offset, int]


class KeptBatch(NamedTuple):
    """A batch as it is known again."""

    first_sequence: int
    last_sequence: int  # inclusive
    first_offset: Offset
    last_offset: Offset  # inclusive
    timestamp_ms: int


class ProducerEntry:
    """What is known of one producer id in one log.

    Attributes:
        batches: of this epoch, oldest first, each a `KeptBatch` without its name: a batch is
            noted on each replica, and seldom asked for.
        last_sequence: of the last record, -1 while there is none in this epoch.
        coordinator_epoch: of the last marker, -1 without any.
        transaction_start: first offset of the open transaction, None without one.
        last_timestamp_ms: of the last batch or marker.
        last_offset: of the last batch or marker, inclusive.
    """

    __slots__ = (
        "batches",
        "coordinator_epoch",
        "last_offset",
        "last_sequence",
        "last_timestamp_ms",
        "producer_epoch",
        "transaction_start",
    )

    def __init__(self) -> None:
        self.producer_epoch = _NO_EPOCH
        self.coordinator_epoch = -1
        self.batches: deque[_Kept] = deque(maxlen=BATCHES_KEPT)
        self.last_sequence = _NO_SEQUENCE
        self.transaction_start: Offset | None = None
        self.last_timestamp_ms = NO_TIMESTAMP
        self.last_offset: Offset = -1

    def duplicate_of(self, batch: Batch) -> KeptBatch | None:
        """Return the batch that this one is again, None for a new one."""
        if batch.producer_epoch == self.producer_epoch:
            last_sequence = last_sequence_of(batch)
            for kept in self.batches:
                if kept[:2] == (batch.base_sequence, last_sequence):
                    return KeptBatch(*kept)
        return None

    def is_next(self, batch: Batch) -> bool:
        """Say whether a batch follows the last one, and nothing else can be wrong with it."""
        return (
            batch.base_sequence == self.last_sequence + 1
            and batch.producer_epoch == self.producer_epoch
            and self.transaction_start is None
            and not batch.attributes & CONTROL_BIT
        )

    def begin_epoch(self, producer_epoch: int) -> None:
        """Forget the sequences of another epoch."""
        if producer_epoch != self.producer_epoch:
            self.producer_epoch = producer_epoch
            self.batches.clear()
            self.last_sequence = _NO_SEQUENCE

    def __repr__(self) -> str:
        return (
            f"ProducerEntry(e{self.producer_epoch} c{self.coordinator_epoch}"
            f" open={self.transaction_start} {list(self.batches)})"
        )


class ProducerStates:
    """The producers of one log.

    Attributes:
        entries: by producer id, in the order in which they came. Not to be changed.
        transactions: open and aborted ones; open are those of the entries.
    """

    __slots__ = ("entries", "transactions")

    def __init__(self, batches: Iterable[Batch] = ()) -> None:
        self.entries: dict[ProducerId, ProducerEntry] = {}
        self.transactions = TransactionIndex()
        for batch in batches:
            if batch.producer_id >= 0:
                self.take(batch)

    def validate(self, batch: Batch, origin: AppendOrigin) -> KeptBatch | None:
        """Say whether a leader may append a batch with a producer id; changes nothing.

        Of a producer that is not known, because it is new or what it wrote is gone, any
        sequence is taken (KIP-360).

        Returns:
            The batch in the log that this one is again, and is to be answered as; else None.

        Raises:
            RecordsRefused: INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER,
                TRANSACTION_COORDINATOR_FENCED; INVALID_TXN_STATE for a batch outside the
                transaction that its producer has open.
        """
        entry = self.entries.get(batch.producer_id)
        if entry is None:
            return None
        if origin is AppendOrigin.CLIENT:
            if entry.is_next(batch):
                return None  # nearly always
            duplicate = entry.duplicate_of(batch)
            if duplicate is not None:
                return duplicate
        if batch.producer_epoch < entry.producer_epoch:
            message = f"epoch {batch.producer_epoch} of {_who(batch)} is over"
            raise RecordsRefused(ErrorCode.INVALID_PRODUCER_EPOCH, message)
        if batch.attributes & CONTROL_BIT:
            _check_coordinator(batch, entry)
            return None
        if origin is AppendOrigin.CLIENT:
            _check_sequence(batch, entry)
        if entry.transaction_start is not None and not batch.attributes & TRANSACTIONAL_BIT:
            message = f"{_who(batch)} has a transaction open"
            raise RecordsRefused(ErrorCode.INVALID_TXN_STATE, message)
        return None

    def take(self, batch: Batch) -> None:
        """Note a batch with a producer id that was written to the log."""
        if batch.attributes & CONTROL_BIT:
            self._take_marker(batch)
            return
        entry = self.entries.get(batch.producer_id)
        if entry is None:
            entry = self.entries[batch.producer_id] = ProducerEntry()
        if batch.producer_epoch != entry.producer_epoch:
            entry.begin_epoch(batch.producer_epoch)
        first, offset, last_offset = batch.base_sequence, batch.base_offset, batch.last_offset
        last = _NO_SEQUENCE if first < 0 else (first + last_offset - offset) & _SEQUENCE_MAX
        timestamp_ms = batch.max_timestamp_ms
        entry.batches.append((first, last, offset, last_offset, timestamp_ms))
        entry.last_sequence, entry.last_offset = last, last_offset
        entry.last_timestamp_ms = timestamp_ms
        if batch.attributes & TRANSACTIONAL_BIT and entry.transaction_start is None:
            entry.transaction_start = offset
            self.transactions.begin(offset)

    def _take_marker(self, batch: Batch) -> None:
        marker = decode_marker(batch)
        if marker is None:
            return
        entry = self.entries.setdefault(batch.producer_id, ProducerEntry())
        entry.begin_epoch(batch.producer_epoch)
        entry.coordinator_epoch = marker.coordinator_epoch
        if entry.transaction_start is not None:
            self.transactions.end(
                batch.producer_id,
                entry.transaction_start,
                batch.last_offset,
                committed=marker.committed,
            )
            entry.transaction_start = None
        entry.last_timestamp_ms = batch.max_timestamp_ms
        entry.last_offset = batch.last_offset

    def truncate(self, end_offset: Offset, batches: Iterable[Batch]) -> None:
        """Forget what was cut off a log that ends at `end_offset` now.

        Of who wrote nothing there all stays known, also what the log no longer says: what lies
        before its start, or was compacted away.

        Args:
            batches: those that are left in the log.
        """
        old = self.entries
        cut = {key for key, entry in old.items() if entry.last_offset >= end_offset}
        if not cut:
            return
        self.entries = {key: entry for key, entry in old.items() if key not in cut}
        anew = ProducerStates(batch for batch in batches if batch.producer_id in cut)
        self.entries.update(anew.entries)
        starts = [entry.transaction_start for entry in self.entries.values()]
        self.transactions.truncate(end_offset, [each for each in starts if each is not None])

    def clear(self) -> None:
        """Forget everything: the log begins anew."""
        self.entries = {}
        self.transactions = TransactionIndex()

    def remove_expired(self, now_timestamp_ms: int, expiration_ms: int) -> None:
        """Forget who has written nothing for `expiration_ms`, but for who has a transaction open.

        Args:
            now_timestamp_ms: wall clock; producers' batches carry their own.
        """
        last_ms = now_timestamp_ms - expiration_ms
        for producer_id, entry in tuple(self.entries.items()):
            if entry.transaction_start is None and entry.last_timestamp_ms <= last_ms:
                del self.entries[producer_id]

    def __repr__(self) -> str:
        return f"ProducerStates({self.entries})"


def last_sequence_of(batch: Batch) -> int:
    """Return the sequence of the last record of a batch; they go on from 2^31-1 with 0."""
    first = batch.base_sequence
    if first < 0:
        return _NO_SEQUENCE
    return (first + batch.last_offset - batch.base_offset) & _SEQUENCE_MAX


def _check_coordinator(batch: Batch, entry: ProducerEntry) -> None:
    """Let only the latest coordinator end a transaction."""
    marker = decode_marker(batch)
    if marker is not None and marker.coordinator_epoch < entry.coordinator_epoch:
        message = (
            f"coordinator epoch {marker.coordinator_epoch} for {_who(batch)},"
            f" {entry.coordinator_epoch} is known"
        )
        raise RecordsRefused(ErrorCode.TRANSACTION_COORDINATOR_FENCED, message)


def _check_sequence(batch: Batch, entry: ProducerEntry) -> None:
    """Let a batch follow the last one of its epoch, or begin a new epoch with 0."""
    sequence = batch.base_sequence
    if entry.producer_epoch == _NO_EPOCH:
        return
    if batch.producer_epoch != entry.producer_epoch:
        expected = 0
    else:
        last = entry.last_sequence
        expected = 0 if last == _SEQUENCE_MAX else last + 1
    if sequence != expected:
        message = f"sequence {sequence} of {_who(batch)}, {expected} is next"
        raise RecordsRefused(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, message)


def _who(batch: Batch) -> str:
    return f"producer {batch.producer_id} in epoch {batch.producer_epoch}"
