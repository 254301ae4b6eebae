"""The rule of compacted logs: S4. The name is that of docs/invariants.md."""

from __future__ import annotations

from minikafka.trials.compacted import gone
from minikafka.trials.invariants import CompactedLog, check

__all__ = ["REGISTERED_HERE"]

REGISTERED_HERE = ("S4",)


@check("S4", "compacted")
def _compaction_spares_the_newest(event: CompactedLog) -> str | None:
    """Of each key the newest committed record is still there, or it was an old tombstone."""
    now_timestamp_ms = event.clock.wall_ms()
    for batch, record in gone(event.log, event.sources):
        horizon_ms = batch.delete_horizon_ms
        if record.value is None and horizon_ms is not None and horizon_ms <= now_timestamp_ms:
            continue
        return (
            f"broker {event.broker} has compacted {event.log.partition}, and the newest record "
            f"of key {record.key!r} is gone, which was at offset {record.offset}"
        )
    return None
