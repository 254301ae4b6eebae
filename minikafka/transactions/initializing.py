"""How a producer takes a transactional id over: InitProducerId.

Counterpart: TransactionCoordinator.handleInitProducerId. KIP-98, KIP-360, KIP-588.
"""

from __future__ import annotations

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ProducerId
from minikafka.transactions.commands import InitProducerId, ProducerIdentity, ProducerIdNeeded
from minikafka.transactions.metadata import (
    EPOCH_MAX,
    NO_PRODUCER_EPOCH,
    TransactionMetadata,
    epoch_is_exhausted,
)
from minikafka.transactions.states import PREPARED, TransactionState

__all__ = ["check_form", "initialize"]


def check_form(command: InitProducerId, timeout_max_ms: int) -> None:
    """Refuse what no coordinator would take.

    Raises:
        KafkaError: INVALID_REQUEST without a transactional id, INVALID_TRANSACTION_TIMEOUT.
    """
    if not command.transactional_id:
        raise KafkaError(ErrorCode.INVALID_REQUEST)
    if not 0 < command.timeout_ms <= timeout_max_ms:
        raise KafkaError(ErrorCode.INVALID_TRANSACTION_TIMEOUT)


def initialize(
    known: TransactionMetadata | None,
    command: InitProducerId,
    new_producer_id: ProducerId | None,
    *,
    pending: bool,
    version: int,
    timestamp_ms: int,
) -> TransactionMetadata:
    """Return the transactional id under its new owner.

    Where a transaction was going on it comes back as an abort of that: the producer asks again,
    and has the epoch after the one that fences whoever began the transaction.

    Args:
        known: None for a new transactional id.
        new_producer_id: None before it is asked for.
        version: the cluster's transaction.version, by which the coordinator aborts.

    Raises:
        KafkaError: PRODUCER_FENCED, CONCURRENT_TRANSACTIONS.
        ProducerIdNeeded: there is none, and one is needed.
    """
    if pending:
        raise KafkaError(ErrorCode.CONCURRENT_TRANSACTIONS)
    if known is None:
        known = TransactionMetadata(_taken(new_producer_id), command.timeout_ms)
    expected = command.expected
    if expected is not None and not _may_be(known, expected):
        raise KafkaError(ErrorCode.PRODUCER_FENCED)
    if known.state in PREPARED:
        raise KafkaError(ErrorCode.CONCURRENT_TRANSACTIONS)
    if known.state is TransactionState.ONGOING:
        return known.fenced(version, timestamp_ms)
    if known.epoch_exhausted:
        if expected is None or expected.epoch == known.producer_epoch:
            return known.rotated(
                _taken(new_producer_id), command.timeout_ms, expected is not None, timestamp_ms
            )
        # The last epoch is for fencing, and nobody's.
        if known.producer_epoch == EPOCH_MAX or expected.epoch != known.last_producer_epoch:
            raise KafkaError(ErrorCode.PRODUCER_FENCED)
    expected_epoch = None if expected is None else expected.epoch
    return known.bumped(command.timeout_ms, expected_epoch, timestamp_ms)


def _taken(producer_id: ProducerId | None) -> ProducerId:
    if producer_id is None:
        raise ProducerIdNeeded
    return producer_id


def _may_be(known: TransactionMetadata, expected: ProducerIdentity) -> bool:
    """Tell whether this producer may be the owner; its epoch is looked at later.

    A producer whose epochs are exhausted was given another id and may not have heard of it.
    """
    return (
        known.producer_epoch == NO_PRODUCER_EPOCH
        or expected.producer_id == known.producer_id
        or (
            expected.producer_id == known.previous_producer_id
            and epoch_is_exhausted(expected.epoch)
        )
    )
