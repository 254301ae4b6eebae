"""Who looks on hears of each change of a log, after it."""

from __future__ import annotations

from collections.abc import Sequence

from minikafka.log.partition_log import PartitionLog
from minikafka.log.storage import MemoryStorage, Storage
from minikafka.records.batch import Batch
from tests.support.builders import (
    PARTITION,
    TOPIC_ID,
    append,
    batch_of,
    follower_batch,
    log_config,
)

Heard = list[tuple[str, int, int, int]]


class Listener:
    """Notes what it hears with the log end and the high watermark of that moment."""

    def __init__(self) -> None:
        self.heard: Heard = []

    def _note(self, what: str, number: int, log: PartitionLog) -> None:
        self.heard.append((what, number, log.log_end_offset, log.high_watermark))

    def opened(self, log: PartitionLog) -> None:
        """Hear of a log."""
        self._note("opened", log.config.segment_bytes, log)

    def appended(self, log: PartitionLog, batches: Sequence[Batch]) -> None:
        """Hear of batches."""
        self._note("appended", len(batches), log)

    def truncated(self, log: PartitionLog, old_end: int) -> None:
        """Hear of a cut."""
        self._note("truncated", old_end, log)

    def watermark_moved(self, log: PartitionLog, old: int) -> None:
        """Hear of a watermark."""
        self._note("watermark", old, log)

    def strays_deleted(self, names: Sequence[str]) -> None:
        """Note the names."""
        self.heard.append(("strays_deleted", len(names), 0, 0))

    def deleted(self, log: PartitionLog) -> None:
        """Hear that it is gone."""
        self._note("deleted", 0, log)

    def take(self) -> Heard:
        """Return what was heard since the last time."""
        heard, self.heard = self.heard, []
        return heard


def opened(storage: Storage) -> tuple[PartitionLog, Listener]:
    """Return a log that is listened to, and who listens."""
    listener = Listener()
    log = PartitionLog(
        PARTITION,
        TOPIC_ID,
        log_config(segment_bytes=1_000),
        storage,
        name="orders-0",
        observer=listener,
    )
    return log, listener


def test_opening_is_heard_once_it_is_complete() -> None:
    """New or taken over, the log has its end and its config by then."""
    storage = MemoryStorage()
    log, listener = opened(storage)
    assert listener.take() == [("opened", 1_000, 0, 0)]
    append(log, 3)
    _, listener = opened(storage)
    assert listener.take() == [("opened", 1_000, 3, 0)]


def test_appends_are_heard_of_leader_and_follower() -> None:
    """Batches of one call are told together; of none, nothing."""
    log, listener = opened(MemoryStorage())
    listener.take()
    log.append_as_leader(batch_of(1, 2), 0, now_timestamp_ms=0)
    log.append_as_follower([follower_batch(2, 1), follower_batch(3, 1)])
    log.append_as_follower([])
    assert listener.take() == [("appended", 1, 2, 0), ("appended", 2, 4, 0)]


def test_watermark_is_heard_where_it_moves() -> None:
    """With the old one; standing still is no news."""
    log, listener = opened(MemoryStorage())
    append(log, 3)
    listener.take()
    log.advance_high_watermark(2)
    log.advance_high_watermark(1)
    log.advance_high_watermark(3)
    assert listener.take() == [("watermark", 0, 3, 2), ("watermark", 2, 3, 3)]


def test_truncation_is_heard() -> None:
    """To the end, where only an epoch can go; to an offset, below the first segment, or wholly."""
    log, listener = opened(MemoryStorage())
    for _ in range(3):
        append(log, 2)
    listener.take()
    log.truncate_to(6)
    log.truncate_to(3)
    log.truncate_fully(10)
    log.truncate_to(5)
    assert listener.take() == [
        ("truncated", 6, 6, 0),
        ("truncated", 6, 2, 0),
        ("truncated", 2, 10, 10),
        ("truncated", 10, 5, 5),
    ]
