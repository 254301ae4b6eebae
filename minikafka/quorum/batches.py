"""Metadata records as batches of the metadata log, and back.

What a payload means is the business of `metadata`; the quorum's own records are in `control`.
Counterpart: org.apache.kafka.raft.internals.RecordsIterator.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from minikafka.base.ids import Offset
from minikafka.log.partition_log import PartitionLog
from minikafka.records.batch import Batch
from minikafka.records.builder import build_batch
from minikafka.records.records import Record, decode_records

__all__ = [
    "PayloadBatch",
    "committed_batches",
    "committed_payloads",
    "payload_batch",
]

_READ_BYTES = 1 << 20


class PayloadBatch(NamedTuple):
    """One committed batch; a control batch has no payloads, but takes offsets."""

    base_offset: Offset
    next_offset: Offset
    epoch: int
    timestamp_ms: int
    payloads: list[bytes]


def payload_batch(payloads: Sequence[bytes], timestamp_ms: int) -> Batch:
    """Return a batch of one record per payload, at least one; not yet in any log."""
    return build_batch([Record(-1, timestamp_ms, None, payload) for payload in payloads])


def committed_batches(log: PartitionLog, start: Offset, end: Offset) -> Iterator[PayloadBatch]:
    """Yield the batches from offset `start` to `end` (exclusive), control batches too.

    Args:
        log: the metadata log.
        start: the first offset not yet applied; where it lies inside a batch, the payloads
            before it are left out.
        end: usually the high watermark; batches that reach beyond it are left out.
    """
    while start < end:
        batches = log.read(start, _READ_BYTES, end, at_least_one=True).batches
        if not batches:
            return
        for batch in batches:
            payloads: list[bytes] = []
            if not batch.is_control:
                records = decode_records(batch)
                payloads = [record.value or b"" for record in records if record.offset >= start]
            base_offset = max(start, batch.base_offset)
            start = batch.next_offset
            yield PayloadBatch(
                base_offset, start, batch.leader_epoch, batch.max_timestamp_ms, payloads
            )


def committed_payloads(
    log: PartitionLog, start: Offset, end: Offset
) -> Iterator[tuple[Offset, bytes]]:
    """Yield (offset, payload) of the records from `start` to `end` (exclusive)."""
    for batch in committed_batches(log, start, end):
        yield from enumerate(batch.payloads, batch.base_offset)
