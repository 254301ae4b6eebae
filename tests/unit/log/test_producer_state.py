"""Tests of minikafka.log.producer_state."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.log.producer_state import (
    AppendOrigin,
    KeptBatch,
    ProducerStates,
    last_sequence_of,
)
from minikafka.records.batch import Batch
from minikafka.records.markers import EndTransactionMarker, build_marker
from tests.support.builders import producer_batch

CLIENT, COORDINATOR = AppendOrigin.CLIENT, AppendOrigin.COORDINATOR
SEQUENCE_MAX = 2**31 - 1


def marker(
    offset: int, *, epoch: int = 0, coordinator: int = 0, committed: bool = True
) -> Batch:
    """Return a marker of producer 1 as it lies in a log."""
    batch = build_marker(1, epoch, EndTransactionMarker(committed, coordinator), 9_000)
    batch.base_offset = batch.last_offset = offset
    return batch


def refusal(states: ProducerStates, batch: Batch, origin: AppendOrigin = CLIENT) -> ErrorCode:
    """Return the code that a batch is refused with; nothing has changed."""
    before = repr(states)
    with pytest.raises(KafkaError) as refused:
        states.validate(batch, origin)
    assert repr(states) == before
    return ErrorCode(refused.value.code)


def test_a_producer_that_is_not_known_begins_anywhere() -> None:
    """Any epoch and sequence is taken, as what it wrote may be deleted (KIP-360)."""
    assert ProducerStates().validate(producer_batch(17, epoch=5), CLIENT) is None


def test_batches_follow_each_other() -> None:
    """The next sequence is the one behind the last record."""
    states = ProducerStates([producer_batch(0, 3)])
    assert states.validate(producer_batch(3, offset=3), CLIENT) is None
    assert states.entries[1].last_sequence == 2


@pytest.mark.parametrize("sequence", [2, 4, 17])
def test_a_gap_is_out_of_order(sequence: int) -> None:
    """Neither what comes too early nor a part of what was there is taken."""
    states = ProducerStates([producer_batch(0, 3)])
    batch = producer_batch(sequence, offset=3)
    assert refusal(states, batch) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


@pytest.mark.parametrize("back", range(5))
def test_the_last_five_batches_are_known_again(back: int) -> None:
    """Each is answered as what it was: its offsets and its timestamp."""
    batches = [producer_batch(2 * n, 2, offset=2 * n, timestamp_ms=n) for n in range(7)]
    states = ProducerStates(batches)
    sent = producer_batch(12 - 2 * back, 2, offset=99)
    first = 12 - 2 * back
    assert states.validate(sent, CLIENT) == KeptBatch(
        first, first + 1, first, first + 1, 6 - back
    )


def test_an_older_batch_is_out_of_order() -> None:
    """Of the sixth last nothing is known any more."""
    states = ProducerStates(producer_batch(n, offset=n) for n in range(6))
    again = producer_batch(0, offset=6)
    assert refusal(states, again) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_a_duplicate_has_the_same_first_and_last_sequence() -> None:
    """A batch that begins like another and ends elsewhere is none."""
    states = ProducerStates([producer_batch(0, 3)])
    longer = producer_batch(0, 4, offset=3)
    assert refusal(states, longer) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_an_older_epoch_is_over() -> None:
    """Also with the sequence that would be next."""
    states = ProducerStates([producer_batch(0, epoch=2)])
    late = producer_batch(1, epoch=1, offset=1)
    assert refusal(states, late) == ErrorCode.INVALID_PRODUCER_EPOCH


def test_a_new_epoch_begins_with_sequence_0() -> None:
    """And with no other, where an older epoch is known."""
    states = ProducerStates([producer_batch(0, epoch=2)])
    assert states.validate(producer_batch(0, epoch=3, offset=1), CLIENT) is None
    early = producer_batch(1, epoch=3, offset=1)
    assert refusal(states, early) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_a_new_epoch_forgets_the_batches_of_the_old_one() -> None:
    """The same sequences again are new batches then."""
    states = ProducerStates([producer_batch(0), producer_batch(0, epoch=1, offset=1)])
    assert [kept[2] for kept in states.entries[1].batches] == [1]


def test_sequences_go_on_from_the_greatest_one_with_0() -> None:
    """Within a batch and between two."""
    assert last_sequence_of(producer_batch(SEQUENCE_MAX - 1, 4)) == 1
    states = ProducerStates([producer_batch(SEQUENCE_MAX - 1, 2)])
    assert states.validate(producer_batch(0, offset=2), CLIENT) is None
    over = producer_batch(1, offset=2)
    assert refusal(states, over) == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_producers_do_not_know_each_other() -> None:
    """Each producer id has its own sequences."""
    states = ProducerStates([producer_batch(0, 3)])
    assert states.validate(producer_batch(8, producer_id=2, offset=3), CLIENT) is None


def test_coordinators_write_without_sequences() -> None:
    """Offsets in a transaction have none; the epoch is looked at all the same."""
    states = ProducerStates([producer_batch(-1, epoch=2, transactional=True)])
    offsets = producer_batch(-1, epoch=2, offset=1, transactional=True)
    assert states.validate(offsets, COORDINATOR) is None
    late = producer_batch(-1, epoch=1, offset=1, transactional=True)
    assert refusal(states, late, COORDINATOR) == ErrorCode.INVALID_PRODUCER_EPOCH


def test_followers_take_over_what_they_would_refuse() -> None:
    """After truncations and compaction sequences may seem to have gaps there (KAFKA-6003)."""
    states = ProducerStates([producer_batch(0), producer_batch(7, offset=1)])
    assert states.entries[1].last_sequence == 7


def test_a_transaction_is_open_from_its_first_batch_to_its_marker() -> None:
    """The marker closes it and leaves the sequences as they are."""
    states = ProducerStates([producer_batch(0, transactional=True, offset=5)])
    states.take(producer_batch(1, transactional=True, offset=6))
    assert states.entries[1].transaction_start == 5
    states.take(marker(7, coordinator=3))
    entry = states.entries[1]
    assert (entry.transaction_start, entry.coordinator_epoch) == (None, 3)
    assert (entry.last_sequence, entry.last_timestamp_ms) == (1, 9_000)


def test_a_marker_of_a_new_epoch_fences_the_old_one() -> None:
    """Its sequences begin anew then (KIP-890)."""
    states = ProducerStates([producer_batch(0, transactional=True), marker(1, epoch=1)])
    late = producer_batch(1, transactional=True, offset=2)
    assert refusal(states, late) == ErrorCode.INVALID_PRODUCER_EPOCH
    begin = producer_batch(0, epoch=1, transactional=True, offset=2)
    assert states.validate(begin, CLIENT) is None


def test_a_batch_outside_an_open_transaction_is_refused() -> None:
    """Its producer has to end the transaction first."""
    states = ProducerStates([producer_batch(0, transactional=True)])
    outside = producer_batch(1, offset=1)
    assert refusal(states, outside) == ErrorCode.INVALID_TXN_STATE


def test_a_former_coordinator_is_fenced() -> None:
    """Markers of an older coordinator epoch, or producer epoch, are refused."""
    states = ProducerStates([producer_batch(0, transactional=True), marker(1, coordinator=4)])
    assert states.validate(marker(2, coordinator=4), COORDINATOR) is None
    stale = refusal(states, marker(2, coordinator=3), COORDINATOR)
    assert stale == ErrorCode.TRANSACTION_COORDINATOR_FENCED
    states.take(marker(2, coordinator=4, epoch=1))
    older = refusal(states, marker(3, coordinator=4), COORDINATOR)
    assert older == ErrorCode.INVALID_PRODUCER_EPOCH


def test_truncation_brings_back_what_was_before() -> None:
    """Who wrote nothing that was cut stays, also where its records are gone from the log."""
    batches = [producer_batch(0), producer_batch(1, offset=1), producer_batch(2, offset=2)]
    deleted = producer_batch(0, producer_id=2, offset=0)
    states = ProducerStates([deleted, *batches])
    states.truncate(2, batches[:2])
    assert repr(states.entries[1]) == repr(ProducerStates(batches[:2]).entries[1])
    assert sorted(states.entries) == [1, 2]
    states.truncate(0, [])
    assert states.entries == {}


def test_silent_producers_expire() -> None:
    """By the time of their last batch; not while a transaction is open."""
    states = ProducerStates(
        [
            producer_batch(0, producer_id=1, timestamp_ms=1_000),
            producer_batch(0, producer_id=2, timestamp_ms=1_001),
            producer_batch(0, producer_id=3, timestamp_ms=1_000, transactional=True),
        ]
    )
    states.remove_expired(1_500, 500)
    assert sorted(states.entries) == [2, 3]
