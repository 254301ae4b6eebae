"""Segments read back from a storage, as far as they can be trusted.

Keeps the longest prefix of whole, CRC-correct batches with gapless offsets and epochs that
never fall; what lies behind it is cut off the storage. Compaction makes gaps, and takes the first
batches of epochs away: how far it came, and which epochs there were, is stored beside the
segments. Counterparts: LogLoader, LogSegment.recover. After a power loss the tail may be torn
(KAFKA-3919, KAFKA-10471).

Rules of this file
    What is torn or rotten is cut off, with all that lies behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from minikafka.base.errors import KafkaError
from minikafka.base.ids import NO_LEADER_EPOCH, LeaderEpoch, Offset
from minikafka.log.checkpoint import read_checkpoint, write_checkpoint
from minikafka.log.epoch_cache import EpochCache
from minikafka.log.segment import REPLACEMENT_SUFFIX, Segment, segment_base_offset
from minikafka.log.storage import Storage
from minikafka.records.batch import HEADER_BYTES, PREFIX_BYTES, Batch, check_crc, split_batches

__all__ = [
    "load_segments",
    "read_compacted",
    "read_log_start",
    "recovered_epochs",
    "write_compacted",
    "write_log_start",
]

_LOG_START_FILE = "log-start-offset-checkpoint"
_COMPACTED_FILE = "leader-epoch-checkpoint"

_Epochs: TypeAlias = Sequence[tuple[LeaderEpoch, Offset]]


def load_segments(storage: Storage, log_name: str, gaps_below: Offset = 0) -> list[Segment]:
    """Return the valid segments of the log, oldest first; none when there are no files.

    The storage holds exactly these afterwards: a torn tail is truncated, and segments behind
    the first flaw are deleted; so is what a compaction had not finished.
    """
    segments: list[Segment] = []
    sound = True
    last_epoch = NO_LEADER_EPOCH
    for name in storage.list(f"{log_name}/"):
        base_offset = segment_base_offset(name)
        if base_offset is None:
            if name.endswith(REPLACEMENT_SUFFIX):
                storage.delete(name)
            continue
        end = segments[-1].next_offset if segments else base_offset
        if sound and base_offset < end <= gaps_below:
            storage.delete(name)  # the segment before it has taken over what was in it
            continue
        if not sound or (base_offset != end and not end < base_offset <= gaps_below):
            sound = False
            storage.delete(name)
            continue
        segment = Segment(log_name, base_offset)
        last_epoch = _load(storage, segment, last_epoch, gaps_below)
        if segment.size < storage.size(name):
            sound = False
            storage.truncate(name, segment.size)
        segments.append(segment)
    return segments


def recovered_epochs(
    batches: Iterable[Batch], log_start_offset: Offset, end_offset: Offset, stored: _Epochs
) -> EpochCache:
    """Return the epochs of a log: those that compaction has stored, and its batches' own."""
    epochs = EpochCache(stored)
    epochs.truncate_from_end(end_offset)
    for batch in batches:
        if batch.leader_epoch > epochs.latest_epoch:
            epochs.assign(batch.leader_epoch, max(batch.base_offset, log_start_offset))
    epochs.truncate_from_start(log_start_offset)
    return epochs


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


def read_compacted(storage: Storage, log_name: str) -> tuple[Offset, _Epochs]:
    """Return below which offset compaction may have left gaps, and the epochs that begin there."""
    text = read_checkpoint(storage, f"{log_name}/{_COMPACTED_FILE}")
    if text is None:
        return 0, ()
    gaps_below, *numbers = map(int, text.split())
    return gaps_below, list(zip(numbers[::2], numbers[1::2], strict=True))


def write_compacted(
    storage: Storage, log_name: str, gaps_below: Offset, epochs: _Epochs
) -> None:
    """Store that durably; with offset 0 there are no gaps."""
    name = f"{log_name}/{_COMPACTED_FILE}"
    if not gaps_below:
        storage.delete(name)
        return
    lines = [f"{epoch} {start}" for epoch, start in epochs]
    write_checkpoint(storage, name, "\n".join([str(gaps_below), *lines]))


def _load(
    storage: Storage, segment: Segment, last_epoch: LeaderEpoch, gaps_below: Offset
) -> LeaderEpoch:
    """Append the file's valid batches to the segment; return the epoch of the last one."""
    for batch in _stored_batches(storage, segment.name):
        end, base_offset = segment.next_offset, batch.base_offset
        follows = base_offset == end or end < base_offset <= gaps_below
        if not follows or batch.last_offset < base_offset or batch.leader_epoch < last_epoch:
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
