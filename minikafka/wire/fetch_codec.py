"""Fetch requests on the wire, by hand for all versions.

Versions 4-11 are legacy, 12 on flexible; 13 on names topics by id, 15 on tells the replica in
a tagged field. Bodies only, headers are `codec`'s. A property test holds every version
against the schema library, byte for byte. What may come out of the decoder when the bytes
are malformed: see `primitives`.
"""

from __future__ import annotations

from struct import Struct

from minikafka.base.ids import ZERO_ID
from minikafka.wire.endpoints import read_tagged_fields
from minikafka.wire.fetch import (
    HIGH_WATERMARK_UNSUPPORTED,
    FetchPartition,
    FetchRequest,
    FetchTopic,
    ForgottenTopic,
)
from minikafka.wire.primitives import (
    INT32,
    Buffer,
    compact_bytes,
    legacy_string,
    read_compact_count,
    read_compact_string,
    read_legacy_count,
    read_legacy_string,
    read_nullable_compact_string,
    read_uuid,
    skip_tagged_fields,
    uvarint,
)

__all__ = ["decode_fetch_request", "encode_fetch_request"]

_FLEXIBLE = 12
_TOPIC_IDS = 13
_REPLICA_STATE = 15

# replica id, max wait, min bytes, max bytes, isolation level
_HEAD_4 = Struct(">iiiib")
# and session id, session epoch
_HEAD_7 = Struct(">iiiibii")
# the same without the replica id
_HEAD_15 = Struct(">iiibii")
# index, fetch offset, max bytes
_PARTITION_4 = Struct(">iqi")
# index, fetch offset, log start offset, max bytes
_PARTITION_5 = Struct(">iqqi")
# index, current leader epoch, fetch offset, log start offset, max bytes
_PARTITION_9 = Struct(">iiqqi")
# index, current leader epoch, fetch offset, last fetched epoch, log start offset, max bytes,
# and the number of tagged fields
_PARTITION_12 = Struct(">iiqiqiB")
_PARTITION_12_BYTES = 32
# (replica id, replica epoch), and no tagged fields inside
_REPLICA = Struct(">iqB")
# A session goes on as it is (KIP-227): no topics, none forgotten, no rack.
_NOTHING_NEW = b"\1\1\1"
# The start of a section of tagged fields: one of them, its tag, its size.
_REPLICA_TAGGED = b"\1\1\x0d"
_INT64 = Struct(">q")


def decode_fetch_request(
    version: int, frame: memoryview, position: int
) -> tuple[FetchRequest, int]:
    """Read a request body."""
    if version < _FLEXIBLE:
        return _legacy_request(version, frame, position)
    replica_id, replica_epoch = -1, -1
    if version < _REPLICA_STATE:
        (replica_id,) = INT32.unpack_from(frame, position)
        position += 4
    max_wait_ms, min_bytes, max_bytes, isolation, session_id, session_epoch = (
        _HEAD_15.unpack_from(frame, position)
    )
    by_id = version >= _TOPIC_IDS
    position += 21
    topics: list[FetchTopic] = []
    forgotten: list[ForgottenTopic] = []
    rack_id = ""
    if frame[position : position + 3] == _NOTHING_NEW:
        position += 3
    else:
        topics, position = _topics(version, by_id, frame, position)
        forgotten, position = _forgotten(by_id, frame, position)
        rack_id, position = read_compact_string(frame, position)
    cluster_id = None
    if version >= _REPLICA_STATE and frame[position : position + 3] == _REPLICA_TAGGED:
        # All that a follower says, and at each of its fetches.
        replica_id, replica_epoch, _ = _REPLICA.unpack_from(frame, position + 3)
        position += 3 + _REPLICA.size
    elif frame[position]:
        tags, position = read_tagged_fields(frame, position)
        if 0 in tags:
            cluster_id, _ = read_nullable_compact_string(frame, tags[0])
        if 1 in tags and version >= _REPLICA_STATE:
            replica_id, replica_epoch, _ = _REPLICA.unpack_from(frame, tags[1])
    else:
        position += 1
    request = FetchRequest(
        replica_id,
        replica_epoch,
        max_wait_ms,
        min_bytes,
        max_bytes,
        isolation,
        session_id,
        session_epoch,
        topics,
        forgotten,
        rack_id,
        cluster_id,
    )
    return request, position


def _topics(
    version: int, by_id: bool, frame: memoryview, position: int
) -> tuple[list[FetchTopic], int]:
    count, position = read_compact_count(frame, position)
    unpack = _PARTITION_12.unpack_from
    topics = []
    for _ in range(count):
        name = topic_id = None
        if by_id:
            topic_id, position = read_uuid(frame, position)
        else:
            name, position = read_compact_string(frame, position)
        partition_count, position = read_compact_count(frame, position)
        partitions = []
        for _ in range(partition_count):
            index, epoch, offset, last_epoch, start, max_bytes, tagged = unpack(frame, position)
            partition = FetchPartition(index, epoch, offset, last_epoch, start, max_bytes)
            partitions.append(partition)
            position += _PARTITION_12_BYTES
            if tagged:
                position = _partition_tags(version, partition, frame, position)
            else:
                position += 1
        _, position = skip_tagged_fields(frame, position)
        topics.append(FetchTopic(name, topic_id, partitions))
    return topics, position


def _partition_tags(
    version: int, partition: FetchPartition, frame: memoryview, position: int
) -> int:
    tags, position = read_tagged_fields(frame, position)
    if version >= 17 and 0 in tags:
        partition.replica_directory_id, _ = read_uuid(frame, tags[0])
    if version >= 18 and 1 in tags:
        (partition.high_watermark,) = _INT64.unpack_from(frame, tags[1])
    return position


def _forgotten(
    by_id: bool, frame: memoryview, position: int
) -> tuple[list[ForgottenTopic], int]:
    count, position = read_compact_count(frame, position)
    topics = []
    for _ in range(count):
        name = topic_id = None
        if by_id:
            topic_id, position = read_uuid(frame, position)
        else:
            name, position = read_compact_string(frame, position)
        partition_count, position = read_compact_count(frame, position)
        partitions, position = _indexes(partition_count, frame, position)
        _, position = skip_tagged_fields(frame, position)
        topics.append(ForgottenTopic(name, topic_id, partitions))
    return topics, position


def _indexes(count: int, frame: memoryview, position: int) -> tuple[list[int], int]:
    end = position + 4 * count
    return [index for (index,) in INT32.iter_unpack(frame[position:end])], end


def _legacy_request(version: int, frame: memoryview, position: int) -> tuple[FetchRequest, int]:
    request = FetchRequest()
    head = _HEAD_4 if version < 7 else _HEAD_7
    (
        request.replica_id,
        request.max_wait_ms,
        request.min_bytes,
        request.max_bytes,
        request.isolation_level,
        *session,
    ) = head.unpack_from(frame, position)
    if session:
        request.session_id, request.session_epoch = session
    count, position = read_legacy_count(frame, position + head.size)
    for _ in range(count):
        name, position = read_legacy_string(frame, position)
        partition_count, position = read_legacy_count(frame, position)
        partitions = []
        for _ in range(partition_count):
            partition, position = _legacy_partition(version, frame, position)
            partitions.append(partition)
        request.topics.append(FetchTopic(name, None, partitions))
    if version < 7:
        return request, position
    count, position = read_legacy_count(frame, position)
    for _ in range(count):
        name, position = read_legacy_string(frame, position)
        partition_count, position = read_legacy_count(frame, position)
        indexes, position = _indexes(partition_count, frame, position)
        request.forgotten.append(ForgottenTopic(name, None, indexes))
    if version >= 11:
        request.rack_id, position = read_legacy_string(frame, position)
    return request, position


def _legacy_partition(
    version: int, frame: memoryview, position: int
) -> tuple[FetchPartition, int]:
    epoch = start = -1
    if version >= 9:
        index, epoch, offset, start, max_bytes = _PARTITION_9.unpack_from(frame, position)
        position += 28
    elif version >= 5:
        index, offset, start, max_bytes = _PARTITION_5.unpack_from(frame, position)
        position += 24
    else:
        index, offset, max_bytes = _PARTITION_4.unpack_from(frame, position)
        position += 16
    return FetchPartition(index, epoch, offset, -1, start, max_bytes), position


def encode_fetch_request(version: int, request: FetchRequest) -> list[Buffer]:
    """Encode a request body; what the version lacks is left out."""
    flexible, by_id = version >= _FLEXIBLE, version >= _TOPIC_IDS
    string = compact_bytes if flexible else legacy_string
    end = b"\0" if flexible else b""
    if flexible and not request.topics and not request.forgotten:
        # A session goes on as it is (KIP-227): two empty arrays.
        rack = compact_bytes(request.rack_id)
        return [_head(version, request) + b"\1\1" + rack + _request_tags(version, request)]
    out = [_head(version, request), _count(flexible, len(request.topics))]
    for topic in request.topics:
        out.append((topic.topic_id or ZERO_ID).bytes if by_id else string(topic.name or ""))
        out.append(_count(flexible, len(topic.partitions)))
        out += [_encoded_partition(version, partition) for partition in topic.partitions]
        out.append(end)
    if version >= 7:
        out.append(_count(flexible, len(request.forgotten)))
        for gone in request.forgotten:
            out.append((gone.topic_id or ZERO_ID).bytes if by_id else string(gone.name or ""))
            out.append(_count(flexible, len(gone.partitions)))
            out += [INT32.pack(index) for index in gone.partitions]
            out.append(end)
    if version >= 11:
        out.append(string(request.rack_id))
    if flexible:
        out.append(_request_tags(version, request))
    return [b"".join(out)]


def _count(flexible: bool, count: int) -> bytes:
    return uvarint(count + 1) if flexible else INT32.pack(count)


def _head(version: int, request: FetchRequest) -> bytes:
    limits = request.max_wait_ms, request.min_bytes, request.max_bytes, request.isolation_level
    if version < 7:
        return _HEAD_4.pack(request.replica_id, *limits)
    session = request.session_id, request.session_epoch
    if version < _REPLICA_STATE:
        return _HEAD_7.pack(request.replica_id, *limits, *session)
    return _HEAD_15.pack(*limits, *session)


def _encoded_partition(version: int, partition: FetchPartition) -> bytes:
    index, offset, limit = partition.index, partition.fetch_offset, partition.max_bytes
    start, epoch = partition.log_start_offset, partition.current_leader_epoch
    if version < 5:
        return _PARTITION_4.pack(index, offset, limit)
    if version < 9:
        return _PARTITION_5.pack(index, offset, start, limit)
    if version < _FLEXIBLE:
        return _PARTITION_9.pack(index, epoch, offset, start, limit)
    tags = b""
    count = 0
    if version >= 17 and partition.replica_directory_id != ZERO_ID:
        tags += b"\0\x10" + partition.replica_directory_id.bytes
        count += 1
    if version >= 18 and partition.high_watermark != HIGH_WATERMARK_UNSUPPORTED:
        tags += b"\1\x08" + _INT64.pack(partition.high_watermark)
        count += 1
    last_epoch = partition.last_fetched_epoch
    return _PARTITION_12.pack(index, epoch, offset, last_epoch, start, limit, count) + tags


def _request_tags(version: int, request: FetchRequest) -> bytes:
    tags = b""
    count = 0
    if request.cluster_id is not None:
        encoded = compact_bytes(request.cluster_id)
        tags += b"\0" + uvarint(len(encoded)) + encoded
        count += 1
    replica = request.replica_id, request.replica_epoch
    if version >= _REPLICA_STATE and replica != (-1, -1):
        if not count:
            return _REPLICA_TAGGED + _REPLICA.pack(*replica, 0)
        tags += _REPLICA_TAGGED[1:] + _REPLICA.pack(*replica, 0)
        count += 1
    return bytes((count,)) + tags
