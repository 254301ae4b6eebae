"""Segments read back from a storage, as far as they can be trusted.

Keeps the longest prefix of whole, CRC-correct batches with gapless offsets and epochs that
never fall; what lies behind it is cut off the storage. Counterparts: LogLoader,
LogSegment.recover. After a power loss the tail may be torn (KAFKA-3919, KAFKA-10471).

Rules of this file
    What is torn or rotten is cut off, with all that lies behind it.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikafka.base.errors import KafkaError
from minikafka.base.ids import NO_LEADER_EPOCH, LeaderEpoch, Offset
from minikafka.log.checkpoint import read_checkpoint, write_checkpoint
from minikafka.log.segment import Segment, segment_base_offset
from minikafka.log.storage import Storage
from minikafka.records.batch import HEADER_BYTES, PREFIX_BYTES, Batch, check_crc, split_batches

__all__ = ["load_segments", "read_log_start", "write_log_start"]

_LOG_START_FILE = "log-start-offset-checkpoint"


def load_segments(storage: Storage, log_name: str) -> list[Segment]:
    """Return the valid segments of the log, oldest first; none when there are no files.

    The storage holds exactly these afterwards: a torn tail is truncated, and segments behind
    the first flaw are deleted.
    """
    segments: list[Segment] = []
    sound = True
    last_epoch = NO_LEADER_EPOCH
    for name in storage.list(f"{log_name}/"):
        base_offset = segment_base_offset(name)
        if base_offset is None:
            continue
        if not sound or (segments and segments[-1].next_offset != base_offset):
            sound = False
            storage.delete(name)
            continue
        segment = Segment(log_name, base_offset)
        last_epoch = _load(storage, segment, last_epoch)
        if segment.size < storage.size(name):
            sound = False
            storage.truncate(name, segment.size)
        segments.append(segment)
    return segments


def read_log_start(storage: Storage, log_name: str) -> Offset | None:
    """Return the stored log start offset, None where it is the first segment's base offset."""
    text = read_checkpoint(storage, f"{log_name}/{_LOG_START_FILE}")
    return None if text is None else int(text)


def write_log_start(storage: Storage, log_name: str, log_start_offset: Offset | None) -> None:
    """Store the log start offset durably; None says that it is the first segment's base."""
    name = f"{log_name}/{_LOG_START_FILE}"
    if log_start_offset is None:
        storage.delete(name)
    else:
        write_checkpoint(storage, name, str(log_start_offset))


def _load(storage: Storage, segment: Segment, last_epoch: LeaderEpoch) -> LeaderEpoch:
    """Append the file's valid batches to the segment; return the epoch of the last one."""
    for batch in _stored_batches(storage, segment.name):
        follows = batch.base_offset == segment.next_offset <= batch.last_offset
        if not follows or batch.leader_epoch < last_epoch:
            break
        last_epoch = batch.leader_epoch
        segment.append(batch)
    return last_epoch


def _stored_batches(storage: Storage, name: str) -> Iterator[Batch]:
    """Yield the batches of a file up to the first that is torn or corrupt."""
    rest = memoryview(b"")
    for piece in storage.read(name, 0, storage.size(name)):
        # A storage may hand out pieces of its own making; ours are whole batches, uncopied.
        rest = piece if not rest else memoryview(bytes(rest) + piece)
        while len(rest) >= HEADER_BYTES:
            size = PREFIX_BYTES + int.from_bytes(rest[8:12], signed=True)
            if HEADER_BYTES <= size > len(rest):
                break  # the rest of it is in the next piece, or nowhere
            try:
                batch = split_batches(rest[: max(size, HEADER_BYTES)])[0]
                check_crc(batch)
            except KafkaError:
                return
            yield batch
            rest = rest[size:]
