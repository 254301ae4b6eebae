"""How a producer's transaction ends: what EndTxn is answered in each state.

Two sets of rules. Up to transaction.version 1 an epoch lasts from one InitProducerId to the next, so
a request that is sent again looks like the first, and the state alone says what it means. From
version 2 on every end bumps the epoch (KIP-890): who still names the epoch before asks again.
Counterpart: TransactionCoordinator.endTransaction, endTransactionWithTV1. KIP-98, KIP-890.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ProducerId
from minikafka.transactions.commands import EndTransaction, ProducerIdentity, ProducerIdNeeded
from minikafka.transactions.metadata import (
    EPOCH_MAX,
    NO_PRODUCER_ID,
    V2,
    TransactionMetadata,
)
from minikafka.transactions.states import PREPARED, TransactionState

__all__ = ["end_transaction"]

_S = TransactionState
_DONE = ErrorCode.NONE
_INVALID = ErrorCode.INVALID_TXN_STATE
_BUSY = ErrorCode.CONCURRENT_TRANSACTIONS

# By state and whether it is a commit: the state that follows, or the answer.
_V1: Mapping[tuple[TransactionState, bool], TransactionState | ErrorCode] = MappingProxyType(
    {
        (_S.EMPTY, True): _INVALID,
        (_S.EMPTY, False): _INVALID,
        (_S.ONGOING, True): _S.PREPARE_COMMIT,
        (_S.ONGOING, False): _S.PREPARE_ABORT,
        (_S.PREPARE_COMMIT, True): _BUSY,
        (_S.PREPARE_COMMIT, False): _INVALID,
        (_S.PREPARE_ABORT, True): _INVALID,
        (_S.PREPARE_ABORT, False): _BUSY,
        (_S.COMPLETE_COMMIT, True): _DONE,
        (_S.COMPLETE_COMMIT, False): _INVALID,
        (_S.COMPLETE_ABORT, True): _INVALID,
        (_S.COMPLETE_ABORT, False): _DONE,
    }
)
# The same where the producer names its present epoch ...
_V2_CURRENT: Mapping[tuple[TransactionState, bool], TransactionState | ErrorCode] = (
    MappingProxyType(
        {
            **_V1,
            # A producer that cannot know whether something was added aborts to be sure.
            (_S.EMPTY, False): _S.PREPARE_ABORT,
            (_S.COMPLETE_COMMIT, True): _INVALID,
            (_S.COMPLETE_COMMIT, False): _S.PREPARE_ABORT,
            (_S.COMPLETE_ABORT, True): _INVALID,
            (_S.COMPLETE_ABORT, False): _S.PREPARE_ABORT,
        }
    )
)
# ... and where it names the one before. Of these states alone it may.
_V2_RETRY: Mapping[tuple[TransactionState, bool], TransactionState | ErrorCode] = (
    MappingProxyType(
        {key: answer for key, answer in _V1.items() if key[0] >= _S.PREPARE_COMMIT}
    )
)


def end_transaction(
    known: TransactionMetadata,
    command: EndTransaction,
    new_producer_id: ProducerId | None,
    *,
    pending: bool,
    timestamp_ms: int,
) -> TransactionMetadata | None:
    """Return it decided; None where that has been done already, and is to be answered so.

    Args:
        new_producer_id: for a producer whose epochs are exhausted; None before it is asked for.
        pending: another step is written and not committed.

    Raises:
        KafkaError: INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED, CONCURRENT_TRANSACTIONS,
            INVALID_TXN_STATE.
        ProducerIdNeeded: there is none, and one is needed.
    """
    answer = (
        _answer_v2(known, command, pending)
        if command.version >= V2
        else _answer_v1(known, command, pending)
    )
    if answer is _DONE:
        return None
    if isinstance(answer, ErrorCode):
        raise KafkaError(answer)
    next_producer_id = NO_PRODUCER_ID
    if command.version >= V2 and known.epoch_exhausted:
        if new_producer_id is None:
            raise ProducerIdNeeded
        next_producer_id = new_producer_id
    return known.prepared(answer, command.version, next_producer_id, timestamp_ms)


def _answer_v1(
    known: TransactionMetadata, command: EndTransaction, pending: bool
) -> TransactionState | ErrorCode:
    if known.producer_id != command.producer.producer_id:
        return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    if known.producer_epoch != command.producer.epoch:
        return ErrorCode.PRODUCER_FENCED
    if pending:
        return _BUSY
    return _V1[known.state, command.committed]


def _answer_v2(
    known: TransactionMetadata, command: EndTransaction, pending: bool
) -> TransactionState | ErrorCode:
    if pending:
        return _BUSY
    after_overflow = _is_before_overflow(known, command.producer)
    if known.producer_id != command.producer.producer_id and not after_overflow:
        return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    key = known.state, command.committed
    if after_overflow or known.producer_epoch == command.producer.epoch + 1:
        return _V2_RETRY.get(key, ErrorCode.PRODUCER_FENCED)
    # A decision ends the epoch: nobody has the one in which markers are written.
    if known.producer_epoch != command.producer.epoch or known.state in PREPARED:
        return ErrorCode.PRODUCER_FENCED
    return _V2_CURRENT[key]


def _is_before_overflow(known: TransactionMetadata, producer: ProducerIdentity) -> bool:
    """Tell whether a producer names what it had before it was told another producer id."""
    return (
        known.previous_producer_id == producer.producer_id
        and producer.epoch == EPOCH_MAX - 1
        and known.producer_epoch == 0
    )
