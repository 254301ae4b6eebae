"""The records of `__transaction_state`, byte by byte as Apache Kafka 4.1 writes them.

One kind: a transactional id and all that is known of it, or no value where it is forgotten.
Version 0 of the value is for transaction.version 0, the flexible version 1 for all others.
DIVERGENCE(transaction-epoch-overflow): Kafka has fields for the producer ids before and after an
overflow of the epoch and does not fill them in, so a coordinator that comes between forgets what
the producer was told; here they are written where they say something.
Counterpart: TransactionLog and the generated classes TransactionLogKey and TransactionLogValue.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import groupby

from minikafka.base.errors import BrokerBug
from minikafka.base.ids import TopicPartition
from minikafka.groups.record_reader import INT64, RecordReader
from minikafka.transactions.metadata import NO_PRODUCER_ID, TransactionMetadata
from minikafka.transactions.states import TransactionState
from minikafka.wire.framing import FrameError
from minikafka.wire.primitives import (
    INT16,
    INT32,
    NULL_INT32,
    compact_bytes,
    legacy_string,
    uvarint,
)

__all__ = ["TransactionRecord", "decode_transaction", "encode_transaction"]

_KEY_VERSION = INT16.pack(0)
_PREVIOUS_ID, _NEXT_ID, _CLIENT_VERSION = 0, 1, 2
_HEAD = struct.Struct(">qhib")
_TIMES = struct.Struct(">qq")
_NO_TAGS = b"\0"


@dataclass(frozen=True, slots=True)
class TransactionRecord:
    """A transactional id and what is known of it; None forgets it."""

    transactional_id: str
    metadata: TransactionMetadata | None


def encode_transaction(
    record: TransactionRecord, value_version: int
) -> tuple[bytes, bytes | None]:
    """Return the key and the value of `record`; version 0 has no room for KIP-890."""
    key = _KEY_VERSION + legacy_string(record.transactional_id)
    known = record.metadata
    if known is None:
        return key, None
    head = _HEAD.pack(known.producer_id, known.producer_epoch, known.timeout_ms, known.state)
    times = _TIMES.pack(known.last_update_timestamp_ms, known.start_timestamp_ms)
    partitions = _partitions(known, flexible=value_version > 0)
    tags = _tags(known) if value_version > 0 else b""
    return key, INT16.pack(value_version) + head + partitions + times + tags


def _partitions(known: TransactionMetadata, *, flexible: bool) -> bytes:
    if known.state is TransactionState.EMPTY:
        return b"\0" if flexible else NULL_INT32
    topics = []
    for topic, group in groupby(known.topic_partitions, key=lambda each: each.topic):
        numbers = [INT32.pack(each.partition) for each in group]
        name = compact_bytes(topic) if flexible else legacy_string(topic)
        end = _NO_TAGS if flexible else b""
        topics.append(b"".join((name, _count(len(numbers), flexible), *numbers, end)))
    return _count(len(topics), flexible) + b"".join(topics)


def _count(count: int, flexible: bool) -> bytes:
    return uvarint(count + 1) if flexible else INT32.pack(count)


def _tags(known: TransactionMetadata) -> bytes:
    tags: list[tuple[int, bytes]] = []
    if known.previous_producer_id not in (NO_PRODUCER_ID, known.producer_id):
        tags.append((_PREVIOUS_ID, INT64.pack(known.previous_producer_id)))
    if known.next_producer_id != NO_PRODUCER_ID:
        tags.append((_NEXT_ID, INT64.pack(known.next_producer_id)))
    if known.client_transaction_version:
        tags.append((_CLIENT_VERSION, INT16.pack(known.client_transaction_version)))
    parts = [uvarint(tag) + uvarint(len(data)) + data for tag, data in tags]
    return uvarint(len(tags)) + b"".join(parts)


def decode_transaction(key: bytes | None, value: bytes | None) -> TransactionRecord | None:
    """Return the record with this key and value, None for a key of a later version.

    Raises:
        BrokerBug: the bytes are no such record, or of a version not known here.
    """
    if key is None:
        raise BrokerBug("a record of __transaction_state without a key")
    try:
        reader = RecordReader(key)
        if reader.int16() != 0:
            return None
        transactional_id = reader.string()
        known = None if value is None else _read_value(RecordReader(value))
    except (struct.error, IndexError, ValueError, FrameError) as error:
        raise BrokerBug(f"not a transaction's record: {key[:60]!r}") from error
    return TransactionRecord(transactional_id, known)


def _read_value(reader: RecordReader) -> TransactionMetadata:
    flexible = reader.version(1) > 0
    producer_id, epoch = reader.int64(), reader.int16()
    timeout_ms, state = reader.int32(), TransactionState(reader.int8())
    partitions = _read_partitions(reader, flexible)
    last_update_ms, start_ms = reader.int64(), reader.int64()
    tags = reader.tagged_fields() if flexible else {}
    return TransactionMetadata(
        producer_id,
        timeout_ms,
        producer_epoch=epoch,
        previous_producer_id=_tag(tags, _PREVIOUS_ID, NO_PRODUCER_ID),
        next_producer_id=_tag(tags, _NEXT_ID, NO_PRODUCER_ID),
        state=state,
        topic_partitions=partitions,
        start_timestamp_ms=start_ms,
        last_update_timestamp_ms=last_update_ms,
        client_transaction_version=_tag(tags, _CLIENT_VERSION, 0),
    )


def _tag(tags: dict[int, bytes], tag: int, default: int) -> int:
    data = tags.get(tag)
    return default if data is None else int.from_bytes(data, signed=True)


def _read_partitions(reader: RecordReader, flexible: bool) -> tuple[TopicPartition, ...]:
    found = []
    for _ in range(_read_count(reader, flexible)):
        topic = reader.compact_string() if flexible else reader.string()
        numbers = [reader.int32() for _ in range(_read_count(reader, flexible))]
        found += [TopicPartition(topic, number) for number in numbers]
        if flexible:
            reader.skip_tagged_fields()
    return tuple(sorted(found))


def _read_count(reader: RecordReader, flexible: bool) -> int:
    # Null where nothing was added, which is no partitions as well.
    return reader.compact_nullable_count() if flexible else max(0, reader.int32())
