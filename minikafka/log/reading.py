"""What one replica's log holds, for who reads it and never changes it.

Counterpart: LocalLog.read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from minikafka.base.ids import LeaderEpoch, Offset, TopicPartition
from minikafka.log.epoch_cache import EpochCache
from minikafka.log.invariants import check_log, check_producers
from minikafka.log.opening import readable_batches
from minikafka.log.producer_state import ProducerStates
from minikafka.log.segment import Segment, Slice
from minikafka.log.segments import Segments
from minikafka.records.batch import Batch

__all__ = ["ReadableLog"]


class ReadableLog:
    """The reading side of a `PartitionLog`."""

    __slots__ = (
        "_segments",
        "epochs",
        "high_watermark",
        "log_end_offset",
        "log_start_offset",
        "partition",
        "producers",
    )

    # Invariant: log_start_offset <= last_stable_offset <= high_watermark <= log_end_offset.
    # Invariant: log_start_offset lies in the first segment, or at the end of an empty log.
    log_start_offset: Offset
    high_watermark: Offset
    log_end_offset: Offset
    epochs: EpochCache
    producers: ProducerStates
    partition: TopicPartition
    _segments: Segments

    @property
    def last_epoch(self) -> LeaderEpoch:
        """The latest leader epoch known to the log, -1 while there is none."""
        return self.epochs.latest_epoch

    @property
    def size_bytes(self) -> int:
        """Bytes in the files of the log."""
        return self._segments.size_bytes

    @property
    def gaps_below(self) -> Offset:
        """From here on there is a batch for each offset; compaction leaves gaps below it."""
        return self._segments.gaps_below

    @property
    def segments(self) -> Sequence[Segment]:
        """The segments, oldest first; the last one is written to. Not to be changed."""
        return self._segments.items

    @property
    def last_stable_offset(self) -> Offset:
        """Up to here, exclusive, all transactions are decided, and committed like the rest."""
        first, watermark = self.producers.transactions.first_unstable, self.high_watermark
        return watermark if first >= watermark else max(first, self.log_start_offset)

    def read(
        self, offset: Offset, max_bytes: int, end_offset: Offset, *, at_least_one: bool
    ) -> Slice:
        """Return whole batches, from the one that holds `offset` on.

        Args:
            offset: first one wanted, within log start and log end offset; the first batch may
                begin below it.
            max_bytes: the slice is no larger, but for the first batch with `at_least_one`.
            end_offset: exclusive; only batches that lie wholly below it.
            at_least_one: return a first batch even if it alone exceeds `max_bytes`.
        """
        segment = self._segments.active
        if offset >= segment.base_offset:
            return segment.read(offset, max_bytes, end_offset, at_least_one)
        return self._segments.read(offset, max_bytes, end_offset, at_least_one)

    def batches(self) -> Iterator[Batch]:
        """Return the batches from the one that holds the log start offset on."""
        return readable_batches(self._segments, self.log_start_offset)

    def all_bytes(self) -> bytes:
        """Return the bytes of all readable batches."""
        return b"".join(batch.view for batch in self.batches())

    def check_invariants(self) -> None:
        """Raise BrokerBug where something that must always hold does not."""
        offsets = self.log_start_offset, self.high_watermark, self.log_end_offset
        check_log(self.segments, self.epochs, *offsets, self.gaps_below)
        batches, start = self.batches(), self.log_start_offset
        check_producers(self.producers, batches, start, self.gaps_below)

    def __repr__(self) -> str:
        return (
            f"PartitionLog({self.partition} {self.log_start_offset}..{self.log_end_offset}"
            f" hw={self.high_watermark} e{self.last_epoch})"
        )
