"""Each rule of transactions, shown a cluster that breaks it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from types import SimpleNamespace

import pytest

from minikafka.base.ids import TopicPartition
from minikafka.log.producer_state import AppendOrigin
from minikafka.records.batch import Batch
from minikafka.records.markers import EndTransactionMarker, build_marker
from minikafka.transactions.metadata import TransactionMetadata
from minikafka.transactions.states import TransactionState
from minikafka.trials.ghost import Ghost
from minikafka.trials.invariants import REGISTERED, Answer, Transacted
from minikafka.trials.simulation import Simulation
from minikafka.trials.transaction_ghost import Decided
from minikafka.wire.versions import ApiKey
from tests.support.builders import producer_batch
from tests.support.rule_runs import broken, led

S = TransactionState
PLACE = TopicPartition("t", 0)
KNOWN = TransactionMetadata(1, 60_000, producer_epoch=3)


def at(state: TransactionState, epoch: int = 3, *places: TopicPartition) -> TransactionMetadata:
    """Return the transactional id in a state."""
    return replace(KNOWN, state=state, producer_epoch=epoch, topic_partitions=places)


def wrong(
    before: TransactionMetadata | None,
    after: TransactionMetadata | None,
    *,
    asked: bool = True,
) -> list[str]:
    """Return the rules that a step breaks."""
    step = Transacted("shop", before, after, asked, Ghost())
    return [name for name, rule in REGISTERED["transacted"] if rule(step) is not None]


def written(s: Simulation, batch: Batch) -> None:
    """Have the leader append a batch whatever it knows."""
    leader = led(s).leader
    assert leader is not None
    leader.log.producers.clear()
    leader.append(batch, -1, 0, AppendOrigin.COORDINATOR)


def marker(*, committed: bool = True, coordinator_epoch: int = 0, epoch: int = 3) -> Batch:
    """Return a marker of producer 1."""
    return build_marker(1, epoch, EndTransactionMarker(committed, coordinator_epoch), 0)


def known(s: Simulation, state: TransactionMetadata) -> None:
    """Let it be what is committed of producer 1."""
    world = s.invariants.ghost.transactions
    world.known["shop"] = state
    world.of_producer[1] = "shop"


def decided(s: Simulation, place: TopicPartition = PLACE) -> Decided:
    """Let it be committed that producer 1 commits."""
    made = Decided("shop", committed=True, partitions=(place,))
    s.invariants.ghost.transactions.decided[1, 3] = made
    return made


def batch(sequence: int = 0, epoch: int = 3) -> Batch:
    """Return a batch in a transaction of producer 1."""
    return producer_batch(sequence, epoch=epoch, transactional=True)


def test_sound_steps_break_nothing() -> None:
    """From the first producer to the next one, and until it is forgotten."""
    states: list[TransactionMetadata | None] = [
        None,
        at(S.EMPTY),
        at(S.ONGOING),
        at(S.ONGOING),
        at(S.PREPARE_COMMIT),
        at(S.COMPLETE_COMMIT),
        at(S.ONGOING),
        at(S.PREPARE_ABORT, 4),
        at(S.COMPLETE_ABORT, 4),
        at(S.PREPARE_ABORT, 5),
        at(S.COMPLETE_ABORT, 5),
        at(S.EMPTY, 6),
        None,
    ]
    for before, after in itertools.pairwise(states):
        assert wrong(before, after) == [], (before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, at(S.ONGOING)),
        (at(S.EMPTY), at(S.PREPARE_COMMIT)),
        (at(S.ONGOING), at(S.EMPTY)),
        (at(S.PREPARE_COMMIT), at(S.COMPLETE_ABORT)),
        (at(S.PREPARE_ABORT), at(S.PREPARE_COMMIT)),
        (at(S.COMPLETE_COMMIT), at(S.COMPLETE_COMMIT)),
        (at(S.ONGOING), None),
    ],
    ids=str,
)
def test_a_state_that_does_not_follow_breaks_t1(
    before: TransactionMetadata | None, after: TransactionMetadata | None
) -> None:
    """Nothing is decided twice, or forgotten while it goes on."""
    assert wrong(before, after) == ["T1"]


def test_a_commit_that_nobody_asked_for_breaks_t2() -> None:
    """A coordinator aborts by itself, and commits when it is told to."""
    assert wrong(at(S.ONGOING), at(S.PREPARE_COMMIT), asked=False) == ["T2"]


def test_an_epoch_that_falls_breaks_t9() -> None:
    """Who was fenced would be owner again."""
    assert wrong(at(S.COMPLETE_ABORT, 4), at(S.EMPTY, 3)) == ["T9"]


def test_an_epoch_that_was_never_written_breaks_t9() -> None:
    """One for each producer: else they come to their end (KAFKA-9666)."""
    assert wrong(at(S.COMPLETE_ABORT, 4), at(S.EMPTY, 6)) == ["T9"]


def test_an_abort_that_fences_nobody_breaks_t11() -> None:
    """Its producer does not know, and writes on."""
    assert wrong(at(S.ONGOING), at(S.PREPARE_ABORT), asked=False) == ["T11"]
    assert wrong(at(S.ONGOING), at(S.PREPARE_ABORT, 4), asked=False) == []


def test_a_transaction_in_its_place_breaks_nothing() -> None:
    """A batch, the marker, and that it is complete."""

    async def scenario(s: Simulation) -> None:
        known(s, at(S.ONGOING, 3, PLACE))
        written(s, batch())
        known(s, at(S.PREPARE_COMMIT, 3, PLACE))
        decided(s)
        written(s, batch(1))
        written(s, marker())
        ghost = s.invariants.ghost
        before, after = at(S.PREPARE_COMMIT, 3, PLACE), at(S.COMPLETE_COMMIT)
        step = Transacted("shop", before, after, asked=True, world=ghost)
        s.invariants.run("transacted", step)

    assert broken(scenario) is None


@pytest.mark.parametrize("what", ["nothing", "the opposite"])
def test_a_marker_of_what_is_not_decided_breaks_t2(what: str) -> None:
    """It comes before the decision is committed, or says something else."""

    async def scenario(s: Simulation) -> None:
        known(s, at(S.ONGOING, 3, PLACE))
        written(s, batch())
        if what != "nothing":
            decided(s)
        written(s, marker(committed=False))

    assert broken(scenario) == "T2"


def test_a_marker_in_another_partition_breaks_t4() -> None:
    """Nothing of the transaction is there."""

    async def scenario(s: Simulation) -> None:
        decided(s, TopicPartition("t", 7))
        written(s, marker())

    assert broken(scenario) == "T4"


@pytest.mark.parametrize("last", ["data", "the opposite", "nothing"])
def test_a_partition_without_its_marker_breaks_t3(last: str) -> None:
    """It is complete, and not everywhere."""

    async def scenario(s: Simulation) -> None:
        known(s, at(S.ONGOING, 3, PLACE))
        made = decided(s)
        if last == "the opposite":
            made.committed = False
            written(s, marker(committed=False))
        elif last == "data":
            written(s, batch())
        before, after = at(S.PREPARE_COMMIT, 3, PLACE), at(S.COMPLETE_COMMIT)
        step = Transacted("shop", before, after, True, s.invariants.ghost)
        s.invariants.run("transacted", step)
        await s.sleep(0.1)

    assert broken(scenario) == "T3"


@pytest.mark.parametrize("case", ["elsewhere", "fenced", "complete", "marked"])
def test_a_batch_outside_its_transaction_breaks_t5(case: str) -> None:
    """Nobody will ever end what it begins."""

    async def scenario(s: Simulation) -> None:
        if case == "elsewhere":
            known(s, at(S.ONGOING, 3, TopicPartition("t", 7)))
        elif case == "fenced":
            known(s, at(S.ONGOING, 4, PLACE))
        elif case == "complete":
            known(s, at(S.COMPLETE_COMMIT, 3, PLACE))
        else:
            known(s, at(S.PREPARE_COMMIT, 3, PLACE))
            decided(s)
            written(s, marker())
        written(s, batch())

    assert broken(scenario) == "T5"


def test_a_batch_where_the_marker_was_lost_breaks_nothing() -> None:
    """A leader before had written it, alone; it comes again behind the batch."""

    async def scenario(s: Simulation) -> None:
        known(s, at(S.PREPARE_COMMIT, 3, PLACE))
        decided(s).marked[PLACE] = (0, 7)
        written(s, batch())

    assert broken(scenario) is None


def test_a_marker_of_a_former_coordinator_breaks_t8() -> None:
    """It was on its way while another one took over."""

    async def scenario(s: Simulation) -> None:
        decided(s)
        written(s, marker(coordinator_epoch=5))
        written(s, marker(coordinator_epoch=4))

    assert broken(scenario) == "T8"


def test_an_identity_that_is_not_committed_breaks_t10() -> None:
    """Its producer would write beside whoever has the transactional id."""

    async def scenario(s: Simulation) -> None:
        request = SimpleNamespace(transactional_id="shop")
        response = {"error_code": 0, "producer_id": 1, "producer_epoch": 3}
        broker, ghost = s.invariants.ghost.brokers[1], s.invariants.ghost
        key = ApiKey.INIT_PRODUCER_ID
        s.invariants.look_at(Answer(broker, ghost, key, 4, request, response, False))
        await s.sleep(0.1)

    assert broken(scenario) == "T10"
