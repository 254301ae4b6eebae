"""A log as its files leave it, before anybody writes to it.

What was committed is for the leader to say, so nothing is, but what was compacted.
Counterpart: LogLoader.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from minikafka.base.ids import Offset
from minikafka.log.epoch_cache import EpochCache
from minikafka.log.producer_state import ProducerStates
from minikafka.log.recovery import read_log_start, recovered_epochs
from minikafka.log.segments import Segments
from minikafka.log.storage import Storage
from minikafka.records.batch import Batch

__all__ = ["OpenedLog", "open_log", "readable_batches"]


class OpenedLog(NamedTuple):
    """What the files of a log come to; None stands for none that could be read on."""

    log_start_offset: Offset
    log_end_offset: Offset
    high_watermark: Offset
    epochs: EpochCache
    producers: ProducerStates


def open_log(storage: Storage, name: str, segments: Segments) -> OpenedLog | Offset:
    """Return what the loaded segments hold, or the offset at which the log begins anew.

    It begins anew without segments, and where its readable part is lost: it goes on behind that,
    as those offsets are used up.
    """
    stored_start = read_log_start(storage, name) or 0
    end = segments.active.next_offset if segments else 0
    if not segments or stored_start > end:
        return stored_start
    start = max(segments.items[0].base_offset, stored_start)
    epochs = recovered_epochs(
        readable_batches(segments, start), start, end, segments.stored_epochs
    )
    segments.allow_gaps(min(segments.gaps_below, end), epochs)
    # What was compacted was committed: nobody has to wait again for it to be.
    watermark = max(start, segments.gaps_below)
    # DIVERGENCE(producer-state): Kafka's snapshots know also whose batches are gone.
    producers = ProducerStates(readable_batches(segments, start))
    producers.transactions.on_high_watermark(watermark)
    return OpenedLog(start, end, watermark, epochs, producers)


def readable_batches(segments: Segments, log_start_offset: Offset) -> Iterator[Batch]:
    """Yield the batches from the one that holds the log start offset on."""
    for segment in segments:
        for batch in segment.batches:
            if batch.last_offset >= log_start_offset:
                yield batch
