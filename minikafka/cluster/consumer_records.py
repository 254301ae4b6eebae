"""Fetched batches as a consumer sees them: whole, committed, from its position on.

Pure; knows neither who fetched nor from where. Kafka counterpart:
org.apache.kafka.clients.consumer.internals.CompletedFetch; KIP-98.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from minikafka.base.ids import TopicPartition
from minikafka.cluster.partition_state import Record
from minikafka.records.batch import PREFIX_BYTES, Batch, split_batches
from minikafka.records.records import decode_records

__all__ = ["ISOLATION_LEVELS", "Isolation", "committed", "consumer_records", "whole_batches"]

Isolation: TypeAlias = Literal["read_uncommitted", "read_committed"]
ISOLATION_LEVELS: Mapping[str, int] = {"read_uncommitted": 0, "read_committed": 1}


def consumer_records(partition: TopicPartition, batch: Batch, from_offset: int) -> list[Record]:
    """Return the records of `batch` a consumer standing at `from_offset` would be given.

    Control batches hold no records for consumers, and a batch may begin below the offset.
    """
    if batch.is_control:
        return []
    return [
        Record(
            partition.topic,
            partition.partition,
            record.offset,
            record.timestamp_ms,
            record.key,
            record.value,
            tuple(record.headers),
        )
        for record in decode_records(batch)
        if record.offset >= from_offset
    ]


def whole_batches(records: memoryview | None) -> list[Batch]:
    """Return the batches of a fetched span; a broker may cut the last one short."""
    if records is None:
        return []
    end = 0
    while end + PREFIX_BYTES <= len(records):
        length = int.from_bytes(records[end + 8 : end + PREFIX_BYTES], "big", signed=True)
        if length < 0 or end + PREFIX_BYTES + length > len(records):
            break
        end += PREFIX_BYTES + length
    return split_batches(records[:end]) if end else []


def committed(batches: Sequence[Batch], aborted: Sequence[tuple[int, int]]) -> list[Batch]:
    """Return the batches that are not part of an aborted transaction.

    Args:
        aborted: (producer id, first offset) of the aborted transactions in this span.
    """
    to_come = sorted(aborted, key=lambda each: each[1], reverse=True)
    aborting: dict[int, bool] = {}
    kept = []
    for batch in batches:
        while to_come and to_come[-1][1] <= batch.last_offset:
            aborting[to_come.pop()[0]] = True
        if batch.is_control:
            # The marker that ends the transaction.
            aborting.pop(batch.producer_id, None)
        elif not (batch.is_transactional and batch.producer_id in aborting):
            kept.append(batch)
    return kept
