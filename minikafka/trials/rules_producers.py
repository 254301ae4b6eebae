"""Rules of idempotent producers: P1, P3, P4, P5, P7. The names are those of docs/invariants.md.

What is known of a producer is compared with the batches of the log, gone through once more, by
other code than the log's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from minikafka.base.ids import BrokerId, Offset
from minikafka.log.partition_log import PartitionLog
from minikafka.records.batch import HEADER_BYTES, Batch
from minikafka.records.markers import decode_marker
from minikafka.trials.invariants import Answer, Opened, Replica, check
from minikafka.trials.rules_answers import acknowledged
from minikafka.wire.versions import ApiKey

__all__ = ["REGISTERED_HERE", "earlier_batches"]

REGISTERED_HERE = ("P1", "P3", "P4", "P5", "P7")

WINDOW = 5
"""Batches of a producer that are known again."""
_SEQUENCES = 2**31


@dataclass
class _Producer:
    """What the batches of one log say of one producer."""

    epoch: int = -1
    coordinator_epoch: int = -1
    opened: Offset | None = None
    batches: list[tuple[int, int, Offset, Offset, int]] = field(default_factory=list)
    last_offset: Offset = -1

    def take(self, batch: Batch) -> None:
        """Go on with one batch."""
        marker = decode_marker(batch) if batch.is_control else None
        if batch.is_control and marker is None:
            return
        if batch.producer_epoch != self.epoch:
            self.epoch, self.batches = batch.producer_epoch, []
        self.last_offset = batch.last_offset
        if marker is not None:
            self.coordinator_epoch, self.opened = marker.coordinator_epoch, None
            return
        first, last = batch.base_sequence, _last_sequence(batch)
        kept = (first, last, batch.base_offset, batch.last_offset, batch.max_timestamp_ms)
        self.batches = [*self.batches[1 - WINDOW :], kept]
        if batch.is_transactional and self.opened is None:
            self.opened = batch.base_offset

    def since(self, start: Offset) -> tuple[object, ...]:
        """Return what it comes to from `start` on; what was before may not be known."""
        opened = None if self.opened is None else max(self.opened, start)
        batches = [kept for kept in self.batches if kept[2] >= start]
        return self.epoch, opened, self.last_offset, batches


def _last_sequence(batch: Batch) -> int:
    if batch.base_sequence < 0:
        return -1
    return (batch.base_sequence + batch.last_offset - batch.base_offset) % _SEQUENCES


def _folded(batches: Iterable[Batch]) -> dict[int, _Producer]:
    """Return the producers of a log, by what it holds."""
    found: dict[int, _Producer] = {}
    for batch in batches:
        if batch.producer_id >= 0:
            found.setdefault(batch.producer_id, _Producer()).take(batch)
    return {key: each for key, each in found.items() if each.last_offset >= 0}


def earlier_batches(log: PartitionLog, batch: Batch) -> Iterator[Batch]:
    """Yield what the producer of a batch has written before it, newest first."""
    for segment in reversed(log.segments):
        for each in reversed(segment.batches):
            if each.last_offset < log.log_start_offset:
                return
            if each.producer_id == batch.producer_id and each.base_offset < batch.base_offset:
                yield each


def _written(replica: Replica) -> Batch | None:
    """Return what a leader has just appended, if it has a producer id."""
    if replica.epoch < 0 or replica.ghost.internal:
        return None
    batch = replica.log.segments[-1].batches[-1]
    return batch if batch.producer_id >= 0 else None


@check("P1", "appended")
def _sequences_have_no_gaps(replica: Replica) -> str | None:
    """A leader appends what comes next in the epoch of its producer, or begins a new one with 0.

    So none of its batches is there twice, either (P2).
    """
    batch = _written(replica)
    if batch is None or batch.is_control or batch.base_sequence < 0:
        return None
    before = next(
        (each for each in earlier_batches(replica.log, batch) if not each.is_control), None
    )
    if before is None or batch.producer_epoch < before.producer_epoch:
        return None  # also where what it wrote is deleted (KIP-360); the other is for P3
    expected = 0
    if before.producer_epoch == batch.producer_epoch:
        expected = (_last_sequence(before) + 1) % _SEQUENCES
    if batch.base_sequence == expected:
        return None
    return (
        f"broker {replica.broker} appends sequence {batch.base_sequence} of producer "
        f"{batch.producer_id} in epoch {batch.producer_epoch} to {replica.ghost.name} at "
        f"{batch.base_offset}, {expected} was next"
    )


@check("P3", "appended")
def _producer_epochs_never_fall(replica: Replica) -> str | None:
    """Of one producer id no older epoch comes behind a newer one, in data and markers."""
    batch = _written(replica)
    before = None if batch is None else next(earlier_batches(replica.log, batch), None)
    if batch is None or before is None or batch.producer_epoch >= before.producer_epoch:
        return None
    return (
        f"broker {replica.broker} appends epoch {batch.producer_epoch} of producer "
        f"{batch.producer_id} to {replica.ghost.name} behind epoch {before.producer_epoch}"
    )


@check("P4", "led")
@check("P4", "truncated")
def _producers_are_those_of_the_log(replica: Replica) -> str | None:
    """What a leader, or who has truncated, knows of producers is what its log says."""
    return None if replica.ghost.internal else _wrong_producers(replica.broker, replica.log)


@check("P4", "opened")
def _producers_are_recovered(opened: Opened) -> str | None:
    """So it is after a start."""
    return None if opened.ghost.internal else _wrong_producers(opened.broker, opened.log)


def _wrong_producers(broker: BrokerId, log: PartitionLog) -> str | None:
    """Say what a log should know and does not, or the other way round.

    What lies before the log start, or was compacted, may be known, and need not; of each
    producer the last five batches are (P6).
    """
    start = max(log.log_start_offset, log.gaps_below)
    said, known = _folded(log.batches()), log.producers.entries
    for producer_id, entry in known.items():
        told = said.get(producer_id, _Producer())
        have = _Producer(
            entry.producer_epoch,
            entry.coordinator_epoch,
            entry.transaction_start,
            list(entry.batches),
            entry.last_offset,
        )
        if max(have.last_offset, told.last_offset) < start:
            continue
        marked = told.coordinator_epoch in (-1, have.coordinator_epoch)
        if have.since(start) != told.since(start) or not marked:
            return (
                f"broker {broker} knows of producer {producer_id} in {log.partition} {have}, "
                f"the log says {told}"
            )
    missing = [
        key for key, each in said.items() if key not in known and each.last_offset >= start
    ]
    if missing:
        return f"broker {broker} does not know producers {missing} of {log.partition}"
    return None


@check("P5", "answered", ApiKey.PRODUCE)
def _acknowledged_is_what_was_sent(answer: Answer) -> str | None:
    """At the offset that a producer is told lies its batch: this one, or the first of its kind."""
    if answer.api_key != ApiKey.PRODUCE or answer.response is None:
        return None
    for partition, base_offset, data in acknowledged(answer):
        if len(data) < HEADER_BYTES:
            continue
        sent, log = Batch(data), partition.log
        ghost, leader = answer.ghost.partition(log), partition.leader
        late = leader is None or leader.leader_epoch < ghost.generation
        if sent.producer_id < 0 or late or log.config.compacted:
            continue
        if base_offset < log.log_start_offset:
            continue
        found = log.read(base_offset, 1, log.log_end_offset, at_least_one=True).batches
        if not found or found[0].base_offset != base_offset or _name(found[0]) != _name(sent):
            return (
                f"{ghost.name}: sequence {sent.base_sequence} of producer {sent.producer_id} is "
                f"acknowledged at {base_offset}, where {found} lies"
            )
    return None


def _name(batch: Batch) -> tuple[int, int, int, int]:
    return batch.producer_id, batch.producer_epoch, batch.base_sequence, batch.record_count


@check("P7", "answered", ApiKey.INIT_PRODUCER_ID)
def _identities_are_given_once(answer: Answer) -> str | None:
    """No two producers are given the same id and epoch, while what was given is known for sure."""
    if answer.api_key != ApiKey.INIT_PRODUCER_ID or answer.response["error_code"]:
        return None
    if answer.request.transactional_id and answer.ghost.transactions.licensed:
        return None
    identity = answer.response["producer_id"], answer.response["producer_epoch"]
    if identity in answer.ghost.identities:
        return f"producer id {identity[0]} is given away again in epoch {identity[1]}"
    answer.ghost.identities[identity] = None
    return None
