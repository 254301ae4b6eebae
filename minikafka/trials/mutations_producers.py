"""Planted bugs of idempotent producers: what logs know of them, and what is made of it."""

from __future__ import annotations

from typing import Any

from minikafka.trials.mutation import RESTLESS, Mutation, Patch

__all__ = ["PRODUCER_MUTATIONS"]


def _known_by_the_leader_alone() -> list[Patch]:
    from minikafka.log.partition_log import PartitionLog
    from minikafka.log.producer_state import ProducerStates

    real = PartitionLog.append_as_follower

    def append_as_follower(self: Any, batches: Any, committed_below: int = 0) -> None:
        known, self.producers = self.producers, ProducerStates()
        try:
            real(self, batches, committed_below)
        finally:
            self.producers = known

    return [(PartitionLog, "append_as_follower", append_as_follower)]


def _noted_before_it_is_written() -> list[Patch]:
    from minikafka.base.errors import KafkaError
    from minikafka.records.batch import Batch
    from minikafka.replication.leader import PartitionLeader

    real = PartitionLeader.append

    def append(self: Any, batch: Any, acks: int, now_timestamp_ms: int, *origin: Any) -> Any:
        try:
            return real(self, batch, acks, now_timestamp_ms, *origin)
        except KafkaError:
            if batch.producer_id >= 0:
                noted = Batch(batch.view)
                noted.last_offset += self.log.log_end_offset - noted.base_offset
                noted.base_offset = self.log.log_end_offset
                self.log.producers.take(noted)
            raise

    return [(PartitionLeader, "append", append)]


def _knows_the_last_batch_alone() -> list[Patch]:
    from minikafka.log import producer_state

    return [(producer_state, "BATCHES_KEPT", 1)]


def _takes_any_sequence() -> list[Patch]:
    from minikafka.log import producer_state

    def check_sequence(batch: Any, entry: Any) -> None:
        """Let it pass."""

    return [(producer_state, "_check_sequence", check_sequence)]


def _takes_any_epoch() -> list[Patch]:
    from minikafka.log import producer_state

    real = producer_state.ProducerStates.validate

    def validate(self: Any, batch: Any, origin: Any) -> Any:
        entry = self.entries.get(batch.producer_id)
        if entry is not None and batch.producer_epoch < entry.producer_epoch:
            return None
        return real(self, batch, origin)

    return [(producer_state.ProducerStates, "validate", validate)]


def _writes_duplicates() -> list[Patch]:
    from minikafka.log.producer_state import ProducerEntry

    def duplicate_of(self: Any, batch: Any) -> None:
        """Take it for a new one."""

    return [(ProducerEntry, "duplicate_of", duplicate_of), *_takes_any_sequence()]


def _remembers_what_was_cut() -> list[Patch]:
    from minikafka.log.producer_state import ProducerStates

    def truncate(self: Any, end_offset: int, batches: Any) -> None:
        """Keep what is known."""

    return [(ProducerStates, "truncate", truncate)]


def _gives_ids_again() -> list[Patch]:
    from dataclasses import replace

    from minikafka.metadata.controller import PRODUCER_ID_BLOCK_COUNT, Controller

    real = Controller.allocate_producer_ids
    counted: dict[Any, int] = {}

    def allocate_producer_ids(self: Any, command: Any) -> Any:
        decision = real(self, command)
        first = counted.get(self, 0)
        counted[self] = first + PRODUCER_ID_BLOCK_COUNT
        return replace(decision, result=replace(decision.result, first=first))

    return [(Controller, "allocate_producer_ids", allocate_producer_ids)]


def _follower_judges() -> list[Patch]:
    from minikafka.base.errors import ErrorCode, KafkaError
    from minikafka.log.partition_log import PartitionLog

    real = PartitionLog.append_as_follower

    def append_as_follower(self: Any, batches: Any, committed_below: int = 0) -> None:
        known = dict.fromkeys(self.producers.entries)
        for batch in batches:
            if batch.producer_id >= 0 and batch.base_sequence >= 0:
                if batch.base_sequence and batch.producer_id not in known:
                    raise KafkaError(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
                known[batch.producer_id] = None
        real(self, batches, committed_below)

    return [(PartitionLog, "append_as_follower", append_as_follower)]


PRODUCER_MUTATIONS: dict[str, Mutation] = {
    "M43": Mutation(
        "followers do not note who has written what they copy",
        ("P4", "P1", "P5"),
        _known_by_the_leader_alone,
        ("flap", "kill"),
        ancestor="KIP-98",
        tier=1,
        config=RESTLESS,
        acks="all",
    ),
    "M45": Mutation(
        "a batch is noted before it is written",
        ("R11", "P1", "P4", "P5"),
        _noted_before_it_is_written,
        ("isolate", "kill", "pipelined_producer"),
        ancestor="KAFKA-6683",
        tier=1,
        acks="all",
    ),
    "M46": Mutation(
        "of each producer the last batch alone is known again",
        ("P4", "P1"),
        _knows_the_last_batch_alone,
        ("pipelined_producer", "kill"),
        ancestor="KAFKA-5494",
        tier=1,
    ),
    "M47": Mutation(
        "any sequence is taken for the next one",
        ("P1",),
        _takes_any_sequence,
        ("pipelined_producer",),
        ancestor="KIP-98",
        tier=1,
    ),
    "M51": Mutation(
        "a controller counts producer ids from the beginning",
        ("C10", "P7"),
        _gives_ids_again,
        ("kill", "pipelined_producer"),
        ancestor="KIP-730",
    ),
    "M53": Mutation(
        "a follower takes no producer that is new to it and does not begin with sequence 0",
        ("L4",),
        _follower_judges,
        ("pipelined_producer", "kill", "isolate", "reassign"),
        ancestor="KAFKA-6003",
        config={"log.retention.check.interval.ms": 300},
        patience_s=60.0,
    ),
    "duplicates-written": Mutation(
        "a batch that comes again is written again",
        ("P1",),
        _writes_duplicates,
        ("pipelined_producer",),
        ancestor="KIP-98",
    ),
    "former-epoch-writes": Mutation(
        "a producer epoch that is over writes on",
        ("P3",),
        _takes_any_epoch,
        ("pipelined_producer",),
        ancestor="KIP-98",
    ),
    "producers-outlive-truncation": Mutation(
        "what was cut off is still known of its producer",
        ("P4", "R11", "P5"),
        _remembers_what_was_cut,
        ("isolate", "kill", "pipelined_producer"),
        ancestor="KIP-98",
    ),
}
"""By id."""
