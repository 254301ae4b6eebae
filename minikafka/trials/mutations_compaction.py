"""Planted bugs of compaction."""

from __future__ import annotations

from typing import Any

from minikafka.trials.mutation import Mutation, Patch

__all__ = ["COMPACTION_MUTATIONS"]


def _takes_the_newest() -> list[Patch]:
    from minikafka.log import compaction

    def stays(record: Any, newest: Any, expired: bool) -> bool:
        dropped: bool = record.offset >= newest.get(record.key, record.offset)
        return not dropped

    return [(compaction, "_stays", stays)]


def _compacts_beyond_the_watermark() -> list[Patch]:
    from minikafka.broker import log_cleaner
    from minikafka.log.compaction import Backlog
    from minikafka.log.compaction import backlog as real_backlog
    from minikafka.log.partition_log import PartitionLog

    def backlog(log: Any, now_timestamp_ms: int) -> Backlog:
        count = len(log.segments) - 1
        news = log.compacted_to < log.segments[count].base_offset
        found = real_backlog(log, now_timestamp_ms)
        return found._replace(segments=count, ratio=1.0 if news else 0.0)

    def replace(self: Any, sources: Any, batches: Any) -> bool:
        items = self._segments.items
        first = self._segments.index_of(sources[0].base_offset)
        count = len(sources)
        if items[first : first + count] != list(sources) or first + count == len(items):
            return False
        gaps_below = max(self.gaps_below, items[first + count].base_offset)
        self._segments.allow_gaps(gaps_below, self.epochs)
        self._segments.replace(first, count, batches)
        if self._observer is not None:
            self._observer.compacted(self, sources, batches)
        return True

    return [(log_cleaner, "backlog", backlog), (PartitionLog, "replace", replace)]


COMPACTION_MUTATIONS: dict[str, Mutation] = {
    "compaction-takes-the-newest": Mutation(
        "of each key the oldest record stays, not the newest",
        ("S4",),
        _takes_the_newest,
        ("clock_skew",),
        ancestor="what cleanup.policy=compact says",
        profile="groups",
        groups=True,
        compacted=True,
    ),
    "compaction-past-watermark": Mutation(
        "what is not committed is compacted, too, and counts as newer",
        ("S4", "R3", "R21", "G4"),
        _compacts_beyond_the_watermark,
        ("slow_link", "isolate", "kill"),
        ancestor="LogCleanerManager, firstUncleanableDirtyOffset",
        profile="groups",
        groups=True,
        compacted=True,
    ),
}
