"""Rules of logs and watermarks: R1, R2, R3, R7, R13, R14.

The names are those of docs/invariants.md. Each function looks at one event of one replica.
"""

from __future__ import annotations

from collections.abc import Sequence

from minikafka.trials.ghost import LAST_KNOWN_LEADER, Entry
from minikafka.trials.invariants import Replica, check

__all__ = ["REGISTERED_HERE"]

REGISTERED_HERE = ("R1", "R2", "R3", "R7", "R13", "R14")


@check("R1", "appended")
def _log_matching(replica: Replica) -> str | None:
    """An offset and an epoch name one batch, with one history before it, on all replicas."""
    known = replica.ghost.entries
    for entry in replica.entries:
        key = (entry.base_offset, entry.epoch)
        if known.setdefault(key, entry.prefix_hash) != entry.prefix_hash:
            return (
                f"broker {replica.broker} has another batch or another history at offset "
                f"{entry.base_offset} of epoch {entry.epoch} in {replica.ghost.name}"
            )
    return None


@check("R14", "appended")
def _gapless_offsets(replica: Replica) -> str | None:
    """Offsets are dense and leader epochs never fall along a log."""
    entries = replica.chain.entries
    first = len(entries) - len(replica.entries)
    end = entries[first - 1].next_offset if first else replica.before
    epoch = entries[first - 1].epoch if first else -1
    for entry in replica.entries:
        inside = not first and entry.base_offset < end < entry.next_offset
        if (entry.base_offset != end and not inside) or entry.epoch < epoch:
            return (
                f"broker {replica.broker} appended {entry.base_offset} of epoch {entry.epoch} "
                f"behind {end} of epoch {epoch} in {replica.ghost.name}"
            )
        end, epoch = entry.next_offset, entry.epoch
    return None


@check("R2", "watermark")
def _committed_prefix_agreement(replica: Replica) -> str | None:
    """What a leader holds to be committed is what was committed before it, and no other."""
    if not replica.leads:
        return None
    ghost, watermark = replica.ghost, replica.log.high_watermark
    agreed = ghost.committed_below(watermark)
    if agreed is not None and not replica.chain.holds(agreed):
        return (
            f"broker {replica.broker} moves the watermark of {ghost.name} to {watermark}, and "
            f"holds something else below {agreed.next_offset} than what was committed"
        )
    return None


@check("R7", "watermark")
@check("R7", "truncated")
@check("R7", "appended")
def _offsets_in_order(replica: Replica) -> str | None:
    """Log start offset <= high watermark <= log end offset."""
    log = replica.log
    if not log.log_start_offset <= log.high_watermark <= log.log_end_offset:
        return (
            f"broker {replica.broker}: {replica.ghost.name} starts at {log.log_start_offset}, "
            f"high watermark {log.high_watermark}, ends at {log.log_end_offset}"
        )
    return None


@check("R7", "watermark")
def _leader_watermark_never_falls(replica: Replica) -> str | None:
    """In one leader epoch the leader's high watermark only grows."""
    if not replica.leads:
        return None
    watermarks, epoch = replica.ghost.watermarks, replica.log.last_epoch
    watermark = replica.log.high_watermark
    highest = watermarks.get(epoch, -1)
    watermarks[epoch] = max(highest, watermark)
    if watermark < highest:
        return (
            f"broker {replica.broker} leads {replica.ghost.name} in epoch {epoch} with high "
            f"watermark {watermark} after {highest}"
        )
    return None


@check("R3", "led")
def _leader_completeness(replica: Replica) -> str | None:
    """A leader holds all that was committed, unless its loss is licensed.

    A licence needs an unclean election: one from the ISR or the ELR loses nothing (KIP-966).
    It is there (i) where the topic or the scenario allows unclean elections, (ii) for the last
    known leader, where as many members as min.insync.replicas had, when the record was
    committed, have shut down uncleanly since.
    """
    ghost, chain = replica.ghost, replica.chain
    watermark = ghost.true_watermark
    last = ghost.committed_below(watermark)
    if last is None or chain.holds(last):
        return None
    missing = [entry for entry in ghost.committed if not chain.holds(entry)]
    if _is_licensed(replica, missing):
        ghost.forget_from(missing[0].base_offset, replica.epoch)
        return None
    return (
        f"broker {replica.broker} leads {ghost.name} with a log that ends at {chain.end} or "
        f"differs below; committed was everything below {watermark}"
    )


def _is_licensed(replica: Replica, missing: Sequence[Entry]) -> bool:
    """Say whether the committed entries that a new leader lacks may be gone."""
    ghost = replica.ghost
    reason = ghost.unclean_elections.get(replica.epoch)
    if reason is None or replica.isr != (replica.broker,) or ghost.internal:
        return False
    if reason != LAST_KNOWN_LEADER:
        return True
    return all(ghost.failures_left(entry) <= 0 for entry in missing)


@check("R13", "truncated")
def _truncation_spares_the_committed(replica: Replica) -> str | None:
    """No truncation takes away what is committed, unless the disk had lost something."""
    ghost = replica.ghost
    if not replica.entries or replica.broker in ghost.losses:
        return None
    first = replica.entries[0]
    end = first.next_offset
    if end <= ghost.true_watermark and ghost.committed_hash(end) == first.prefix_hash:
        log_start = max(chain.log.log_start_offset for chain in ghost.chains.values())
        if (
            replica.log.log_end_offset < log_start
            or replica.log.log_start_offset >= log_start > 0
        ):
            return None  # retention or DeleteRecords has overtaken it
        return (
            f"broker {replica.broker} truncates {ghost.name} to {replica.log.log_end_offset}, "
            f"committed was everything below {ghost.true_watermark}"
        )
    return None
