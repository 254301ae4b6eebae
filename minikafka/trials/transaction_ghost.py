"""What a run knows of transactions: the true fold of `__transaction_state`, and where markers lie.

The rules of `rules_transactions` compare brokers with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from minikafka.base.ids import LeaderEpoch, Offset, ProducerId, TopicPartition
from minikafka.records.records import decode_records
from minikafka.transactions.metadata import TransactionMetadata
from minikafka.transactions.records import TransactionRecord, decode_transaction
from minikafka.transactions.states import PREPARED, TransactionState

if TYPE_CHECKING:
    from minikafka.log.partition_log import PartitionLog

__all__ = ["Decided", "TransactionStep", "TransactionWorld"]


@dataclass
class Decided:
    """One transaction whose end is committed.

    Attributes:
        marked: where a leader has written its marker last: offset and leader epoch, by partition.
    """

    transactional_id: str
    committed: bool
    partitions: tuple[TopicPartition, ...]
    marked: dict[TopicPartition, tuple[Offset, LeaderEpoch]] = field(default_factory=dict)


class TransactionStep(NamedTuple):
    """One more committed record of a transactional id; None where it is not known, or forgotten.

    Args:
        asked: somebody has asked for the end that is decided; of other steps always true.
    """

    transactional_id: str
    before: TransactionMetadata | None
    after: TransactionMetadata | None
    asked: bool


class TransactionWorld:
    """All transactional ids.

    Attributes:
        known: what is committed of each, by id.
        of_producer: which id a producer id belongs to.
        decided: the last decision under a producer id and the epoch that its markers carry.
        asked: ends that coordinators were asked for, as producer id, epoch and whether it is a commit.
        initialized: producer ids and epochs that are committed to belong to a producer.
        licensed: something was lost that was allowed to be: nothing is known for sure.
    """

    def __init__(self) -> None:
        self.known: dict[str, TransactionMetadata] = {}
        self.of_producer: dict[ProducerId, str] = {}
        self.decided: dict[tuple[ProducerId, int], Decided] = {}
        self.asked: dict[tuple[ProducerId, int, bool], None] = {}
        self.initialized: dict[tuple[ProducerId, int], None] = {}
        self.licensed = False
        self._ends: dict[int, Offset] = {}

    def heed(self, *, may_have_lost: bool) -> None:
        """Give up judging where a partition of `__transaction_state` may have lost something."""
        self.licensed = self.licensed or may_have_lost

    def committed(self, log: PartitionLog, end: Offset) -> Iterator[TransactionStep]:
        """Take over what one partition has up to `end`, from a log that has it, step by step."""
        index = log.partition.partition
        start, self._ends[index] = self._ends.get(index, 0), end
        while start < end and not self.licensed:
            batch = log.read(start, 1, end, at_least_one=True).batches[0]
            start = batch.next_offset
            for record in () if batch.is_control else decode_records(batch):
                found = decode_transaction(record.key, record.value)
                if found is not None:
                    yield self._step(found)

    def _step(self, record: TransactionRecord) -> TransactionStep:
        transactional_id, after = record.transactional_id, record.metadata
        before = self.known.get(transactional_id)
        if after is None:
            self.known.pop(transactional_id, None)
            return TransactionStep(transactional_id, before, None, True)
        self.known[transactional_id] = after
        self.of_producer[after.producer_id] = transactional_id
        asked = True
        if after.state in PREPARED:
            committed = after.state is TransactionState.PREPARE_COMMIT
            decided = Decided(transactional_id, committed, after.topic_partitions)
            self.decided[after.producer_id, after.producer_epoch] = decided
            epoch = after.producer_epoch if before is None else before.producer_epoch
            asked = (after.producer_id, epoch, committed) in self.asked
        elif after.state is TransactionState.EMPTY:
            self.initialized[after.producer_id, after.producer_epoch] = None
        return TransactionStep(transactional_id, before, after, asked)

    def owner(self, producer_id: ProducerId) -> TransactionMetadata | None:
        """Return what is committed of a producer id; None of one that has no transactional id."""
        transactional_id = self.of_producer.get(producer_id)
        known = None if transactional_id is None else self.known.get(transactional_id)
        return known if known is not None and known.producer_id == producer_id else None

    def undecided(self) -> str | None:
        """Return a transaction that goes on, or whose markers are not all written."""
        for transactional_id, known in self.known.items():
            if known.state in (*PREPARED, TransactionState.ONGOING):
                return f"{transactional_id}: {known.state.text}"
        return None
