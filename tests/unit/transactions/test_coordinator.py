"""What the transaction coordinator decides, and that a decision stays what it is."""

from __future__ import annotations

import pytest

from minikafka.base.errors import ErrorCode
from minikafka.transactions.commands import (
    AddPartitions,
    InitProducerId,
    ProducerIdentity,
)
from minikafka.transactions.metadata import EPOCH_MAX, TransactionMetadata
from minikafka.transactions.records import TransactionRecord
from minikafka.transactions.states import TransactionState
from tests.unit.transactions.desk import ID, P0, P1, Desk, refusal

S = TransactionState
BUSY = ErrorCode.CONCURRENT_TRANSACTIONS


def test_a_transaction_goes_from_its_producer_to_its_markers() -> None:
    """Partitions are added, the end is decided, the markers are written, the next one begins."""
    desk = Desk()
    producer = desk.producer()
    desk.add(producer, P1)
    desk.add(producer, P0)
    assert desk.end(producer) == producer
    assert desk.known.state is S.PREPARE_COMMIT
    owed = desk.complete()
    assert (owed.partitions, owed.committed, owed.producer_epoch) == ((P0, P1), True, 0)
    assert desk.known.state is S.COMPLETE_COMMIT
    assert desk.known.topic_partitions == ()
    desk.add(producer)
    assert desk.known.state is S.ONGOING


def test_with_kip_890_every_end_is_a_new_epoch() -> None:
    """Markers are in it already, so what the former epoch sends late is refused."""
    desk = Desk(version=2)
    producer = desk.producer()
    desk.add(producer)
    after = desk.end(producer)
    assert after == (producer.producer_id, 1)
    assert desk.complete().producer_epoch == 1
    assert desk.end(producer) == after
    assert refusal(lambda: desk.add(producer)) is ErrorCode.PRODUCER_FENCED
    desk.add(after)


def test_who_looks_on_hears_of_an_end_that_is_decided() -> None:
    """Not of one that was decided before, or is refused."""
    heard: list[bool] = []
    desk = Desk(version=2)
    desk.machine.hear = lambda command: heard.append(command.committed)
    producer = desk.producer()
    desk.add(producer)
    desk.end(producer)
    desk.complete()
    desk.end(producer)
    assert refusal(lambda: desk.end(producer, committed=False)) is not None
    assert heard == [True]


def test_an_abort_of_nothing_is_a_new_epoch_and_no_markers() -> None:
    """A producer that does not know what has arrived aborts to be sure (KIP-890)."""
    desk = Desk(version=2)
    producer = desk.producer()
    assert desk.end(producer, committed=False).epoch == 1
    assert desk.complete().partitions == ()
    assert desk.known.state is S.COMPLETE_ABORT


def test_a_producer_goes_on_under_another_id_when_its_epochs_end() -> None:
    """It hears of that with the end; the coordinator follows once the markers are written."""
    desk = Desk(version=2)
    producer_id = desk.producer().producer_id
    last = ProducerIdentity(producer_id, EPOCH_MAX - 1)
    known = TransactionMetadata(producer_id, 60_000, producer_epoch=last.epoch)
    desk.write_record(known)
    desk.add(last)
    after = desk.end(last)
    assert after == (desk.next_id, 0)
    desk.fail_over()
    assert desk.complete().producer_epoch == EPOCH_MAX
    desk.fail_over()
    assert desk.end(last) == after
    desk.add(after)


def test_an_ongoing_transaction_of_the_former_producer_is_aborted_first() -> None:
    """The one that asks is told to ask again, until the markers are written."""
    desk = Desk()
    zombie = desk.producer()
    desk.add(zombie)
    assert desk.init().error is BUSY
    assert refusal(lambda: desk.add(zombie)) is ErrorCode.PRODUCER_FENCED
    assert refusal(desk.init) is BUSY
    owed = desk.complete()
    assert (owed.committed, owed.producer_epoch) == (False, 1)
    assert desk.producer() == (zombie.producer_id, 2)


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("version", [0, 2])
def test_a_decision_outlives_its_coordinator(version: int, committed: bool) -> None:
    """Whoever reads it carries it out as it stands, however often that changes."""
    desk = Desk(version)
    producer = desk.producer()
    desk.add(producer, P0, P1)
    desk.end(producer, committed=committed)
    desk.fail_over()
    assert desk.known.state is (S.PREPARE_COMMIT if committed else S.PREPARE_ABORT)
    first = desk.owed()
    desk.fail_over()
    assert desk.owed() == first
    assert first.committed is committed
    assert (
        refusal(lambda: desk.end(producer, committed=not committed))
        is ErrorCode.INVALID_TXN_STATE
    )
    desk.do(desk.machine.complete(first, desk.now))
    desk.fail_over()
    assert desk.machine.take_owed() == ()


def test_every_prefix_of_a_log_can_be_gone_on_with() -> None:
    """A coordinator that reads up to a decision owes it, and up to anything else nothing."""
    desk = Desk()
    producer = desk.producer()
    desk.add(producer, P0)
    desk.end(producer)
    desk.complete()
    desk.add(producer, P1)
    desk.end(producer, committed=False)
    desk.complete()
    owing = [bool(desk.load(length).take_owed()) for length in range(len(desk.log) + 1)]
    assert owing == [False, False, False, True, False, False, True, False]


def test_nothing_is_owed_for_what_is_not_committed() -> None:
    """A decision that another leader may never have seen must not reach a partition."""
    desk = Desk()
    producer = desk.producer()
    desk.add(producer)
    decision = desk.decide_end(producer, committed=True)
    desk.write(decision)
    assert desk.machine.take_owed() == ()
    desk.settle(decision)
    assert len(desk.machine.take_owed()) == 1


def test_a_decision_that_took_too_long_is_still_carried_out() -> None:
    """The producer is told that nobody knows; the log has it, and decides."""
    desk = Desk()
    producer = desk.producer()
    desk.add(producer)
    decision = desk.decide_end(producer, committed=True)
    desk.write(decision)
    assert decision.settled is not None
    decision.settled(ErrorCode.COORDINATOR_NOT_AVAILABLE, desk.now)
    assert refusal(lambda: desk.end(producer, committed=False)) is ErrorCode.INVALID_TXN_STATE
    desk.machine.commit(decision.records)
    assert desk.owed().committed


def test_what_the_log_did_not_take_has_not_happened() -> None:
    """The step may be tried again."""
    desk = Desk()
    producer = desk.producer()
    desk.add(producer)
    decision = desk.decide_end(producer, committed=True)
    desk.settle(decision, ErrorCode.COORDINATOR_NOT_AVAILABLE)
    assert desk.known.state is S.ONGOING
    desk.end(producer, committed=False)
    assert desk.known.state is S.PREPARE_ABORT


def test_a_transactional_id_takes_one_step_at_a_time() -> None:
    """Until it is committed, everything else is told to wait; other ids are not."""
    desk = Desk()
    producer = desk.producer()
    decision = desk.machine.add_partitions(AddPartitions(ID, producer, (P0,)), desk.now)
    desk.write(decision)
    more = AddPartitions(ID, producer, (P1,))
    assert refusal(lambda: desk.machine.add_partitions(more, desk.now)) is BUSY
    assert refusal(lambda: desk.end(producer)) is BUSY
    assert refusal(desk.init) is BUSY
    desk.machine.init_producer_id(InitProducerId("other", 1_000), 9, desk.now)
    desk.settle(decision)
    desk.add(producer, P1)


def test_added_twice_is_added_once() -> None:
    """A request sent again writes nothing."""
    desk = Desk()
    producer = desk.producer()
    desk.add(producer, P0)
    length = len(desk.log)
    desk.add(producer, P0)
    assert len(desk.log) == length


def test_adding_is_for_the_owner_and_not_while_markers_are_owed() -> None:
    """Each refusal of AddPartitionsToTxn."""
    desk = Desk()
    producer = desk.producer()
    stranger = ProducerIdentity(9, 0)
    old = ProducerIdentity(producer.producer_id, -1)
    assert refusal(lambda: desk.add(stranger)) is ErrorCode.INVALID_PRODUCER_ID_MAPPING
    assert refusal(lambda: desk.add(old)) is ErrorCode.PRODUCER_FENCED
    unknown = AddPartitions("unknown", producer, (P0,))
    assert (
        refusal(lambda: desk.machine.add_partitions(unknown, desk.now))
        is ErrorCode.INVALID_PRODUCER_ID_MAPPING
    )
    nameless = AddPartitions("", producer, (P0,))
    assert (
        refusal(lambda: desk.machine.add_partitions(nameless, desk.now))
        is ErrorCode.INVALID_REQUEST
    )
    desk.add(producer)
    desk.end(producer)
    assert refusal(lambda: desk.add(producer)) is BUSY


def test_verification_says_what_is_part_of_the_transaction() -> None:
    """And adds nothing (KIP-890)."""
    desk = Desk()
    producer = desk.producer()
    desk.add(producer, P0)
    command = AddPartitions(ID, producer, (P0, P1))
    assert desk.machine.verify_partitions(command) == {
        P0: ErrorCode.NONE,
        P1: ErrorCode.TRANSACTION_ABORTABLE,
    }
    desk.end(producer)
    assert refusal(lambda: desk.machine.verify_partitions(command)) is BUSY
    stranger = AddPartitions(ID, ProducerIdentity(9, 0), (P0,))
    assert (
        refusal(lambda: desk.machine.verify_partitions(stranger))
        is ErrorCode.INVALID_PRODUCER_ID_MAPPING
    )


@pytest.mark.parametrize("timeout_ms", [0, -1, 900_001])
def test_a_timeout_that_brokers_do_not_grant_is_refused(timeout_ms: int) -> None:
    """transaction.max.timeout.ms, and something at all."""
    assert (
        refusal(lambda: Desk().init(timeout_ms=timeout_ms))
        is ErrorCode.INVALID_TRANSACTION_TIMEOUT
    )


@pytest.mark.parametrize("version", [0, 2])
def test_a_transaction_that_takes_too_long_is_aborted(version: int) -> None:
    """In an epoch more, so that its producer is fenced; at the next look."""
    desk = Desk(version)
    producer = desk.init(timeout_ms=100).identity
    desk.add(producer)
    assert desk.tick(100) == 0
    assert desk.tick(10) == 1
    assert desk.known.state is S.PREPARE_ABORT
    assert desk.known.producer_epoch == 1
    assert refusal(lambda: desk.add(producer)) is ErrorCode.PRODUCER_FENCED
    assert not desk.complete().committed
    assert desk.tick(100) == 0


def test_an_abort_that_the_log_refuses_waits_for_the_next_look() -> None:
    """It is not offered again and again."""
    desk = Desk()
    desk.add(desk.init(timeout_ms=100).identity)
    desk.now_ms = 200
    decision = desk.machine.tick(desk.now)
    assert decision is not None
    desk.settle(decision, ErrorCode.COORDINATOR_NOT_AVAILABLE)
    assert desk.machine.tick(desk.now) is None
    assert desk.tick(10) == 1


def test_an_id_that_nobody_uses_is_forgotten() -> None:
    """With a tombstone, after transactional.id.expiration.ms; its producer is unknown then."""
    desk = Desk()
    producer = desk.producer()
    assert desk.tick(999) == 0
    assert desk.tick(50) == 1
    assert desk.log[-1] == TransactionRecord(ID, None)
    assert refusal(lambda: desk.add(producer)) is ErrorCode.INVALID_PRODUCER_ID_MAPPING
    assert desk.machine.next_deadline_ms() is None
    assert desk.producer().epoch == 0


def test_an_id_in_use_is_not_forgotten() -> None:
    """Neither while a transaction goes on nor while markers are owed."""
    desk = Desk()
    desk.add(desk.producer())
    assert desk.tick(5_000) == 0
    desk.init()
    assert desk.tick(5_000) == 0
    desk.complete()
    assert desk.tick(5_000) == 1


def test_many_ids_are_forgotten_in_several_batches() -> None:
    """Of bounded size, with a pause between them."""
    desk = Desk()
    for number in range(150):
        desk.do(
            desk.machine.init_producer_id(
                InitProducerId(f"id-{number}", 1_000), number, desk.now
            )
        )
    assert desk.tick(2_000) == 1
    assert desk.tick(100) == 1
    assert desk.tick(100) == 0


def test_completing_twice_is_completing_once() -> None:
    """Nor does a late completion touch the transaction after."""
    desk = Desk()
    producer = desk.producer()
    desk.add(producer)
    desk.end(producer)
    owed = desk.complete()
    length = len(desk.log)
    desk.do(desk.machine.complete(owed, desk.now))
    desk.add(producer)
    desk.do(desk.machine.complete(owed, desk.now))
    assert len(desk.log) == length + 1


def test_lists_are_filtered_by_producer_state_and_duration() -> None:
    """All together, as in ListTransactions (KIP-664, KIP-994)."""
    desk = Desk()
    producer = desk.producer()
    desk.add(producer)
    desk.now_ms = 100

    def listed(
        ids: tuple[int, ...] = (), states: tuple[S, ...] | None = None, ms: int = -1
    ) -> int:
        return len(desk.machine.list_transactions(ids, states, ms, desk.now.timestamp_ms))

    assert desk.machine.list_transactions((), None, -1, 0) == [
        (ID, producer.producer_id, "Ongoing")
    ]
    assert listed((producer.producer_id,), (S.ONGOING,), 99) == 1
    assert (listed((9,)), listed(states=(S.EMPTY,)), listed(ms=100)) == (0, 0, 0)
    assert listed(states=()) == 0


def test_what_is_not_known_is_not_described() -> None:
    """TRANSACTIONAL_ID_NOT_FOUND, or no request at all."""
    machine = Desk().machine
    assert refusal(lambda: machine.describe("x")) is ErrorCode.TRANSACTIONAL_ID_NOT_FOUND
    assert refusal(lambda: machine.describe("")) is ErrorCode.INVALID_REQUEST
