"""Tests of minikafka.log.compaction, through the log that it compacts."""

from __future__ import annotations

from typing import Any

import pytest

from minikafka.base.ids import Offset
from minikafka.log.compaction import Compaction, backlog
from minikafka.log.partition_log import PartitionLog
from minikafka.log.storage import MemoryStorage
from minikafka.records.batch import Batch, check_crc
from minikafka.records.builder import build_batch
from minikafka.records.compressors import Codec
from minikafka.records.records import Record, decode_records
from tests.support.builders import open_log

DAY_MS = 86_400_000


def compacted_log(storage: MemoryStorage | None = None, **changes: Any) -> PartitionLog:
    """Return an empty log of a compacted topic."""
    return open_log(storage, cleanup_policy=("compact",), **changes)


def put(log: PartitionLog, *pairs: tuple[str, str | None], epoch: int = 0, **how: Any) -> None:
    """Append one batch of these keys and values, in a segment of its own, and commit it."""
    records = [
        Record(0, 1_000, key.encode(), None if value is None else value.encode())
        for key, value in pairs
    ]
    log.append_as_leader(build_batch(records, **how), epoch, now_timestamp_ms=0)
    log.roll()
    log.advance_high_watermark(log.log_end_offset)


def compact(log: PartitionLog, now_ms: int = 0, expiry_ms: int = DAY_MS) -> None:
    """Compact all there is."""
    for _ in Compaction(log, backlog(log, now_ms), now_ms, expiry_ms).steps():
        log.check_invariants()
    log.check_invariants()


def content(log: PartitionLog) -> list[tuple[Offset, str, str | None]]:
    """Return offset, key and value of each record, as bytes that a client could check."""
    found = []
    for batch in log.batches():
        check_crc(batch)
        for record in decode_records(batch):
            value = None if record.value is None else record.value.decode()
            found.append((record.offset, (record.key or b"").decode(), value))
    return found


@pytest.mark.parametrize("codec", [Codec.NONE, Codec.ZSTD])
def test_only_the_newest_record_of_each_key_stays_at_its_offset(codec: Codec) -> None:
    """Within a batch and across segments; the rest of a batch keeps its place."""
    log = compacted_log()
    put(log, ("a", "1"), ("b", "1"), ("a", "2"), codec=codec)
    put(log, ("c", "1"), codec=codec)
    put(log, ("a", "3"), ("d", "1"), codec=codec)
    compact(log)
    assert content(log) == [(1, "b", "1"), (3, "c", "1"), (4, "a", "3"), (5, "d", "1")]
    first = next(iter(log.batches()))
    assert (first.base_offset, first.last_offset, first.codec) == (0, 2, codec)
    assert (log.log_start_offset, log.log_end_offset) == (0, 6)


def test_batch_that_keeps_all_is_the_same_bytes() -> None:
    """Nothing is written anew that need not be."""
    log = compacted_log()
    put(log, ("a", "1"))
    before = next(iter(log.batches()))
    compact(log)
    assert next(iter(log.batches())) is before


def test_reads_step_over_gaps() -> None:
    """Whoever asks for an offset that is gone gets the next batch there is."""
    log = compacted_log()
    for number in range(5):
        put(log, ("k" if number < 4 else "last", str(number)))
    compact(log)
    assert [batch.base_offset for batch in log.read(0, 10**6, 5, at_least_one=True)[0]] == [
        3,
        4,
    ]
    assert [batch.base_offset for batch in log.read(2, 10**6, 5, at_least_one=True)[0]] == [
        3,
        4,
    ]
    assert [batch.base_offset for batch in log.read(4, 10**6, 5, at_least_one=True)[0]] == [4]


def test_reads_go_on_behind_a_segment_that_has_lost_its_end() -> None:
    """A reader that stands there gets what comes next, not nothing for ever."""
    log = compacted_log()
    put(log, ("a", "1"))
    put(log, ("k", "1"))
    put(log, ("k", "2"))
    put(log, ("b", "1"))
    log.replace(log.segments[:3], list(log.segments[0].batches))
    for offset in (1, 2):
        found = log.read(offset, 10**6, 4, at_least_one=True)
        assert [batch.base_offset for batch in found.batches] == [3]


def test_what_was_compacted_is_known_to_be_committed_after_a_restart() -> None:
    """Else a leader that begins anew would offer its followers gaps in what may be truncated."""
    storage = MemoryStorage()
    log = compacted_log(storage)
    put(log, ("a", "1"))
    put(log, ("a", "2"))
    put(log, ("b", "1"))
    assert compacted_log(storage).high_watermark == 0
    compact(log)
    assert compacted_log(storage).high_watermark == log.gaps_below == 3


def test_follower_allows_gaps_no_further_than_it_has_copied() -> None:
    """What it writes behind may yet be truncated, and is no more committed after a restart."""
    leader = compacted_log()
    for number in range(3):
        put(leader, ("k", str(number)))
    for number in range(3):
        put(leader, (f"o{number}", "1"))
    compact(leader)
    storage = MemoryStorage()
    follower = compacted_log(storage)
    batches = [_copy(batch) for batch in leader.batches()][:2]
    follower.append_as_follower(batches, leader.high_watermark)
    assert (follower.gaps_below, follower.log_end_offset) == (3, 4)
    assert compacted_log(storage).high_watermark == 3


def test_what_is_not_committed_neither_goes_nor_counts() -> None:
    """A newer record that may yet be truncated makes none superfluous."""
    log = compacted_log()
    put(log, ("a", "1"))
    put(log, ("b", "1"))
    log.append_as_leader(build_batch([Record(0, 1_000, b"a", b"2")]), 0, now_timestamp_ms=0)
    log.roll()
    compact(log)
    assert content(log) == [(0, "a", "1"), (1, "b", "1"), (2, "a", "2")]
    log.advance_high_watermark(3)
    compact(log)
    assert content(log) == [(1, "b", "1"), (2, "a", "2")]


def test_active_segment_is_left_alone() -> None:
    """It is compacted once it is closed, and its keys count only then."""
    log = compacted_log()
    put(log, ("a", "1"))
    log.append_as_leader(build_batch([Record(0, 1, b"a", b"2")]), 0, now_timestamp_ms=0)
    log.advance_high_watermark(2)
    compact(log)
    assert [value for _, _, value in content(log)] == ["1", "2"]


def test_tombstone_goes_after_its_delete_horizon() -> None:
    """It deletes at once, and is kept delete.retention.ms from the first compaction on."""
    log = compacted_log(delete_retention_ms=500)
    put(log, ("a", "1"))
    put(log, ("a", None))
    put(log, ("b", "1"))
    compact(log, now_ms=1_000)
    assert content(log) == [(1, "a", None), (2, "b", "1")]
    marked = next(iter(log.batches()))
    assert marked.delete_horizon_ms == 1_500
    assert decode_records(marked)[0].timestamp_ms == 1_000
    put(log, ("c", "1"))
    compact(log, now_ms=1_499)
    assert content(log)[0] == (1, "a", None)
    put(log, ("d", "1"))
    compact(log, now_ms=1_500)
    assert content(log) == [(2, "b", "1"), (3, "c", "1"), (4, "d", "1")]


def test_records_without_a_key_go() -> None:
    """They are from before the topic was compacted."""
    log = compacted_log()
    log.append_as_leader(build_batch([Record(0, 1, None, b"v")]), 0, now_timestamp_ms=0)
    put(log, ("a", "1"))
    compact(log)
    assert content(log) == [(1, "a", "1")]


def test_log_is_sound_without_the_batch_that_began_its_epoch() -> None:
    """All that was compacted is gone, and what lies behind it goes on in the same epoch."""
    log = compacted_log()
    log.append_as_leader(build_batch([Record(0, 1, None, b"v")]), 0, now_timestamp_ms=0)
    log.roll()
    log.append_as_leader(build_batch([Record(0, 1, b"a", b"1")]), 0, now_timestamp_ms=0)
    log.advance_high_watermark(2)
    compact(log)
    assert content(log) == [(1, "a", "1")]
    assert log.epochs.entries == [(0, 0)]


def test_last_batch_of_a_producer_stays_without_records_until_it_expires() -> None:
    """Its sequence number outlives its records."""
    log = compacted_log()
    put(log, ("a", "1"), producer_id=7, producer_epoch=1, base_sequence=4)
    put(log, ("a", "2"), producer_id=8, producer_epoch=0, base_sequence=0)
    compact(log, now_ms=2_000)
    first = next(iter(log.batches()))
    assert (first.producer_id, first.producer_epoch, first.base_sequence) == (7, 1, 4)
    assert (first.base_offset, first.last_offset, first.record_count) == (0, 0, 0)
    check_crc(first)
    put(log, ("a", "3"))
    compact(log, now_ms=2_000 + DAY_MS + 1)
    assert [batch.base_offset for batch in log.batches()] == [2]


def test_last_batch_of_the_log_stays_even_without_records() -> None:
    """A follower that copies the log could not come to its end else, and never be in sync."""
    log = compacted_log(delete_retention_ms=500)
    put(log, ("a", "1"))
    put(log, ("a", None))
    compact(log)
    log.compacted_to = 0
    compact(log, now_ms=500)
    assert content(log) == []
    assert [(batch.last_offset, batch.record_count) for batch in log.batches()] == [(1, 0)]


def test_small_segments_become_one() -> None:
    """As many neighbours as fit into segment.bytes; their files go."""
    storage = MemoryStorage()
    log = compacted_log(storage, segment_bytes=200)
    for number in range(8):
        put(log, (f"k{number % 4}", "v" * 10))
    assert len(log.segments) == 9
    compact(log)
    assert len(log.segments) == 3
    assert [name for name in storage.list("orders-0/") if name.endswith(".log")] == [
        segment.name for segment in log.segments
    ]
    assert [offset for offset, _, _ in content(log)] == [4, 5, 6, 7]


def test_min_compaction_lag_keeps_the_young() -> None:
    """Nobody who reads within that time misses a record."""
    log = compacted_log(min_compaction_lag_ms=500)
    put(log, ("a", "1"))
    put(log, ("a", "2"))
    assert backlog(log, 1_499).segments == 0
    assert backlog(log, 1_500).segments == 2


def test_log_is_due_by_its_share_of_what_is_new_or_by_time() -> None:
    """min.cleanable.dirty.ratio, or max.compaction.lag.ms when something has waited too long."""
    log = compacted_log(max_compaction_lag_ms=10_000)
    assert not backlog(log, 0).is_due(0.0)
    put(log, ("a", "1"))
    put(log, ("b", "1"))
    assert backlog(log, 0).is_due(0.5)
    compact(log)
    assert not backlog(log, 10**9).is_due(0.0)
    put(log, ("c", "1"))
    found = backlog(log, 0)
    assert 0.3 < found.ratio < 0.4
    assert (found.is_due(0.5), found.is_due(0.3)) == (False, True)
    assert backlog(log, 11_001).is_due(0.5)


def test_second_pass_compacts_what_the_first_one_left() -> None:
    """Older records go for newer keys, though the newer ones alone are new."""
    log = compacted_log()
    put(log, ("a", "1"))
    put(log, ("b", "1"))
    compact(log)
    put(log, ("a", "2"))
    compact(log)
    assert content(log) == [(1, "b", "1"), (2, "a", "2")]


def test_compacted_log_is_found_again_with_its_gaps_and_epochs() -> None:
    """An epoch whose records are all gone is still known, so nobody is told a wrong end of it."""
    storage = MemoryStorage()
    log = compacted_log(storage)
    put(log, ("a", "1"), epoch=1)
    put(log, ("a", "2"), epoch=2)
    put(log, ("a", "3"), ("b", "3"), epoch=4)
    compact(log)
    storage.lose_unflushed()
    again = compacted_log(storage)
    again.check_invariants()
    assert content(again) == [(2, "a", "3"), (3, "b", "3")]
    assert again.epochs.entries == [(1, 0), (2, 1), (4, 2)]
    assert (again.log_end_offset, again.gaps_below) == (4, 4)


@pytest.mark.parametrize("steps", range(6))
def test_crash_in_the_middle_leaves_the_old_or_the_new(steps: int) -> None:
    """Whatever had reached the disk: no newest record is lost, and the log opens."""
    storage = _Dying(steps)
    log = compacted_log(storage, segment_bytes=200)
    for number in range(6):
        put(log, ("k", "v" * 10), (f"o{number}", "v"))
    log.flush()
    storage.dies = True
    with pytest.raises(_Death):
        compact(log)
    storage.dies = False
    storage.lose_unflushed()
    again = compacted_log(storage)
    again.check_invariants()
    newest = {key: offset for offset, key, _ in content(again)}
    assert newest == {"k": 10, **{f"o{number}": 2 * number + 1 for number in range(6)}}
    assert not [name for name in storage.list("orders-0/") if name.endswith(".cleaned")]


class _Death(Exception):
    pass


class _Dying(MemoryStorage):
    """Dies at the n-th thing done to a whole file."""

    __slots__ = ("dies", "left")

    def __init__(self, left: int) -> None:
        super().__init__()
        self.dies = False
        self.left = left

    def _step(self) -> None:
        if self.dies:
            if not self.left:
                raise _Death
            self.left -= 1

    def rename(self, old: str, new: str) -> None:
        self._step()
        super().rename(old, new)

    def delete(self, name: str) -> None:
        self._step()
        super().delete(name)

    def fsync(self, name: str) -> None:
        self._step()
        super().fsync(name)


def test_what_was_truncated_away_meanwhile_is_not_replaced() -> None:
    """Compaction goes on over many turns; an unclean election may cut the log in between."""
    log = compacted_log()
    for number in range(4):
        put(log, ("k", str(number)))
    work = Compaction(log, backlog(log, 0), 0, DAY_MS).steps()
    for _ in range(5):
        next(work)
    log.truncate_to(2)
    list(work)
    log.check_invariants()
    assert content(log) == [(0, "k", "0"), (1, "k", "1")]
    assert log.compacted_to <= 2


def test_truncation_below_a_gap_forgets_what_was_behind() -> None:
    """The offsets are written anew, without gaps and in other epochs."""
    storage = MemoryStorage()
    log = compacted_log(storage)
    put(log, ("a", "1"), epoch=1)
    put(log, ("b", "1"), epoch=2)
    put(log, ("b", "2"), epoch=3)
    compact(log)
    log.truncate_to(1)
    put(log, ("c", "1"), epoch=5)
    again = compacted_log(storage)
    for each in (log, again):
        each.check_invariants()
        assert each.epochs.entries == [(1, 0), (5, 1)]
        assert each.gaps_below == 1


def test_follower_takes_a_compacted_log_over_and_finds_it_again() -> None:
    """With its gaps, which lie below the leader's watermark; above there may be none."""
    leader = compacted_log()
    for number in range(4):
        put(leader, ("k", str(number)), epoch=number)
    put(leader, ("z", "1"), epoch=9)
    compact(leader)
    storage = MemoryStorage()
    follower = compacted_log(storage)
    batches = [_copy(batch) for batch in leader.batches()]
    follower.append_as_follower(batches, leader.high_watermark)
    for log in (follower, compacted_log(storage)):
        log.check_invariants()
        assert content(log) == content(leader) == [(3, "k", "3"), (4, "z", "1")]
        assert log.epochs.entries == [(3, 3), (9, 4)]


def _copy(batch: Batch) -> Batch:
    return Batch(memoryview(bytearray(batch.view)))
