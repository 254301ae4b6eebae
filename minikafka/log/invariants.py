"""What must hold of a partition's log at any time, for tests and the simulator.

Recomputes from the batches what the log keeps up to date by increments.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from minikafka.base.errors import BrokerBug
from minikafka.base.ids import NO_LEADER_EPOCH, LeaderEpoch, Offset
from minikafka.log.epoch_cache import EpochCache
from minikafka.log.producer_state import ProducerEntry, ProducerStates
from minikafka.log.segment import Segment
from minikafka.records.batch import Batch

__all__ = ["check_epochs", "check_log", "check_producers", "check_segments"]


def check_log(
    segments: Sequence[Segment],
    epochs: EpochCache,
    log_start_offset: Offset,
    high_watermark: Offset,
    log_end_offset: Offset,
    gaps_below: Offset = 0,
) -> None:
    """Raise BrokerBug where something that must always hold of a log does not."""
    start, end = log_start_offset, log_end_offset
    _demand(
        start <= high_watermark <= end,
        f"log start {start}, high watermark {high_watermark}, log end {end}",
    )
    first = segments[0].base_offset
    _demand(start >= first, f"log start {start} before its first segment {first}")
    check_segments(segments, end, gaps_below)
    check_epochs(epochs, segments, start, end, gaps_below)


def check_segments(
    segments: Sequence[Segment], log_end_offset: Offset, gaps_below: Offset = 0
) -> None:
    """Raise BrokerBug unless the segments hold all offsets from `gaps_below` to the log's end."""
    expected = segments[0].base_offset
    epoch = NO_LEADER_EPOCH
    for segment in segments:
        if expected < segment.base_offset <= gaps_below:
            expected = segment.base_offset
        _demand(segment.base_offset == expected, f"segment {segment.name} at {expected}")
        for batch in segment.batches:
            if expected < batch.base_offset <= gaps_below:
                expected = batch.base_offset
            _demand(batch.base_offset == expected, f"{batch!r} at offset {expected}")
            _demand(batch.leader_epoch >= epoch, f"{batch!r} behind epoch {epoch}")
            epoch = batch.leader_epoch
            expected = batch.next_offset
        size = sum(batch.size for batch in segment.batches)
        _demand(segment.size == size, f"segment {segment.name} of {size} bytes")
    _demand(expected == log_end_offset, f"batches end at {expected}, log at {log_end_offset}")


def check_epochs(
    epochs: EpochCache,
    segments: Sequence[Segment],
    log_start_offset: Offset,
    log_end_offset: Offset,
    gaps_below: Offset = 0,
) -> None:
    """Raise BrokerBug unless the epoch cache is what the batches say.

    An epoch of a leader that has not written yet may stand at the log end offset. Below
    `gaps_below` the batches that began an epoch, or were all of it, may be gone.
    """
    expected: list[tuple[LeaderEpoch, Offset]] = []
    began_below = [entry[0] for entry in epochs.entries if entry[1] < gaps_below]
    epoch = max(began_below, default=NO_LEADER_EPOCH)
    for segment in segments:
        for batch in segment.batches:
            if batch.last_offset < log_start_offset:
                continue
            start = max(batch.base_offset, log_start_offset)
            if start < gaps_below:
                known = epochs.epoch_of(start)
                _demand(known == batch.leader_epoch, f"{batch!r} in epoch {known}")
                continue
            if batch.leader_epoch != epoch:
                expected.append((batch.leader_epoch, start))
            epoch = batch.leader_epoch
    entries = [
        entry
        for entry in epochs.entries
        if entry[1] != log_end_offset and entry[1] >= gaps_below
    ]
    _demand(entries == expected, f"epochs {epochs.entries}, batches say {expected}")


def check_producers(
    producers: ProducerStates,
    batches: Iterable[Batch],
    log_start_offset: Offset,
    gaps_below: Offset = 0,
) -> None:
    """Raise BrokerBug unless the producers are what the batches say, one after the other.

    More may be known, of what was deleted or compacted away since; nobody may have expired.

    Args:
        batches: those of the log, from the log start on.
    """
    start = max(log_start_offset, gaps_below)
    anew = ProducerStates(batches)
    said, known = anew.entries, producers.entries
    for producer_id, entry in known.items():
        gone = producer_id not in said and entry.last_offset >= start
        _demand(not gone, f"producer {producer_id} is known, and not in the log")
    for producer_id, entry in said.items():
        if entry.last_offset >= start:
            have = known.get(producer_id)
            _demand(have is not None, f"producer {producer_id} is not known")
            assert have is not None
            wrong = f"producer {producer_id} is known as {have}, batches say {entry}"
            _demand(_behind(have, entry, start) == _behind(entry, entry, start), wrong)
    aborted, told = producers.transactions.aborted, anew.transactions.aborted
    _demand(
        [each[:3] for each in aborted if each.first_offset >= start]
        == [each[:3] for each in told if each.first_offset >= start],
        f"aborted are {aborted}, batches say {told}",
    )


def _behind(entry: ProducerEntry, said: ProducerEntry, start: Offset) -> tuple[object, ...]:
    """Return what batches from `start` on must agree on; what began before may be lost."""
    batches = [kept for kept in entry.batches if kept[2] >= start]
    opened = entry.transaction_start
    return (
        entry.producer_epoch,
        entry.last_offset,
        entry.coordinator_epoch if said.coordinator_epoch >= 0 else None,
        None if opened is None else max(opened, start),
        batches,
    )


def _demand(holds: bool, message: str) -> None:
    if not holds:
        raise BrokerBug(message)
