"""All that is known of one transactional id, and what each step makes of it.

Values: a step returns another one. Whether a step is allowed, the callers have asked before; that
the states follow each other is checked here. Counterpart: TransactionMetadata, TxnTransitMetadata.
KIP-98, KIP-360, KIP-890.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import NO_TIMESTAMP, ProducerId, TopicPartition
from minikafka.transactions.states import ENDED, TransactionState, check_transition

__all__ = [
    "EPOCH_MAX",
    "NO_PRODUCER_EPOCH",
    "NO_PRODUCER_ID",
    "V2",
    "TransactionMetadata",
    "epoch_is_exhausted",
]

NO_PRODUCER_ID: ProducerId = -1
NO_PRODUCER_EPOCH = -1
EPOCH_MAX = 0x7FFF
"""Clients get epochs up to one less: the last one is for fencing whoever has that."""
V2 = 2
"""The transaction.version from which each transaction has an epoch of its own (KIP-890)."""


def epoch_is_exhausted(epoch: int) -> bool:
    """Tell whether no client can be given the epoch after this one."""
    return epoch >= EPOCH_MAX - 1


@dataclass(frozen=True, slots=True)
class TransactionMetadata:
    """One transactional id; times are wall-clock, -1 for none.

    Attributes:
        producer_epoch: -1 until a producer has been initialized.
        last_producer_epoch: the one before, where its owner may ask again (KIP-360); not in the log,
            so -1 with every new coordinator.
        previous_producer_id: the one before the last step.
        next_producer_id: what the owner has already been told to go on with, where the epochs of
            `producer_id` have come to their end (KIP-890); else -1.
        topic_partitions: added to the transaction, in the order of names.
        client_transaction_version: by which rules the transaction was ended or added to.
    """

    producer_id: ProducerId
    timeout_ms: int
    producer_epoch: int = NO_PRODUCER_EPOCH
    last_producer_epoch: int = NO_PRODUCER_EPOCH
    previous_producer_id: ProducerId = NO_PRODUCER_ID
    next_producer_id: ProducerId = NO_PRODUCER_ID
    state: TransactionState = TransactionState.EMPTY
    topic_partitions: tuple[TopicPartition, ...] = ()
    start_timestamp_ms: int = NO_TIMESTAMP
    last_update_timestamp_ms: int = NO_TIMESTAMP
    client_transaction_version: int = 0

    @property
    def epoch_exhausted(self) -> bool:
        """True where the next producer needs another producer id."""
        return epoch_is_exhausted(self.producer_epoch)

    def bumped(
        self, timeout_ms: int, expected_epoch: int | None, timestamp_ms: int
    ) -> TransactionMetadata:
        """Return it initialized, in the next epoch; in this one where the owner asks again.

        Args:
            expected_epoch: what the producer believes to have (KIP-360); None of a new one.

        Raises:
            KafkaError: PRODUCER_FENCED when somebody else has been initialized since.
        """
        last = NO_PRODUCER_EPOCH
        epoch = self.producer_epoch + 1
        if expected_epoch is not None:
            last = self.producer_epoch
            if self.producer_epoch not in (NO_PRODUCER_EPOCH, expected_epoch):
                if expected_epoch != self.last_producer_epoch:
                    raise KafkaError(ErrorCode.PRODUCER_FENCED)
                # The answer was lost. Whoever had come between would have set it to -1.
                epoch, last = self.producer_epoch, self.last_producer_epoch
        return self._initialized(self.producer_id, epoch, last, timeout_ms, timestamp_ms)

    def rotated(
        self, producer_id: ProducerId, timeout_ms: int, keeps_last: bool, timestamp_ms: int
    ) -> TransactionMetadata:
        """Return it initialized under another producer id, whose epochs begin anew.

        Args:
            keeps_last: the owner has named its epoch, and may ask again with it.
        """
        last = self.producer_epoch if keeps_last else NO_PRODUCER_EPOCH
        return self._initialized(producer_id, 0, last, timeout_ms, timestamp_ms)

    def _initialized(
        self, producer_id: ProducerId, epoch: int, last: int, timeout_ms: int, timestamp_ms: int
    ) -> TransactionMetadata:
        return self._transit(
            replace(
                self,
                producer_id=producer_id,
                producer_epoch=epoch,
                last_producer_epoch=last,
                timeout_ms=timeout_ms,
                state=TransactionState.EMPTY,
                topic_partitions=(),
                start_timestamp_ms=NO_TIMESTAMP,
                last_update_timestamp_ms=timestamp_ms,
            )
        )

    def added(
        self, partitions: Iterable[TopicPartition], version: int, timestamp_ms: int
    ) -> TransactionMetadata:
        """Return it with partitions more; the first ones begin the transaction."""
        begins = self.state in ENDED
        return self._transit(
            replace(
                self,
                state=TransactionState.ONGOING,
                topic_partitions=tuple(sorted({*self.topic_partitions, *partitions})),
                start_timestamp_ms=timestamp_ms if begins else self.start_timestamp_ms,
                last_update_timestamp_ms=timestamp_ms,
                client_transaction_version=version,
            )
        )

    def prepared(
        self,
        state: TransactionState,
        version: int,
        next_producer_id: ProducerId,
        timestamp_ms: int,
    ) -> TransactionMetadata:
        """Return it decided. By the rules of KIP-890 that ends the epoch, too.

        Args:
            next_producer_id: for the next transaction, where the epochs are exhausted; else -1.
        """
        epoch, last = self.producer_epoch, self.last_producer_epoch
        if version >= V2:
            epoch, last = min(epoch + 1, EPOCH_MAX), epoch
        never_began = self.state in ENDED
        return self._transit(
            replace(
                self,
                state=state,
                producer_epoch=epoch,
                last_producer_epoch=last,
                next_producer_id=next_producer_id,
                start_timestamp_ms=timestamp_ms if never_began else self.start_timestamp_ms,
                last_update_timestamp_ms=timestamp_ms,
                client_transaction_version=version,
            )
        )

    def fenced(self, version: int, timestamp_ms: int) -> TransactionMetadata:
        """Return it as an abort that nobody has asked for, in an epoch that nobody has."""
        former = self
        if version < V2:
            epoch = min(self.producer_epoch + 1, EPOCH_MAX)
            former = replace(self, producer_epoch=epoch, last_producer_epoch=NO_PRODUCER_EPOCH)
        return former.prepared(
            TransactionState.PREPARE_ABORT, version, NO_PRODUCER_ID, timestamp_ms
        )

    def completed(self, timestamp_ms: int) -> TransactionMetadata:
        """Return it with all markers written."""
        state = (
            TransactionState.COMPLETE_COMMIT
            if self.state is TransactionState.PREPARE_COMMIT
            else TransactionState.COMPLETE_ABORT
        )
        producer_id, epoch = self.told
        return self._transit(
            replace(
                self,
                state=state,
                producer_id=producer_id,
                producer_epoch=epoch,
                next_producer_id=NO_PRODUCER_ID,
                topic_partitions=(),
                last_update_timestamp_ms=timestamp_ms,
            )
        )

    @property
    def told(self) -> tuple[ProducerId, int]:
        """The producer id and epoch that the owner goes on with."""
        if self.client_transaction_version >= V2 and self.next_producer_id != NO_PRODUCER_ID:
            return self.next_producer_id, 0
        return self.producer_id, self.producer_epoch

    def _transit(self, after: TransactionMetadata) -> TransactionMetadata:
        check_transition(self.state, after.state)
        return replace(after, previous_producer_id=self.producer_id)
