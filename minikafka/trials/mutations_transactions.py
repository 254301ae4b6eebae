"""Planted bugs of transaction coordinators."""

from __future__ import annotations

from typing import Any

from minikafka.trials.mutation import RESTLESS, Mutation, Patch

__all__ = ["TRANSACTION_MUTATIONS", "transactional"]


def _ends_without_a_new_epoch() -> list[Patch]:
    from dataclasses import replace

    from minikafka.transactions.metadata import TransactionMetadata

    real = TransactionMetadata.prepared

    def prepared(
        self: Any, state: Any, version: int, next_producer_id: int, timestamp_ms: int
    ) -> Any:
        after = real(self, state, version, next_producer_id, timestamp_ms)
        return replace(after, producer_epoch=self.producer_epoch)

    return [(TransactionMetadata, "prepared", prepared), *_takes_old_ends()]


def _takes_old_ends() -> list[Patch]:
    from minikafka.transactions import ending

    def answer_v2(known: Any, command: Any, pending: bool) -> Any:
        return ending._answer_v1(known, command, pending)

    return [(ending, "_answer_v2", answer_v2)]


def _times_out_without_fencing() -> list[Patch]:
    from minikafka.transactions.metadata import NO_PRODUCER_ID, TransactionMetadata
    from minikafka.transactions.states import TransactionState

    def fenced(self: Any, version: int, timestamp_ms: int) -> Any:
        state = TransactionState.PREPARE_ABORT
        return self.prepared(state, 0, NO_PRODUCER_ID, timestamp_ms)

    return [(TransactionMetadata, "fenced", fenced)]


def _owes_what_is_not_committed() -> list[Patch]:
    from minikafka.transactions.coordinator import TransactionCoordinator

    real = TransactionCoordinator.end_transaction

    def end_transaction(self: Any, command: Any, new_producer_id: Any, now: Any) -> Any:
        decision = real(self, command, new_producer_id, now)
        for record in decision.records:
            self._owe(record.transactional_id, record.metadata)
        return decision

    return [(TransactionCoordinator, "end_transaction", end_transaction)]


def _decides_anew() -> list[Patch]:
    from dataclasses import replace

    from minikafka.transactions.coordinator import TransactionCoordinator

    real = TransactionCoordinator.loaded

    def loaded(self: Any, now: Any) -> None:
        real(self, now)
        self._owed = {key: replace(owed, committed=False) for key, owed in self._owed.items()}

    return [(TransactionCoordinator, "loaded", loaded)]


def _forgets_what_is_owed() -> list[Patch]:
    from minikafka.transactions.coordinator import TransactionCoordinator

    real = TransactionCoordinator.loaded

    def loaded(self: Any, now: Any) -> None:
        real(self, now)
        self._owed.clear()

    return [(TransactionCoordinator, "loaded", loaded)]


def _completes_twice() -> list[Patch]:
    from dataclasses import replace

    from minikafka.transactions.coordinator import TransactionCoordinator

    real = TransactionCoordinator.complete

    def complete(self: Any, owed: Any, now: Any) -> Any:
        decision = real(self, owed, now)
        return replace(decision, records=(*decision.records, *decision.records))

    return [(TransactionCoordinator, "complete", complete)]


def _completes_before_all_is_written() -> list[Patch]:
    from minikafka.broker import marker_sender
    from minikafka.transactions.markers import MarkerOutcome
    from minikafka.transactions.markers import outcome_of as real

    def outcome_of(code: Any) -> MarkerOutcome:
        found = real(code)
        return MarkerOutcome.NEEDLESS if found is MarkerOutcome.AGAIN else found

    return [(marker_sender, "outcome_of", outcome_of)]


def _begins_beside_another() -> list[Patch]:
    from minikafka.transactions import coordinator
    from minikafka.transactions.initializing import initialize as real
    from minikafka.transactions.states import TransactionState

    def initialize(known: Any, command: Any, new_producer_id: Any, **options: Any) -> Any:
        if known is not None and known.state is TransactionState.ONGOING:
            return known
        return real(known, command, new_producer_id, **options)

    return [(coordinator, "initialize", initialize)]


def _begins_before_all_is_marked() -> list[Patch]:
    from dataclasses import replace

    from minikafka.transactions import metadata
    from minikafka.transactions.coordinator import TransactionCoordinator
    from minikafka.transactions.states import PREPARED, TransactionState

    real = TransactionCoordinator.add_partitions

    def add_partitions(self: Any, command: Any, now: Any) -> Any:
        known = self._known.get(command.transactional_id)
        if known is not None and known.state in PREPARED:
            # Taken for ended; what it was lies in the log.
            known = replace(known, state=TransactionState.COMPLETE_COMMIT)
            self._known[command.transactional_id] = known
        return real(self, command, now)

    def check_transition(former: Any, state: Any) -> None:
        """Let it pass."""

    return [
        (TransactionCoordinator, "add_partitions", add_partitions),
        (metadata, "check_transition", check_transition),
    ]


def _counts_epochs_that_are_not_written() -> list[Patch]:
    from minikafka.transactions.coordinator import TransactionCoordinator
    from minikafka.transactions.states import TransactionState

    real = TransactionCoordinator.init_producer_id

    def init_producer_id(self: Any, command: Any, new_producer_id: Any, now: Any) -> Any:
        decision = real(self, command, new_producer_id, now)
        for record in decision.records:
            if record.metadata.state is TransactionState.EMPTY:
                self._known[record.transactional_id] = record.metadata
        return decision

    return [(TransactionCoordinator, "init_producer_id", init_producer_id)]


_DYING = ("decider_kill", "decider_pause", "kill")


def transactional(
    name: str, caught_by: tuple[str, ...], patches: Any, kinds: tuple[str, ...], **more: Any
) -> Mutation:
    """Return a bug that shows in trials with transactions."""
    return Mutation(
        name, caught_by, patches, kinds, profile="transactions", transactions=True, **more
    )


TRANSACTION_MUTATIONS: dict[str, Mutation] = {
    "M55": transactional(
        "an end that comes late ends the next transaction",
        ("atomicity", "read-committed", "T2", "T3", "T5"),
        _ends_without_a_new_epoch,
        ("application_pause", "kill"),
        ancestor="KAFKA-17754, KIP-890",
        tier=1,
    ),
    "M57": transactional(
        "who is aborted because it took too long may go on",
        ("T11", "T9", "atomicity"),
        _times_out_without_fencing,
        ("application_pause",),
        ancestor="KAFKA-6119",
        tier=1,
    ),
    "M59": transactional(
        "markers are sent before the decision is committed",
        ("T2",),
        _owes_what_is_not_committed,
        _DYING,
        ancestor="KIP-98",
        tier=1,
    ),
    "M60": transactional(
        "a new coordinator aborts what its predecessor has decided to commit",
        ("T2",),
        _decides_anew,
        _DYING,
        ancestor="KIP-98",
        tier=1,
    ),
    "M62": transactional(
        "that a transaction is complete is written twice",
        ("T1",),
        _completes_twice,
        _DYING,
        ancestor="KAFKA-10080",
    ),
    "M71": transactional(
        "a producer's epoch grows though nothing could be written",
        ("T9",),
        _counts_epochs_that_are_not_written,
        ("kill", "application_kill", "isolate"),
        ancestor="KAFKA-9666",
        config={"transaction.state.log.min.isr": 3},
    ),
    "transaction-owed-forgotten": transactional(
        "a new coordinator sends no markers for what its predecessor has decided",
        ("L6",),
        _forgets_what_is_owed,
        _DYING,
        ancestor="KIP-98",
    ),
    "transaction-complete-early": transactional(
        "a partition that could not take its marker goes without",
        ("T3", "L6"),
        _completes_before_all_is_written,
        ("kill", "flap"),
        ancestor="KIP-98",
        config=RESTLESS,
    ),
    "transaction-begins-early": transactional(
        "a transaction begins while markers of the one before are owed",
        ("T1", "T5", "T3"),
        _begins_before_all_is_marked,
        ("isolate", "kill", "slow_link"),
        ancestor="KIP-98",
    ),
    "transaction-two-owners": transactional(
        "a producer is given a transactional id whose transaction goes on",
        ("T10", "T1", "P7"),
        _begins_beside_another,
        ("application_kill",),
        ancestor="KIP-98",
    ),
}
