"""A transaction coordinator whose decisions are in the log at once, for tests."""

from __future__ import annotations

from typing import TypeVar

import pytest

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.groups.commands import Decision, Moment
from minikafka.transactions.commands import (
    AddPartitions,
    EndTransaction,
    Initialized,
    InitProducerId,
    ProducerIdentity,
    ProducerIdNeeded,
    TransactionLimits,
)
from minikafka.transactions.coordinator import TransactionCoordinator
from minikafka.transactions.markers import MarkersOwed
from minikafka.transactions.metadata import TransactionMetadata
from minikafka.transactions.records import TransactionRecord

T = TypeVar("T")
ID = "orders"
LIMITS = TransactionLimits(
    timeout_max_ms=900_000, abort_interval_ms=10, expiration_ms=1_000, expiry_interval_ms=50
)
P0, P1 = TopicPartition("t", 0), TopicPartition("t", 1)


class Desk:
    """A coordinator, its log, and a clock that stands still unless it is moved."""

    def __init__(self, version: int = 0) -> None:
        self.version = version
        self.log: list[TransactionRecord] = []
        self.next_id = 100
        self.now_ms = 0
        self.machine = self.load(0)

    @property
    def now(self) -> Moment:
        """This instant."""
        return Moment(self.now_ms, 5_000 + self.now_ms)

    def load(self, length: int | None = None) -> TransactionCoordinator:
        """Return a coordinator that has the log, or the beginning of it, and nothing else."""
        machine = TransactionCoordinator(LIMITS, self.version)
        records = self.log if length is None else self.log[:length]
        machine.replay(records)
        machine.commit(records)
        machine.loaded(self.now)
        return machine

    def fail_over(self) -> None:
        """Let another coordinator read the log."""
        self.machine.unload(ErrorCode.NOT_COORDINATOR)
        self.machine = self.load()

    def write_record(self, known: TransactionMetadata) -> None:
        """Have something in the log, however it came there."""
        self.do(Decision((TransactionRecord(ID, known),), None))

    def write(self, decision: Decision[T]) -> T:
        """Write a decision without committing it; return its answer."""
        self.log += decision.records
        self.machine.replay(decision.records)
        return decision.result

    def settle(self, decision: Decision[T], error: ErrorCode = ErrorCode.NONE) -> None:
        """Let what was written be committed, or fail."""
        if error is ErrorCode.NONE:
            self.machine.commit(decision.records)
        if decision.settled is not None:
            decision.settled(error, self.now)

    def do(self, decision: Decision[T]) -> T:
        """Write and commit a decision; return its answer."""
        answer = self.write(decision)
        self.settle(decision)
        return answer

    def new_id(self) -> int:
        """Return a producer id that nobody has."""
        self.next_id += 1
        return self.next_id

    # --- what producers do -----------------------------------------------------------------

    def init(
        self, expected: tuple[int, int] | None = None, timeout_ms: int = 60_000
    ) -> Initialized:
        """Initialize a producer, with a new producer id where one is needed."""
        identity = None if expected is None else ProducerIdentity(*expected)
        command = InitProducerId(ID, timeout_ms, identity)
        try:
            decision = self.machine.init_producer_id(command, None, self.now)
        except ProducerIdNeeded:
            decision = self.machine.init_producer_id(command, self.new_id(), self.now)
        return self.do(decision)

    def producer(self) -> ProducerIdentity:
        """Initialize a producer that has nothing in its way."""
        answer = self.init()
        assert answer.error is ErrorCode.NONE
        return answer.identity

    def add(self, producer: ProducerIdentity, *partitions: TopicPartition) -> None:
        """Add partitions."""
        self.do(
            self.machine.add_partitions(
                AddPartitions(ID, producer, partitions or (P0,), self.version), self.now
            )
        )

    def decide_end(
        self, producer: ProducerIdentity, *, committed: bool
    ) -> Decision[ProducerIdentity]:
        """Decide the end of a transaction, without writing it."""
        command = EndTransaction(ID, producer, committed, self.version)
        try:
            return self.machine.end_transaction(command, None, self.now)
        except ProducerIdNeeded:
            return self.machine.end_transaction(command, self.new_id(), self.now)

    def end(self, producer: ProducerIdentity, *, committed: bool = True) -> ProducerIdentity:
        """End a transaction."""
        return self.do(self.decide_end(producer, committed=committed))

    # --- what the coordinator's broker does ------------------------------------------------

    def owed(self) -> MarkersOwed:
        """Return the one decision whose markers have come to be owed."""
        (owed,) = self.machine.take_owed()
        return owed

    def complete(self) -> MarkersOwed:
        """Take all owed markers to be written."""
        owed = self.owed()
        self.do(self.machine.complete(owed, self.now))
        return owed

    def tick(self, later_ms: int) -> int:
        """Let time pass and do what is due; return how many decisions there were."""
        self.now_ms += later_ms
        count = 0
        while (decision := self.machine.tick(self.now)) is not None:
            self.do(decision)
            count += 1
        return count

    @property
    def known(self) -> TransactionMetadata:
        """What is known of the transactional id."""
        return self.machine.describe(ID)


def refusal(call: object) -> ErrorCode:
    """Return the code that a call is refused with."""
    assert callable(call)
    with pytest.raises(KafkaError) as caught:
        call()
    return caught.value.code
