"""Produce on the wire, by hand for all versions: the hottest request of a broker.

Versions 3-8 are legacy, 9 on flexible; 13 on names topics by id. Bodies only, headers are
`codec`'s. A property test holds every version against the schema library, byte for byte.
What may come out of the decoders when the bytes are malformed: see `primitives`.
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
    read_nullable_compact_string,
    read_nullable_legacy_string,
    read_uuid,
    read_uvarint,
    skip_tagged_fields,
    uvarint,
)
from minikafka.wire.produce import (
    ProducePartition,
    ProducePartitionResult,
    ProduceRequest,
    ProduceResponse,
    ProduceTopic,
    ProduceTopicResult,
)

__all__ = [
    "decode_produce_request",
    "decode_produce_response",
    "encode_produce_request",
    "encode_produce_response",
]

_FLEXIBLE = 9
_ENDPOINTS = 10
_TOPIC_IDS = 13

_ACKS_TIMEOUT = Struct(">hi")
_TWO_INT32 = Struct(">ii")
# index, error code, base offset, log append time
_RESULT_3 = Struct(">ihqq")
# and the log start offset
_RESULT_5 = Struct(">ihqqq")
# and, in compact form, no record errors, no message, no tagged fields
_RESULT_9_PLAIN = Struct(">ihqqqBBB")


def decode_produce_request(
    version: int, frame: memoryview, position: int
) -> tuple[ProduceRequest, int]:
    """Read a request body; the records are spans of `frame`, not copies."""
    if version < _FLEXIBLE:
        return _legacy_request(frame, position)
    by_id = version >= _TOPIC_IDS
    transactional_id, position = read_nullable_compact_string(frame, position)
    acks, timeout_ms = _ACKS_TIMEOUT.unpack_from(frame, position)
    topic_count, position = read_compact_count(frame, position + 6)
    topics = []
    for _ in range(topic_count):
        name = topic_id = None
        if by_id:
            topic_id, position = read_uuid(frame, position)
        else:
            name, position = read_compact_string(frame, position)
        partition_count, position = read_compact_count(frame, position)
        partitions = []
        for _ in range(partition_count):
            (index,) = INT32.unpack_from(frame, position)
            size, position = read_uvarint(frame, position + 4)
            if size:
                end = position + size - 1
                partitions.append(ProducePartition(index, frame[position:end]))
                position = end
            else:
                partitions.append(ProducePartition(index, None))
            _, position = skip_tagged_fields(frame, position)
        _, position = skip_tagged_fields(frame, position)
        topics.append(ProduceTopic(name, topic_id, partitions))
    _, position = skip_tagged_fields(frame, position)
    return ProduceRequest(transactional_id, acks, timeout_ms, topics), position


def _legacy_request(frame: memoryview, position: int) -> tuple[ProduceRequest, int]:
    transactional_id, position = read_nullable_legacy_string(frame, position)
    acks, timeout_ms = _ACKS_TIMEOUT.unpack_from(frame, position)
    topic_count, position = read_legacy_count(frame, position + 6)
    topics = []
    for _ in range(topic_count):
        name, position = read_legacy_string(frame, position)
        partition_count, position = read_legacy_count(frame, position)
        partitions = []
        for _ in range(partition_count):
            index, size = _TWO_INT32.unpack_from(frame, position)
            position += 8
            if size >= 0:
                end = position + size
                partitions.append(ProducePartition(index, frame[position:end]))
                position = end
            else:
                partitions.append(ProducePartition(index, None))
        topics.append(ProduceTopic(name, None, partitions))
    return ProduceRequest(transactional_id, acks, timeout_ms, topics), position


def encode_produce_response(version: int, response: ProduceResponse) -> list[Buffer]:
    """Encode a response body; what the version lacks is left out."""
    if version < _FLEXIBLE:
        return [_legacy_response(version, response)]
    by_id = version >= _TOPIC_IDS
    out = [uvarint(len(response.topics) + 1)]
    append = out.append
    for topic in response.topics:
        append((topic.topic_id or ZERO_ID).bytes if by_id else compact_bytes(topic.name or ""))
        append(uvarint(len(topic.partitions) + 1))
        for result in topic.partitions:
            if (
                result.record_errors
                or result.error_message is not None
                or result.current_leader
            ):
                append(_full_result(version, result))
            else:
                append(
                    _RESULT_9_PLAIN.pack(
                        result.index,
                        result.error_code,
                        result.base_offset,
                        result.log_append_time_ms,
                        result.log_start_offset,
                        1,
                        0,
                        0,
                    )
                )
        append(b"\0")
    append(INT32.pack(response.throttle_time_ms))
    append(b"\0" if version < _ENDPOINTS else endpoints_section(response.node_endpoints))
    return [b"".join(out)]


def _full_result(version: int, result: ProducePartitionResult) -> bytes:
    out = [_pack_result(result), uvarint(len(result.record_errors) + 1)]
    for batch_index, message in result.record_errors:
        out += (INT32.pack(batch_index), compact_bytes(message), b"\0")
    out.append(compact_bytes(result.error_message))
    leader = result.current_leader
    if version < _ENDPOINTS or leader is None or leader == (-1, -1):
        out.append(b"\0")
    else:
        out += (b"\1", leader_tag(0, leader))
    return b"".join(out)


def _pack_result(result: ProducePartitionResult) -> bytes:
    return _RESULT_5.pack(
        result.index,
        result.error_code,
        result.base_offset,
        result.log_append_time_ms,
        result.log_start_offset,
    )


def _legacy_response(version: int, response: ProduceResponse) -> bytes:
    out = [INT32.pack(len(response.topics))]
    for topic in response.topics:
        out += (legacy_string(topic.name or ""), INT32.pack(len(topic.partitions)))
        for result in topic.partitions:
            if version < 5:
                out.append(
                    _RESULT_3.pack(
                        result.index,
                        result.error_code,
                        result.base_offset,
                        result.log_append_time_ms,
                    )
                )
                continue
            out.append(_pack_result(result))
            if version >= 8:
                out.append(INT32.pack(len(result.record_errors)))
                for batch_index, message in result.record_errors:
                    out += (INT32.pack(batch_index), legacy_string(message))
                out.append(legacy_string(result.error_message))
    out.append(INT32.pack(response.throttle_time_ms))
    return b"".join(out)


def encode_produce_request(version: int, request: ProduceRequest) -> list[Buffer]:
    """Encode a request body; records go out as they are."""
    flexible, by_id = version >= _FLEXIBLE, version >= _TOPIC_IDS
    string = compact_bytes if flexible else legacy_string
    end = b"\0" if flexible else b""
    out: list[Buffer] = [
        string(request.transactional_id),
        _ACKS_TIMEOUT.pack(request.acks, request.timeout_ms),
        uvarint(len(request.topics) + 1) if flexible else INT32.pack(len(request.topics)),
    ]
    for topic in request.topics:
        count = len(topic.partitions)
        out.append((topic.topic_id or ZERO_ID).bytes if by_id else string(topic.name or ""))
        out.append(uvarint(count + 1) if flexible else INT32.pack(count))
        for partition in topic.partitions:
            out.append(INT32.pack(partition.index))
            records = partition.records
            if records is None:
                out.append(b"\0" if flexible else NULL_INT32)
            else:
                size = len(records)
                out += (uvarint(size + 1) if flexible else INT32.pack(size), records)
            out.append(end)
        out.append(end)
    out.append(end)
    return out


def decode_produce_response(
    version: int, frame: memoryview, position: int
) -> tuple[ProduceResponse, int]:
    """Read a response body."""
    flexible, by_id = version >= _FLEXIBLE, version >= _TOPIC_IDS
    count_of = read_compact_count if flexible else read_legacy_count
    topic_count, position = count_of(frame, position)
    topics = []
    for _ in range(topic_count):
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
            result, position = _read_result(version, frame, position)
            partitions.append(result)
        if flexible:
            _, position = skip_tagged_fields(frame, position)
        topics.append(ProduceTopicResult(name, topic_id, partitions))
    response = ProduceResponse(topics, INT32.unpack_from(frame, position)[0])
    position += 4
    if version >= _ENDPOINTS:
        response.node_endpoints, position = read_endpoints(frame, position)
    elif flexible:
        _, position = skip_tagged_fields(frame, position)
    return response, position


def _read_result(
    version: int, frame: memoryview, position: int
) -> tuple[ProducePartitionResult, int]:
    if version < 5:
        return ProducePartitionResult(*_RESULT_3.unpack_from(frame, position)), position + 22
    result = ProducePartitionResult(*_RESULT_5.unpack_from(frame, position))
    position += 30
    if version < 8:
        return result, position
    flexible = version >= _FLEXIBLE
    string = read_nullable_compact_string if flexible else read_nullable_legacy_string
    count, position = (read_compact_count if flexible else read_legacy_count)(frame, position)
    errors = []
    for _ in range(count):
        (batch_index,) = INT32.unpack_from(frame, position)
        message, position = string(frame, position + 4)
        if flexible:
            _, position = skip_tagged_fields(frame, position)
        errors.append((batch_index, message))
    result.record_errors = errors
    result.error_message, position = string(frame, position)
    if flexible:
        tags, position = read_tagged_fields(frame, position)
        if version >= _ENDPOINTS and 0 in tags:
            result.current_leader = read_leader(frame, tags[0])
    return result, position
