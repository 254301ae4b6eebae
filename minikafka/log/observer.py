"""Who may look on while a log changes: invariant checks and whoever draws a log's history.

A log works without one; a call costs nothing there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from minikafka.base.ids import Offset
from minikafka.records.batch import Batch

if TYPE_CHECKING:
    from minikafka.log.partition_log import PartitionLog
    from minikafka.log.segment import Segment

__all__ = ["LogObserver"]


class LogObserver(Protocol):
    """Told of each change of a log after it has happened; must not change the log."""

    def opened(self, log: PartitionLog) -> None:
        """Hear of a log that has taken over what its storage holds."""
        ...

    def appended(self, log: PartitionLog, batches: Sequence[Batch]) -> None:
        """Hear of batches that were written at the end."""
        ...

    def truncated(self, log: PartitionLog, old_end: Offset) -> None:
        """Hear that the log was cut: it ends at `old_end` or below now."""
        ...

    def watermark_moved(self, log: PartitionLog, old: Offset) -> None:
        """Hear that the high watermark has risen from `old`."""
        ...

    def compacted(
        self, log: PartitionLog, sources: Sequence[Segment], batches: Sequence[Batch]
    ) -> None:
        """Hear that `batches` stand where `sources` stood."""
        ...

    def deleted(self, log: PartitionLog) -> None:
        """Hear that the log is gone, because its topic is or other brokers have it now."""
        ...

    def strays_deleted(self, names: Sequence[str]) -> None:
        """Hear that these logs, by their directories, were deleted without being opened."""
        ...
