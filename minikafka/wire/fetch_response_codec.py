"""Fetch responses on the wire, by hand for all versions: the stored batches go out untouched.

Versions 4-11 are legacy, 12 on flexible; 13 on names topics by id. Bodies only, headers are
`codec`'s. A property test holds every version against the schema library, byte for byte.
What may come out of the decoder when the bytes are malformed: see `primitives`.
"""

from __future__ import annotations

from struct import Struct

from minikafka.base.ids import ZERO_ID
from minikafka.wire.endpoints import (
    endpoints_section,
    leader_tag,
    read_endpoints,
    read_leader,
    read_tagged_fields,
)
from minikafka.wire.fetch import FetchPartitionResponse, FetchResponse, FetchTopicResponse
from minikafka.wire.primitives import (
    INT32,
    NULL_INT32,
    Buffer,
    compact_bytes,
    legacy_string,
    read_compact_count,
    read_compact_string,
    read_legacy_count,
    read_legacy_string,
    read_uuid,
    read_uvarint,
    skip_tagged_fields,
    uvarint,
)

__all__ = ["decode_fetch_response", "encode_fetch_response"]

_FLEXIBLE = 12
_TOPIC_IDS = 13
_ENDPOINTS = 16

# throttle time, error code, session id
_HEAD_7 = Struct(">ihi")
# index, error code, high watermark, last stable offset
_PARTITION_4 = Struct(">ihqq")
# and the log start offset
_PARTITION_5 = Struct(">ihqqq")
# and null aborted transactions, the preferred read replica
_PARTITION_12_PLAIN = Struct(">ihqqqBi")
# producer id, first offset
_ABORTED = Struct(">qq")
# producer id, first offset, and no tagged fields
_ABORTED_12 = Struct(">qqB")
# tag, size, epoch, end offset, and no tagged fields inside
_DIVERGING_TAG = Struct(">BBiqB")
# tag, size, end offset, epoch, and no tagged fields inside
_SNAPSHOT_TAG = Struct(">BBqiB")
_EPOCH_END = Struct(">iq")
_END_EPOCH = Struct(">qi")
_UNKNOWN = (-1, -1)
# What a session without news is told: an empty array, no tagged fields.
_NO_TOPICS = b"\1\0"


def encode_fetch_response(version: int, response: FetchResponse) -> list[Buffer]:
    """Encode a response body as what to send one after the other.

    The views of the batches are handed on as they are; all between them is joined.
    """
    if version < _FLEXIBLE:
        return _legacy_response(version, response)
    head = _HEAD_7.pack(response.throttle_time_ms, response.error_code, response.session_id)
    if not response.topics and not response.node_endpoints:
        return [head + _NO_TOPICS]
    by_id = version >= _TOPIC_IDS
    buffers: list[Buffer] = []
    current = bytearray(head)
    current += uvarint(len(response.topics) + 1)
    for topic in response.topics:
        current += (
            (topic.topic_id or ZERO_ID).bytes if by_id else compact_bytes(topic.name or "")
        )
        current += uvarint(len(topic.partitions) + 1)
        for partition in topic.partitions:
            if partition.aborted_transactions is None:
                current += _PARTITION_12_PLAIN.pack(
                    partition.index,
                    partition.error_code,
                    partition.high_watermark,
                    partition.last_stable_offset,
                    partition.log_start_offset,
                    0,
                    partition.preferred_read_replica,
                )
            else:
                current += _with_aborted(partition)
            if partition.batches:
                current += uvarint(partition.size + 1)
                buffers.append(current)
                buffers += [batch.view for batch in partition.batches]
                current = bytearray()
            else:
                records = partition.records or b""
                current += uvarint(len(records) + 1)
                current += records
            current += _partition_tags(partition)
        current += b"\0"
    current += b"\0" if version < _ENDPOINTS else endpoints_section(response.node_endpoints)
    buffers.append(current)
    return buffers


def _with_aborted(partition: FetchPartitionResponse) -> bytes:
    aborted = partition.aborted_transactions or ()
    return b"".join(
        (
            _fixed(partition),
            uvarint(len(aborted) + 1),
            *(_ABORTED_12.pack(producer_id, offset, 0) for producer_id, offset in aborted),
            INT32.pack(partition.preferred_read_replica),
        )
    )


def _fixed(partition: FetchPartitionResponse) -> bytes:
    return _PARTITION_5.pack(
        partition.index,
        partition.error_code,
        partition.high_watermark,
        partition.last_stable_offset,
        partition.log_start_offset,
    )


def _partition_tags(partition: FetchPartitionResponse) -> bytes:
    diverging, leader = partition.diverging_epoch, partition.current_leader
    snapshot = partition.snapshot_id
    if diverging is None and leader is None and snapshot is None:
        return b"\0"
    # A field at its default is left out, as Kafka leaves it out (KIP-482).
    tags = []
    if diverging is not None and diverging != _UNKNOWN:
        tags.append(_DIVERGING_TAG.pack(0, 13, *diverging, 0))
    if leader is not None and leader != _UNKNOWN:
        tags.append(leader_tag(1, leader))
    if snapshot is not None and snapshot != _UNKNOWN:
        tags.append(_SNAPSHOT_TAG.pack(2, 13, *snapshot, 0))
    return bytes((len(tags),)) + b"".join(tags)


def _legacy_response(version: int, response: FetchResponse) -> list[Buffer]:
    buffers: list[Buffer] = []
    if version < 7:
        current = bytearray(INT32.pack(response.throttle_time_ms))
    else:
        current = bytearray(
            _HEAD_7.pack(response.throttle_time_ms, response.error_code, response.session_id)
        )
    current += INT32.pack(len(response.topics))
    for topic in response.topics:
        current += legacy_string(topic.name or "")
        current += INT32.pack(len(topic.partitions))
        for partition in topic.partitions:
            current += _legacy_partition(version, partition)
            if partition.batches:
                current += INT32.pack(partition.size)
                buffers.append(current)
                buffers += [batch.view for batch in partition.batches]
                current = bytearray()
            else:
                records = partition.records or b""
                current += INT32.pack(len(records))
                current += records
    if current:
        buffers.append(current)
    return buffers


def _legacy_partition(version: int, partition: FetchPartitionResponse) -> bytes:
    if version < 5:
        fixed = _PARTITION_4.pack(
            partition.index,
            partition.error_code,
            partition.high_watermark,
            partition.last_stable_offset,
        )
    else:
        fixed = _fixed(partition)
    aborted = partition.aborted_transactions
    out = [fixed]
    if aborted is None:
        out.append(NULL_INT32)
    else:
        out.append(INT32.pack(len(aborted)))
        out += [_ABORTED.pack(*transaction) for transaction in aborted]
    if version >= 11:
        out.append(INT32.pack(partition.preferred_read_replica))
    return b"".join(out)


def decode_fetch_response(
    version: int, frame: memoryview, position: int
) -> tuple[FetchResponse, int]:
    """Read a response body; `records` are spans of `frame`, `batches` stay empty."""
    flexible, by_id = version >= _FLEXIBLE, version >= _TOPIC_IDS
    if flexible and frame[position + 10 : position + 12] == _NO_TOPICS:
        return _without_news(version, frame, position), position + 12
    count_of = read_compact_count if flexible else read_legacy_count
    partition_of = _read_partition if flexible else _read_legacy_partition
    response = FetchResponse()
    if version < 7:
        (response.throttle_time_ms,) = INT32.unpack_from(frame, position)
        position += 4
    else:
        head = _HEAD_7.unpack_from(frame, position)
        response.throttle_time_ms, response.error_code, response.session_id = head
        position += 10
    count, position = count_of(frame, position)
    for _ in range(count):
        name = topic_id = None
        if by_id:
            topic_id, position = read_uuid(frame, position)
        elif flexible:
            name, position = read_compact_string(frame, position)
        else:
            name, position = read_legacy_string(frame, position)
        partition_count, position = count_of(frame, position)
        partitions = []
        for _ in range(partition_count):
            partition, position = partition_of(version, frame, position)
            partitions.append(partition)
        if flexible:
            _, position = skip_tagged_fields(frame, position)
        response.topics.append(FetchTopicResponse(name, topic_id, partitions))
    if version >= _ENDPOINTS:
        response.node_endpoints, position = read_endpoints(frame, position)
    elif flexible:
        _, position = skip_tagged_fields(frame, position)
    return response, position


def _without_news(version: int, frame: memoryview, position: int) -> FetchResponse:
    response = FetchResponse(*_HEAD_7.unpack_from(frame, position))
    if version >= _ENDPOINTS:
        response.node_endpoints = []
    return response


def _read_partition(
    _version: int, frame: memoryview, position: int
) -> tuple[FetchPartitionResponse, int]:
    partition = FetchPartitionResponse(*_PARTITION_5.unpack_from(frame, position))
    count, position = read_uvarint(frame, position + 30)
    if count:
        aborted = []
        for _ in range(count - 1):
            aborted.append(_ABORTED.unpack_from(frame, position))
            _, position = skip_tagged_fields(frame, position + 16)
        partition.aborted_transactions = aborted
    (partition.preferred_read_replica,) = INT32.unpack_from(frame, position)
    size, position = read_uvarint(frame, position + 4)
    if size:
        end = position + size - 1
        partition.records = frame[position:end]
        partition.size = size - 1
        position = end
    if not frame[position]:
        return partition, position + 1
    tags, position = read_tagged_fields(frame, position)
    if 0 in tags:
        partition.diverging_epoch = _EPOCH_END.unpack_from(frame, tags[0])
    if 1 in tags:
        partition.current_leader = read_leader(frame, tags[1])
    if 2 in tags:
        partition.snapshot_id = _END_EPOCH.unpack_from(frame, tags[2])
    return partition, position


def _read_legacy_partition(
    version: int, frame: memoryview, position: int
) -> tuple[FetchPartitionResponse, int]:
    fixed = _PARTITION_4 if version < 5 else _PARTITION_5
    partition = FetchPartitionResponse(*fixed.unpack_from(frame, position))
    position += fixed.size
    (count,) = INT32.unpack_from(frame, position)
    position += 4
    if count >= 0:
        end = position + 16 * count
        partition.aborted_transactions = list(_ABORTED.iter_unpack(frame[position:end]))
        position = end
    if version >= 11:
        (partition.preferred_read_replica,) = INT32.unpack_from(frame, position)
        position += 4
    (size,) = INT32.unpack_from(frame, position)
    position += 4
    if size >= 0:
        end = position + size
        partition.records = frame[position:end]
        partition.size = size
        position = end
    return partition, position
