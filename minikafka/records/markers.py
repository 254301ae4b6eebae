"""End-of-transaction markers: what a coordinator writes into each partition of a transaction.

Control batches of one record, whose key says commit or abort and whose value who says so.
Counterpart: org.apache.kafka.common.record.EndTransactionMarker, ControlRecordType. KIP-98.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import ProducerId
from minikafka.records.batch import Batch
from minikafka.records.builder import build_batch
from minikafka.records.records import Record, decode_records

__all__ = ["EndTransactionMarker", "build_marker", "decode_marker"]

_ABORT, _COMMIT = 0, 1
_KEY = struct.Struct(">hh")  # version, type
_VALUE = struct.Struct(">hi")  # version, coordinator epoch
_VERSION = 0


class EndTransactionMarker(NamedTuple):
    """What one marker says."""

    committed: bool  # else aborted
    coordinator_epoch: int  # leader epoch of the coordinator's partition


def decode_marker(batch: Batch) -> EndTransactionMarker | None:
    """Return what a control batch says of a transaction.

    None for other control batches, and for one whose record compaction has taken: all of its
    transaction is gone from the log then.

    Raises:
        KafkaError: CORRUPT_MESSAGE when it is cut off.
    """
    records = decode_records(batch) if batch.record_count else ()
    if not records:
        return None
    key, value = records[0].key or b"", records[0].value or b""
    if len(key) < _KEY.size:
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE, f"control record of {batch!r} has no type")
    _, kind = _KEY.unpack_from(key)
    if kind not in (_ABORT, _COMMIT):
        return None
    if len(value) < _VALUE.size:
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE, f"marker of {batch!r} is cut off")
    _, coordinator_epoch = _VALUE.unpack_from(value)
    return EndTransactionMarker(kind == _COMMIT, coordinator_epoch)


def build_marker(
    producer_id: ProducerId,
    producer_epoch: int,
    marker: EndTransactionMarker,
    timestamp_ms: int,
) -> Batch:
    """Return the control batch that ends a transaction, in a buffer that may be stamped."""
    key = _KEY.pack(_VERSION, _COMMIT if marker.committed else _ABORT)
    value = _VALUE.pack(_VERSION, marker.coordinator_epoch)
    return build_batch(
        [Record(0, timestamp_ms, key, value)],
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        control=True,
        transactional=True,
    )
