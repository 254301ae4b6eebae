"""Snapshots of the metadata log: files that say what all records below an offset come to.

With one, what lies below it in the log may go, and a follower that is far behind, or new, takes
it over instead of the records. Names and layout are Kafka's: batches, the first of which begins
with a header and the last of which ends with a footer. Counterparts: org.apache.kafka.snapshot,
KafkaMetadataLog. KIP-630.

Rules of this file
    A snapshot is of committed records only, and ends between two batches.
    It has its name once all of it is durable: there are whole ones and none.
"""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import Offset
from minikafka.log.storage import Storage
from minikafka.quorum.batches import payload_batch
from minikafka.quorum.control import ControlType, control_batch, control_types, snapshot_mark
from minikafka.records.batch import (
    HEADER_BYTES,
    Batch,
    check_crc,
    split_batches,
    stamp,
)
from minikafka.records.records import Record, decode_records

__all__ = ["SnapshotId", "SnapshotStore", "snapshot_bytes", "snapshot_payloads"]

_NAME = re.compile(r"(\d{20})-(\d{10})\.checkpoint")
_PARTIAL_SUFFIX = ".part"
_BATCH_RECORDS = 1000


class SnapshotId(NamedTuple):
    """Which snapshot: all below `end_offset` (exclusive), the last of it written in `epoch`."""

    end_offset: Offset
    epoch: int


class SnapshotStore:
    """The snapshots of one node, as files beside its metadata log.

    Args:
        storage: of the node.
        directory: of the metadata log.
    """

    __slots__ = ("_directory", "_ids", "_storage")

    def __init__(self, storage: Storage, directory: str) -> None:
        self._storage = storage
        self._directory = directory
        self._ids: list[SnapshotId] = []
        for name in storage.list(f"{directory}/"):
            file_name = name.removeprefix(f"{directory}/")
            found = _NAME.fullmatch(file_name)
            if found is not None:
                self._ids.append(SnapshotId(int(found[1]), int(found[2])))
            elif _NAME.fullmatch(file_name.removesuffix(_PARTIAL_SUFFIX)) is not None:
                storage.delete(name)  # its end never came
        self._ids.sort()

    @property
    def ids(self) -> Sequence[SnapshotId]:
        """All snapshots, the oldest first."""
        return tuple(self._ids)

    @property
    def earliest(self) -> SnapshotId | None:
        """The oldest snapshot; where records are gone, the log begins at its end."""
        return self._ids[0] if self._ids else None

    @property
    def latest(self) -> SnapshotId | None:
        """The newest snapshot, None without any."""
        return self._ids[-1] if self._ids else None

    def size(self, snapshot: SnapshotId) -> int:
        """Return its size in bytes, 0 where there is no such snapshot."""
        return self._storage.size(self._name(snapshot))

    def read(self, snapshot: SnapshotId, position: int, max_bytes: int) -> bytes:
        """Return a piece of a snapshot.

        Raises:
            KafkaError: SNAPSHOT_NOT_FOUND, or POSITION_OUT_OF_RANGE outside of it.
        """
        if snapshot not in self._ids:
            raise KafkaError(ErrorCode.SNAPSHOT_NOT_FOUND)
        if not 0 <= position < self.size(snapshot):
            raise KafkaError(ErrorCode.POSITION_OUT_OF_RANGE)
        return b"".join(self._storage.read(self._name(snapshot), position, max_bytes))

    def last_timestamp_ms(self, snapshot: SnapshotId) -> int:
        """Return the time of the last batch it stands for, wall clock."""
        header = b"".join(self._storage.read(self._name(snapshot), 0, HEADER_BYTES))
        return Batch(memoryview(header)).max_timestamp_ms

    def batches(self, snapshot: SnapshotId) -> list[Batch]:
        """Return a whole snapshot; raises KafkaError where its bytes are not what they were."""
        size = self.size(snapshot)
        return _checked(b"".join(self._storage.read(self._name(snapshot), 0, size)))

    def write(self, snapshot: SnapshotId, data: bytes) -> None:
        """Store a snapshot; it is durable on return. One that is there already stays.

        Raises:
            KafkaError: CORRUPT_MESSAGE where `data` is not a whole snapshot.
        """
        if snapshot in self._ids:
            return
        _checked(data)
        name = self._name(snapshot)
        self._storage.append(name + _PARTIAL_SUFFIX, data)
        self._storage.fsync(name + _PARTIAL_SUFFIX)
        self._storage.rename(name + _PARTIAL_SUFFIX, name)
        insort(self._ids, snapshot)

    def delete(self, snapshot: SnapshotId) -> None:
        """Remove a snapshot that a later one has made needless."""
        self._storage.delete(self._name(snapshot))
        self._ids.remove(snapshot)

    def _name(self, snapshot: SnapshotId) -> str:
        return f"{self._directory}/{snapshot.end_offset:020}-{snapshot.epoch:010}.checkpoint"


def snapshot_bytes(
    payloads: Sequence[bytes],
    snapshot: SnapshotId,
    last_timestamp_ms: int,
    control: Iterable[Record] = (),
) -> bytes:
    """Return the content of a snapshot.

    Args:
        payloads: metadata records that come to the same as all those below its end.
        last_timestamp_ms: of the last batch that it stands for, wall clock.
        control: records that follow its header, such as the voters.
    """
    header = snapshot_mark(ControlType.SNAPSHOT_HEADER, last_timestamp_ms)
    batches = [control_batch([header, *control])]
    for start in range(0, len(payloads), _BATCH_RECORDS):
        some = payloads[start : start + _BATCH_RECORDS]
        batches.append(payload_batch(some, last_timestamp_ms))
    batches.append(
        control_batch([snapshot_mark(ControlType.SNAPSHOT_FOOTER, last_timestamp_ms)])
    )
    offset = 0
    for batch in batches:
        stamp(batch, offset, snapshot.epoch)
        offset = batch.next_offset
    return b"".join(batch.view for batch in batches)


def snapshot_payloads(batches: Iterable[Batch]) -> list[bytes]:
    """Return the metadata records in the batches of a snapshot."""
    return [
        record.value or b""
        for batch in batches
        if not batch.is_control
        for record in decode_records(batch)
    ]


def _checked(data: bytes) -> list[Batch]:
    """Return the batches of a whole snapshot; raises KafkaError CORRUPT_MESSAGE for less."""
    batches = split_batches(memoryview(bytearray(data)))
    for batch in batches:
        check_crc(batch)
    ends = [control_types(batch) for batch in (*batches[:1], *batches[-1:])]
    if (
        len(ends) != 2
        or ends[0][:1] != [ControlType.SNAPSHOT_HEADER]
        or ends[1][-1:] != [ControlType.SNAPSHOT_FOOTER]
    ):
        raise KafkaError(ErrorCode.CORRUPT_MESSAGE, "a snapshot without its header or footer")
    return batches
