"""Rules of what readers of committed records are told: T6, T7. The names are those of docs/invariants.md.

What is stable and what was aborted is found by going through the log, by other code than the log's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from minikafka.base.ids import Offset, ProducerId, TopicPartition
from minikafka.broker.partition import Partition
from minikafka.log.partition_log import PartitionLog
from minikafka.records.batch import Batch
from minikafka.records.markers import decode_marker
from minikafka.trials.invariants import Answer, check
from minikafka.wire.fetch import FetchPartitionResponse
from minikafka.wire.versions import ApiKey

__all__ = ["REGISTERED_HERE", "Transactions", "scanned"]

REGISTERED_HERE = ("T6", "T7")

READ_COMMITTED = 1
CONSUMER = -1


@dataclass
class Transactions:
    """What one log says of the transactions in it.

    Attributes:
        stable: exclusive end of what is decided, and whose markers are below the watermark.
        aborted: producer, first batch and marker of each transaction that was aborted.
    """

    stable: Offset
    aborted: list[tuple[ProducerId, Offset, Offset]] = field(default_factory=list)


def scanned(log: PartitionLog) -> Transactions:
    """Go through a log."""
    found = Transactions(log.high_watermark)
    started: dict[ProducerId, Offset] = {}
    for batch in log.batches():
        if batch.producer_id < 0 or not batch.is_transactional:
            continue
        if not batch.is_control:
            started.setdefault(batch.producer_id, batch.base_offset)
            continue
        marker, first = decode_marker(batch), started.pop(batch.producer_id, None)
        if marker is None or first is None:
            continue
        if batch.base_offset >= log.high_watermark:
            found.stable = min(found.stable, first)
        if not marker.committed:
            found.aborted.append((batch.producer_id, first, batch.base_offset))
    found.stable = min([found.stable, *started.values()])
    return found


def _told(answer: Answer) -> Iterator[tuple[Partition, FetchPartitionResponse]]:
    """Yield what a reader of committed records is told of each partition that has transactions."""
    request = answer.request
    if answer.api_key != ApiKey.FETCH:
        return
    if request.isolation_level != READ_COMMITTED or request.replica_id != CONSUMER:
        return
    names = answer.broker.image.topic_names
    for topic in answer.response.topics:
        name = topic.name
        if name is None and topic.topic_id is not None:
            name = names.get(topic.topic_id)
        for told in topic.partitions:
            if name is None or told.error_code:
                continue
            partition = answer.broker.replicas.partition(TopicPartition(name, told.index))
            if partition is not None and partition.log.producers.entries:
                yield partition, told


@check("T6", "answered", ApiKey.FETCH)
def _only_what_is_decided_is_read(answer: Answer) -> str | None:
    """Nobody reads on behind the first record of a transaction that goes on, or may come back."""
    for partition, told in _told(answer):
        stable = scanned(partition.log).stable
        # A watermark that has moved since has made more of it stable, not less.
        if told.last_stable_offset > stable:
            return (
                f"{partition.log.partition}: broker {answer.broker.node_id} says that all below "
                f"{told.last_stable_offset} is decided, in its log that ends at {stable}"
            )
        end = _end(told)
        if end is not None and end > stable:
            return (
                f"{partition.log.partition}: broker {answer.broker.node_id} sends committed "
                f"records up to {end}, and only what is below {stable} is decided"
            )
    return None


@check("T7", "answered", ApiKey.FETCH)
def _all_that_was_aborted_is_told(answer: Answer) -> str | None:
    """With records come the aborted transactions that they are of, and no others."""
    for partition, told in _told(answer):
        end = _end(told)
        if end is None:
            continue
        start = _batches(told)[0].base_offset
        known = scanned(partition.log).aborted
        needed = [
            (producer_id, first)
            for producer_id, first, marker in known
            if first < end and marker >= start
        ]
        said = told.aborted_transactions or []
        missing = [each for each in needed if each not in said]
        invented = [each for each in said if each not in [known[:2] for known in known]]
        if missing or invented:
            return (
                f"{partition.log.partition}: broker {answer.broker.node_id} sends {start} to "
                f"{end} with {said} as aborted; missing is {missing}, wrong is {invented}"
            )
    return None


def _batches(told: FetchPartitionResponse) -> Sequence[Batch]:
    return told.batches  # type: ignore[return-value]  # as they lie in the log


def _end(told: FetchPartitionResponse) -> Offset | None:
    """Return the exclusive end of the records in an answer; None without any."""
    return _batches(told)[-1].next_offset if told.batches else None
