"""The quorum's own records in the metadata log and in snapshots: leaders, voters, marks.

Keys: version 0 and the type; values as in Kafka, so that its tools can read them. Counterparts:
ControlRecordType, LeaderChangeMessage.json, VotersRecord.json, KRaftVersionRecord.json,
SnapshotHeaderRecord.json, SnapshotFooterRecord.json. KIP-595, KIP-630, KIP-853.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from enum import IntEnum

from minikafka.base.errors import BrokerBug
from minikafka.base.ids import BrokerId, Offset, uuid_of
from minikafka.quorum.voters import Endpoint, Voter, VoterSet
from minikafka.records.batch import Batch
from minikafka.records.builder import build_batch
from minikafka.records.records import Record, decode_records

__all__ = [
    "ControlType",
    "control_batch",
    "control_types",
    "kraft_version_record",
    "leader_change_record",
    "snapshot_mark",
    "voter_sets",
    "voters_record",
]

_KEY = struct.Struct(">hh")
_VERSION = struct.Struct(">h")
_VERSION_AND_ID = struct.Struct(">hi")
_VERSION_AND_TIME = struct.Struct(">hq")
_ID = struct.Struct(">i")
_PORT = struct.Struct(">H")
_RANGE = struct.Struct(">hh")
_NO_TAGS = b"\0"


class ControlType(IntEnum):
    """What a control record of the metadata log says."""

    LEADER_CHANGE = 2
    SNAPSHOT_HEADER = 3
    SNAPSHOT_FOOTER = 4
    KRAFT_VERSION = 5
    KRAFT_VOTERS = 6


def control_batch(records: Sequence[Record]) -> Batch:
    """Return a batch of control records; not yet in any log."""
    return build_batch(records, control=True)


def leader_change_record(
    leader_id: BrokerId,
    voters: Sequence[BrokerId],
    granting_voters: Sequence[BrokerId],
    timestamp_ms: int,
) -> Record:
    """Return the record with which a leader begins its epoch: LeaderChangeMessage version 0."""
    value = bytearray(_VERSION_AND_ID.pack(0, leader_id))
    for members in (voters, granting_voters):
        value += _length(len(members))
        for member in members:
            value += _ID.pack(member) + _NO_TAGS
    return _record(ControlType.LEADER_CHANGE, bytes(value + _NO_TAGS), timestamp_ms)


def kraft_version_record(version: int, timestamp_ms: int) -> Record:
    """Return the record of kraft.version; from 1 on voters have directories and may change."""
    value = _RANGE.pack(0, version) + _NO_TAGS
    return _record(ControlType.KRAFT_VERSION, value, timestamp_ms)


def voters_record(voters: VoterSet, timestamp_ms: int) -> Record:
    """Return the record that makes `voters` the quorum's."""
    value = bytearray(_VERSION.pack(0)) + _length(len(voters))
    for voter in voters:
        value += _ID.pack(voter.voter_id) + voter.directory_id.bytes
        value += _length(len(voter.endpoints))
        for name, host, port in voter.endpoints:
            value += _text(name) + _text(host) + _PORT.pack(port) + _NO_TAGS
        # It understands kraft.version 0 and 1.
        value += _RANGE.pack(0, 1) + _NO_TAGS + _NO_TAGS
    return _record(ControlType.KRAFT_VOTERS, bytes(value + _NO_TAGS), timestamp_ms)


def snapshot_mark(kind: ControlType, last_timestamp_ms: int) -> Record:
    """Return the header or footer of a snapshot."""
    if kind is ControlType.SNAPSHOT_HEADER:
        return _record(
            kind, _VERSION_AND_TIME.pack(0, last_timestamp_ms) + _NO_TAGS, last_timestamp_ms
        )
    return _record(kind, _VERSION.pack(0) + _NO_TAGS, last_timestamp_ms)


def control_types(batch: Batch) -> list[int]:
    """Return the types of the control records in a batch; none in a batch of metadata."""
    if not batch.is_control:
        return []
    return [_KEY.unpack_from(record.key or b"")[1] for record in decode_records(batch)]


def voter_sets(batch: Batch) -> Iterator[tuple[Offset, VoterSet]]:
    """Yield (offset, voters) for each record of voters in a batch.

    Raises:
        BrokerBug: its bytes are not those of such a record.
    """
    if not batch.is_control:
        return
    for record in decode_records(batch):
        if _KEY.unpack_from(record.key or b"")[1] == ControlType.KRAFT_VOTERS:
            yield record.offset, _decode_voters(record.value or b"")


def _decode_voters(data: bytes) -> VoterSet:
    reader = _Reader(data)
    reader.take(_VERSION.size)
    voters = []
    for _ in range(reader.length()):
        voter_id = int.from_bytes(reader.take(4), signed=True)
        directory_id = uuid_of(reader.take(16))
        endpoints = []
        for _ in range(reader.length()):
            name, host = reader.text(), reader.text()
            endpoints.append(Endpoint(name, host, int.from_bytes(reader.take(2))))
            reader.take(1)
        reader.take(_RANGE.size + 2)
        voters.append(Voter(voter_id, directory_id, tuple(endpoints)))
    return VoterSet(voters)


class _Reader:
    """Takes values off the front of a record."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        self._at += count
        if self._at > len(self._data):
            raise BrokerBug(f"not a record of voters: {self._data[:40]!r}")
        return self._data[self._at - count : self._at]

    def length(self) -> int:
        """Return the length of a compact array or string."""
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value - 1

    def text(self) -> str:
        """Return a compact string."""
        return self.take(self.length()).decode()


def _record(kind: ControlType, value: bytes, timestamp_ms: int) -> Record:
    return Record(-1, timestamp_ms, _KEY.pack(0, kind), value)


def _length(count: int) -> bytes:
    """Return the length of a compact array or string, which is one more as a varint."""
    count += 1
    out = bytearray()
    while count > 0x7F:
        out.append(count & 0x7F | 0x80)
        count >>= 7
    return bytes(out) + bytes([count])


def _text(text: str) -> bytes:
    data = text.encode()
    return _length(len(data)) + data
