"""Who gets a transactional id, and who is fenced by that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.transactions.commands import InitProducerId, ProducerIdentity, ProducerIdNeeded
from minikafka.transactions.initializing import initialize
from minikafka.transactions.metadata import EPOCH_MAX, TransactionMetadata
from minikafka.transactions.states import PREPARED, TransactionState

KNOWN = TransactionMetadata(7, 1_000, producer_epoch=5, last_producer_epoch=4)
EXHAUSTED = replace(KNOWN, producer_epoch=EPOCH_MAX - 1, last_producer_epoch=EPOCH_MAX - 2)
FENCED = ErrorCode.PRODUCER_FENCED


def take(
    known: TransactionMetadata | None,
    expected: tuple[int, int] | None = None,
    *,
    new_id: int | None = None,
    pending: bool = False,
    version: int = 0,
) -> TransactionMetadata | ErrorCode:
    """Return what is known then, or the refusal."""
    identity = None if expected is None else ProducerIdentity(*expected)
    command = InitProducerId("x", 2_000, identity)
    try:
        return initialize(
            known, command, new_id, pending=pending, version=version, timestamp_ms=50
        )
    except KafkaError as error:
        return error.code


def owner(after: TransactionMetadata | ErrorCode) -> tuple[int, int, int]:
    """Return producer id, epoch and last epoch."""
    assert isinstance(after, TransactionMetadata)
    return after.producer_id, after.producer_epoch, after.last_producer_epoch


def test_a_new_transactional_id_begins_at_epoch_0() -> None:
    """Under a new producer id, whatever the producer had before."""
    with pytest.raises(ProducerIdNeeded):
        take(None)
    assert owner(take(None, new_id=9)) == (9, 0, -1)
    assert owner(take(None, (3, 3), new_id=9)) == (9, 0, -1)


@pytest.mark.parametrize(
    "state",
    [TransactionState.EMPTY, TransactionState.COMPLETE_COMMIT, TransactionState.COMPLETE_ABORT],
)
def test_a_producer_that_begins_fences_the_one_before(state: TransactionState) -> None:
    """It has the next epoch, and the one before cannot ask again."""
    after = take(replace(KNOWN, state=state, start_timestamp_ms=1))
    assert owner(after) == (7, 6, -1)
    assert after == replace(
        KNOWN,
        producer_epoch=6,
        last_producer_epoch=-1,
        timeout_ms=2_000,
        previous_producer_id=7,
        last_update_timestamp_ms=50,
    )


def test_an_owner_that_names_its_epoch_goes_on_with_the_next() -> None:
    """It may ask again, should the answer be lost (KIP-360)."""
    assert owner(take(KNOWN, (7, 5))) == (7, 6, 5)
    assert owner(take(KNOWN, (7, 4))) == (7, 5, 4)


@pytest.mark.parametrize("expected", [(7, 3), (7, 6), (8, 5)])
def test_who_was_replaced_is_fenced(expected: tuple[int, int]) -> None:
    """An older epoch, one that was never given, another producer id."""
    assert take(KNOWN, expected) is FENCED


def test_a_producer_id_without_epochs_is_replaced() -> None:
    """The epoch before the last is the last that a producer is given."""
    with pytest.raises(ProducerIdNeeded):
        take(EXHAUSTED)
    assert owner(take(EXHAUSTED, new_id=9)) == (9, 0, -1)
    after = take(EXHAUSTED, (7, EPOCH_MAX - 1), new_id=9)
    assert owner(after) == (9, 0, EPOCH_MAX - 1)
    assert isinstance(after, TransactionMetadata)
    # Its answer was lost: it asks with what it had, and is given the same again.
    assert owner(take(after, (7, EPOCH_MAX - 1))) == (9, 0, EPOCH_MAX - 1)


def test_a_lost_answer_with_the_last_epoch_is_given_again() -> None:
    """Kafka fails there on an assertion of its own."""
    assert owner(take(EXHAUSTED, (7, EPOCH_MAX - 2))) == (7, EPOCH_MAX - 1, EPOCH_MAX - 2)
    assert take(EXHAUSTED, (7, 3)) is FENCED


def test_nobody_is_given_the_fencing_epoch() -> None:
    """Not even who had the one before when it was fenced."""
    fenced = replace(KNOWN, producer_epoch=EPOCH_MAX, last_producer_epoch=EPOCH_MAX - 1)
    assert take(fenced, (7, EPOCH_MAX - 1)) is FENCED
    assert owner(take(fenced, new_id=9)) == (9, 0, -1)


def test_nothing_happens_before_markers_are_written() -> None:
    """Neither while a step is on its way into the log."""
    for state in PREPARED:
        assert take(replace(KNOWN, state=state)) is ErrorCode.CONCURRENT_TRANSACTIONS
    assert take(KNOWN, pending=True) is ErrorCode.CONCURRENT_TRANSACTIONS
    assert take(None, pending=True) is ErrorCode.CONCURRENT_TRANSACTIONS


@pytest.mark.parametrize(("version", "last"), [(0, -1), (2, 5)])
def test_a_transaction_that_goes_on_is_aborted_first(version: int, last: int) -> None:
    """In an epoch that fences whoever began it; it is bumped once, by either rules."""
    after = take(replace(KNOWN, state=TransactionState.ONGOING), version=version)
    assert owner(after) == (7, 6, last)
    assert isinstance(after, TransactionMetadata)
    assert after.state is TransactionState.PREPARE_ABORT
    assert after.timeout_ms == KNOWN.timeout_ms
