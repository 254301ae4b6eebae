"""What became of transactions as those know it who wrote them, and whether the logs agree.

A transaction is there whole or not at all: one that its producer was told to be committed is there,
one that nobody asked to commit is not, and of the others nobody can say. The names of what is
wrong are those of docs/invariants.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from minikafka.base.ids import Offset, TopicPartition
from minikafka.log.partition_log import PartitionLog
from minikafka.records.batch import Batch
from minikafka.records.markers import decode_marker
from minikafka.records.records import decode_records

__all__ = ["Attempt", "Ledger", "committed_values"]


@dataclass
class Attempt:
    """One transaction.

    Attributes:
        name: of who writes it, and its number there; unique.
        sent: values and the partitions that they are for, each value unique.
        asked: somebody has asked to commit it.
        confirmed: who has asked was told that it is.
    """

    name: str
    sent: dict[bytes, TopicPartition] = field(default_factory=dict)
    asked: bool = False
    confirmed: bool = False


class Ledger:
    """All transactions of a run.

    Attributes:
        attempts: by value.
    """

    def __init__(self) -> None:
        self.attempts: dict[bytes, Attempt] = {}
        self._seen: dict[tuple[TopicPartition, Offset], bytes] = {}

    def send(self, attempt: Attempt, value: bytes, place: TopicPartition) -> None:
        """Note a record before it is sent."""
        attempt.sent[value] = place
        self.attempts[value] = attempt

    def read(
        self, place: TopicPartition, records: Iterable[tuple[Offset, bytes]]
    ) -> str | None:
        """Note what a reader of committed records was given; say what is wrong with it."""
        for offset, value in records:
            attempt = self.attempts.get(value)
            if attempt is None:
                return f"{place}, {offset}: {value!r} was never sent"
            if not attempt.asked:
                return (
                    f"{place}, {offset}: {value!r} is read, and {attempt.name} did not commit"
                )
            known = self._seen.setdefault((place, offset), value)
            if known != value:
                return f"{place}, {offset}: {value!r} is read where {known!r} was read"
        return None

    def wrong(self, logs: Iterable[PartitionLog]) -> str | None:
        """Say what is wrong with what is committed in the end; all logs are to be given."""
        found: dict[bytes, list[tuple[TopicPartition, Offset]]] = {}
        for log in logs:
            for offset, value in committed_values(log):
                found.setdefault(value, []).append((log.partition, offset))
        for value, places in found.items():
            attempt = self.attempts.get(value)
            if attempt is None or len(places) > 1 or places[0][0] != attempt.sent[value]:
                return f"{value!r} is at {places}"
            if not attempt.asked:
                return f"{value!r} is committed, and {attempt.name} was not"
        for attempt in {each.name: each for each in self.attempts.values()}.values():
            there = [value for value in attempt.sent if value in found]
            missing = [value for value in attempt.sent if value not in found]
            if missing and (there or attempt.confirmed):
                said = "is committed" if attempt.confirmed else "is torn"
                return f"{attempt.name} {said}: {there} are there, {missing} are not"
        for (place, offset), value in self._seen.items():
            if (place, offset) not in found.get(value, ()):
                return f"{place}, {offset}: {value!r} was read, and is gone"
        return None


def committed_values(log: PartitionLog) -> Iterator[tuple[Offset, bytes]]:
    """Yield the offsets and values of a log that are in no transaction, or in a committed one."""
    pending: dict[int, list[Batch]] = {}
    for batch in log.batches():
        if batch.next_offset > log.high_watermark:
            return
        if batch.is_control:
            marker, ended = decode_marker(batch), pending.pop(batch.producer_id, [])
            if marker is not None and marker.committed:
                for each in ended:
                    yield from _values(each)
        elif batch.is_transactional:
            pending.setdefault(batch.producer_id, []).append(batch)
        else:
            yield from _values(batch)


def _values(batch: Batch) -> Iterator[tuple[Offset, bytes]]:
    for record in decode_records(batch):
        yield record.offset, bytes(record.value or b"")
