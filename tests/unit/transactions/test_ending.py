"""What EndTxn is answered, in every state and by both sets of rules."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.transactions.commands import EndTransaction, ProducerIdentity, ProducerIdNeeded
from minikafka.transactions.ending import end_transaction
from minikafka.transactions.metadata import EPOCH_MAX, TransactionMetadata
from minikafka.transactions.states import TransactionState

S = TransactionState
FENCED, INVALID = ErrorCode.PRODUCER_FENCED, ErrorCode.INVALID_TXN_STATE
BUSY, MAPPING = ErrorCode.CONCURRENT_TRANSACTIONS, ErrorCode.INVALID_PRODUCER_ID_MAPPING
DONE, COMMIT, ABORT = ErrorCode.NONE, S.PREPARE_COMMIT, S.PREPARE_ABORT
EPOCH = 5


def ending(
    state: TransactionState,
    *,
    committed: bool,
    version: int,
    epoch: int = EPOCH,
    producer_id: int = 7,
    pending: bool = False,
    known_epoch: int = EPOCH,
    new_id: int | None = None,
) -> object:
    """Return the state that follows, or the answer."""
    known = TransactionMetadata(
        7,
        1_000,
        producer_epoch=known_epoch,
        state=state,
        topic_partitions=(TopicPartition("t", 0),),
        start_timestamp_ms=10,
    )
    command = EndTransaction("x", ProducerIdentity(producer_id, epoch), committed, version)
    try:
        after = end_transaction(known, command, new_id, pending=pending, timestamp_ms=50)
    except KafkaError as error:
        return error.code
    return DONE if after is None else after.state


@pytest.mark.parametrize(
    ("state", "commit", "abort"),
    [
        (S.EMPTY, INVALID, INVALID),
        (S.ONGOING, COMMIT, ABORT),
        (S.PREPARE_COMMIT, BUSY, INVALID),
        (S.PREPARE_ABORT, INVALID, BUSY),
        (S.COMPLETE_COMMIT, DONE, INVALID),
        (S.COMPLETE_ABORT, INVALID, DONE),
    ],
)
def test_before_kip_890_the_state_says_what_a_request_means(
    state: TransactionState, commit: object, abort: object
) -> None:
    """The same end again is answered, the other one refused."""
    assert ending(state, committed=True, version=0) == commit
    assert ending(state, committed=False, version=0) == abort
    for epoch in (EPOCH - 1, EPOCH + 1):
        assert ending(state, committed=True, version=0, epoch=epoch) == FENCED


@pytest.mark.parametrize(
    ("state", "current", "retry"),
    [
        (S.EMPTY, (INVALID, ABORT), (FENCED, FENCED)),
        (S.ONGOING, (COMMIT, ABORT), (FENCED, FENCED)),
        (S.PREPARE_COMMIT, (FENCED, FENCED), (BUSY, INVALID)),
        (S.PREPARE_ABORT, (FENCED, FENCED), (INVALID, BUSY)),
        (S.COMPLETE_COMMIT, (INVALID, ABORT), (DONE, INVALID)),
        (S.COMPLETE_ABORT, (INVALID, ABORT), (INVALID, DONE)),
    ],
)
def test_with_kip_890_the_epoch_says_whether_a_request_is_new(
    state: TransactionState, current: tuple[object, object], retry: tuple[object, object]
) -> None:
    """The present epoch asks for the next end, the one before for the last one."""
    for committed, expected in zip((True, False), current, strict=True):
        assert ending(state, committed=committed, version=2) == expected
    for committed, expected in zip((True, False), retry, strict=True):
        assert ending(state, committed=committed, version=2, epoch=EPOCH - 1) == expected
    for epoch in (EPOCH - 2, EPOCH + 1):
        assert ending(state, committed=True, version=2, epoch=epoch) == FENCED


@pytest.mark.parametrize("version", [0, 2])
def test_another_producer_id_is_not_this_ones(version: int) -> None:
    """Who has it was given another transactional id, or is long gone."""
    assert ending(S.ONGOING, committed=True, version=version, producer_id=8) == MAPPING


def test_what_is_asked_first_differs_between_the_rules() -> None:
    """While a step is pending only the newer rules answer that before anything else."""
    assert ending(S.ONGOING, committed=True, version=0, producer_id=8, pending=True) == MAPPING
    assert ending(S.ONGOING, committed=True, version=0, epoch=1, pending=True) == FENCED
    assert ending(S.ONGOING, committed=True, version=0, pending=True) == BUSY
    assert ending(S.ONGOING, committed=True, version=2, producer_id=8, pending=True) == BUSY


def test_the_last_epoch_of_a_producer_id_needs_another_one() -> None:
    """Only where each transaction has an epoch of its own."""
    last = EPOCH_MAX - 1
    assert ending(S.ONGOING, committed=True, version=0, epoch=last, known_epoch=last) == COMMIT
    with pytest.raises(ProducerIdNeeded):
        ending(S.ONGOING, committed=True, version=2, epoch=last, known_epoch=last)
    assert (
        ending(S.ONGOING, committed=True, version=2, epoch=last, known_epoch=last, new_id=9)
        == COMMIT
    )
