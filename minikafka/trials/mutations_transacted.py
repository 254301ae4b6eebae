"""Planted bugs of who takes part in transactions: leaders that write them, who reads, and offsets in them."""

from __future__ import annotations

from typing import Any

from minikafka.trials.mutation import RESTLESS, Mutation, Patch
from minikafka.trials.mutations_transactions import transactional

__all__ = ["TRANSACTED_MUTATIONS"]


def _does_not_ask() -> list[Patch]:
    from minikafka.apis import k28_txn_offset_commit, produce_transactions

    def unverified(*asked: Any) -> None:
        """Take it for a part of the transaction."""

    return [
        (produce_transactions, "unverified", unverified),
        (k28_txn_offset_commit, "unverified", unverified),
    ]


def _takes_former_coordinators() -> list[Patch]:
    from minikafka.log import producer_state

    def check_coordinator(batch: Any, entry: Any) -> None:
        """Let it pass."""

    return [(producer_state, "_check_coordinator", check_coordinator)]


def _reads_open_transactions() -> list[Patch]:
    from minikafka.log.reading import ReadableLog

    stable = property(lambda log: log.high_watermark)
    return [(ReadableLog, "last_stable_offset", stable)]


def _counts_markers_that_may_be_lost() -> list[Patch]:
    from minikafka.log.txn_index import NEVER, TransactionIndex

    real = TransactionIndex.end

    def end(self: Any, *ended: Any, committed: bool) -> None:
        real(self, *ended, committed=committed)
        self.on_high_watermark(NEVER)

    return [(TransactionIndex, "end", end)]


def _forgets_what_was_aborted() -> list[Patch]:
    from minikafka.log.producer_state import ProducerStates

    real = ProducerStates.__init__

    def init(self: Any, batches: Any = ()) -> None:
        real(self, batches)
        self.transactions.aborted.clear()
        self.transactions._last_offsets.clear()

    return [(ProducerStates, "__init__", init)]


def _shows_offsets_of_open_transactions() -> list[Patch]:
    from minikafka.groups.offsets import OffsetTable
    from minikafka.groups.records import PendingOffset

    real = OffsetTable.replay

    def replay(self: Any, record: Any) -> Any:
        return real(self, record.offset if isinstance(record, PendingOffset) else record)

    return [(OffsetTable, "replay", replay)]


def _lets_markers_order_offsets() -> list[Patch]:
    from minikafka.groups.pending_offsets import PendingOffsets

    def supersede(self: Any, offset: Any) -> None:
        """Let the marker's place in the log be that of its offsets."""

    return [(PendingOffsets, "supersede", supersede)]


def _takes_offsets_of_former_members() -> list[Patch]:
    from minikafka.groups import offsets

    real = offsets._check_committer

    def check_committer(table: Any, command: Any, now: Any) -> None:
        if command.producer is None:
            real(table, command, now)

    return [(offsets, "_check_committer", check_committer)]


TRANSACTED_MUTATIONS: dict[str, Mutation] = {
    "M56": transactional(
        "a batch that comes behind the end of its transaction is taken",
        ("T5", "L6"),
        _does_not_ask,
        ("application_pause", "kill"),
        ancestor="KAFKA-14402, KIP-890",
        tier=1,
    ),
    "M63": transactional(
        "readers of committed records read on into open transactions",
        ("T6", "read-committed"),
        _reads_open_transactions,
        ("application_pause",),
        ancestor="KIP-98",
        tier=1,
    ),
    "M64": transactional(
        "a transaction counts as ended before its marker is committed",
        ("T6",),
        _counts_markers_that_may_be_lost,
        ("isolate", "kill", "slow_link"),
        ancestor="KIP-98",
    ),
    "M66": transactional(
        "after a start it is not known what was aborted",
        ("T7", "R21", "read-committed", "exactly-once"),
        _forgets_what_was_aborted,
        ("kill", "flap"),
        ancestor="KAFKA-7866",
        tier=1,
        config=RESTLESS,
    ),
    "M67": transactional(
        "a marker of a former coordinator is taken",
        ("T8", "T2"),
        _takes_former_coordinators,
        ("decider_cut",),
        ancestor="KAFKA-9144",
    ),
    "M68": transactional(
        "offsets of a transaction are shown before it is committed",
        ("G4", "exactly-once"),
        _shows_offsets_of_open_transactions,
        ("application_pause", "kill"),
        ancestor="KIP-98",
        tier=1,
    ),
    "M69": transactional(
        "offsets of transactions count in the order of their markers",
        ("G4",),
        _lets_markers_order_offsets,
        ("coordinator_kill", "kill"),
        ancestor="KAFKA-5247, KAFKA-14505",
    ),
    "M70": transactional(
        "offsets in transactions are taken from who is no member any more",
        ("G3", "T13"),
        _takes_offsets_of_former_members,
        ("application_pause",),
        ancestor="KIP-447",
        tier=1,
    ),
}
