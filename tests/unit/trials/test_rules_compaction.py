"""The rule of compacted logs, shown an event that breaks it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from minikafka.log.partition_log import PartitionLog
from minikafka.records.builder import keep_records
from minikafka.records.records import decode_records
from minikafka.trials.compacted import gone, misses, newest_values
from minikafka.trials.invariants import REGISTERED, CompactedLog
from tests.unit.log.test_compaction import compacted_log, put


def wrong(log: PartitionLog, now_ms: int = 0) -> list[str]:
    """Return the names of the rules that are broken by letting go of the first segment."""
    source = log.segments[0]
    assert log.replace([source], [])
    clock = cast("Any", SimpleNamespace(wall_ms=lambda: now_ms))
    event = CompactedLog(1, log, [source], [], clock)
    return [name for name, rule in REGISTERED["compacted"] if rule(event) is not None]


def test_compaction_that_takes_the_newest_record_breaks_s4() -> None:
    """Whatever became of older ones."""
    log = compacted_log()
    put(log, ("a", "1"), ("b", "1"))
    put(log, ("a", "2"))
    assert wrong(log) == ["S4"]


def test_compaction_that_takes_what_is_superseded_breaks_nothing() -> None:
    """The newer record is in a later segment, and committed."""
    log = compacted_log()
    put(log, ("a", "1"))
    put(log, ("a", "2"))
    assert wrong(log) == []
    assert newest_values(log) == {b"a": (1, b"2")}


def test_tombstone_taken_before_its_horizon_breaks_s4() -> None:
    """One that never had a horizon, or has it still before it; later it may go."""
    log = compacted_log()
    put(log, ("a", None))
    assert wrong(log) == ["S4"]
    for now_ms, expected in ((99, ["S4"]), (100, [])):
        log = compacted_log()
        put(log, ("a", None))
        batch = log.segments[0].batches[0]
        marked = keep_records(
            batch, decode_records(batch), now_timestamp_ms=0, delete_horizon_ms=100
        )
        assert log.replace([log.segments[0]], [marked])
        assert wrong(log, now_ms) == expected


def test_tombstone_that_is_passed_over_is_missed() -> None:
    """Who copies it is none the worse, nor who was behind it already."""
    log = compacted_log()
    put(log, ("a", "1"))
    put(log, ("a", None))
    put(log, ("b", "1"))
    source, batches = log.segments[1], list(log.batches())
    log.replace([source], [])
    forgotten = [record.offset for _, record in gone(log, [source])]
    assert forgotten == [1]
    assert misses(forgotten, batches[2:], 1, 3)
    assert not misses(forgotten, batches[1:], 1, 3)
    assert not misses(forgotten, batches[2:], 2, 3)
