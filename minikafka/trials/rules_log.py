"""Rules of logs and watermarks: R1, R2, R3, R7, R13, R14, R15; of disks: C11, S2, S3.

The names are those of docs/invariants.md. Each function looks at one event of one replica.
"""

from __future__ import annotations

from collections.abc import Sequence

from minikafka.base.errors import BrokerBug, KafkaError
from minikafka.base.ids import BrokerId
from minikafka.log.invariants import check_epochs
from minikafka.log.partition_log import PartitionLog
from minikafka.records.batch import check_crc
from minikafka.trials.chains import Entry
from minikafka.trials.ghost import LAST_KNOWN_LEADER
from minikafka.trials.invariants import Opened, Replica, check

__all__ = ["REGISTERED_HERE"]

REGISTERED_HERE = ("R1", "R2", "R3", "R7", "R13", "R14", "R15", "C11", "S2", "S3")


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
    """Offsets are dense, what was compacted included; leader epochs never fall along a log."""
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
    """What a replica holds to be committed is what was committed before it, and no other."""
    if not replica.leads and not _follows(replica):
        return None
    ghost, watermark = replica.ghost, replica.log.high_watermark
    agreed = ghost.committed_below(watermark)
    if agreed is not None and not replica.chain.holds(agreed):
        return (
            f"broker {replica.broker} moves the watermark of {ghost.name} to {watermark}, and "
            f"holds something else below {agreed.next_offset} than what was committed"
        )
    return None


def _follows(replica: Replica) -> bool:
    """Say whether a replica follows, in the history that counts."""
    partition, ghost = replica.partition, replica.ghost
    follower = None if partition is None else partition.follower
    return (
        follower is not None
        and follower.leader_epoch >= ghost.generation
        and replica.broker not in ghost.losses
        and not ghost.internal
    )


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
    if ghost.unclean_epoch is not None and replica.epoch >= ghost.unclean_epoch:
        ghost.unclean_epoch = None
        ghost.forget_lacking(chain, replica.epoch)
        return None
    # Who hears of an election when the next one is over has nothing of what came after it.
    watermark = ghost.committed_by(replica.epoch)
    last = ghost.committed_below(watermark)
    if last is None or chain.holds(last) or not replica.leads:
        return None
    missing = [entry for entry in ghost.committed if not chain.holds(entry)]
    if _is_licensed(replica, missing):
        ghost.forget_lacking(chain, replica.epoch)
        return None
    return (
        f"broker {replica.broker} leads {ghost.name} with a log that ends at {chain.end} or "
        f"differs below; committed was everything below {watermark}"
    )


def _is_licensed(replica: Replica, missing: Sequence[Entry]) -> bool:
    """Say whether the committed entries that a new leader lacks may be gone."""
    ghost = replica.ghost
    # Who was elected may never have heard of it, and be elected again, cleanly by then.
    since = [
        epoch for epoch in ghost.unclean_elections if ghost.generation < epoch <= replica.epoch
    ]
    reason = ghost.unclean_elections[max(since)] if since else None
    if reason is None or replica.isr != (replica.broker,) or ghost.internal:
        return False
    if reason != LAST_KNOWN_LEADER:
        return True
    return all(ghost.failures_left(entry) <= 0 for entry in missing)


@check("R13", "truncated")
def _truncation_spares_the_committed(replica: Replica) -> str | None:
    """No truncation takes away what is committed, unless the disk had lost something.

    Of metadata it takes what a later leader has committed, which this node has not heard of.
    """
    ghost, living = replica.ghost, replica.world.brokers.get(replica.broker)
    if not replica.entries or replica.broker in ghost.losses:
        return None
    first = replica.entries[0]
    end = first.next_offset
    committed = ghost.true_watermark
    if ghost.internal and living is not None:
        committed = ghost.committed_by(living.quorum.machine.epoch)
    if end <= committed and ghost.committed_hash(end) == first.prefix_hash:
        log_start = max(chain.log.log_start_offset for chain in ghost.chains.values())
        if (
            replica.log.log_end_offset < log_start
            or replica.log.log_start_offset >= log_start > 0
        ):
            return None  # retention or DeleteRecords has overtaken it
        return (
            f"broker {replica.broker} truncates {ghost.name} to {replica.log.log_end_offset}, "
            f"committed was everything below {committed}"
        )
    return None


@check("R15", "truncated")
@check("R15", "led")
def _epochs_are_those_of_the_batches(replica: Replica) -> str | None:
    """The epoch cache is what the batches say; only a leader's last epoch may have none."""
    return _wrong_epochs(replica.broker, replica.log, led=replica.epoch >= 0)


@check("R15", "appended")
def _new_epochs_are_noted(replica: Replica) -> str | None:
    """An epoch that begins is in the epoch cache, at its place."""
    first = len(replica.chain.entries) - len(replica.entries)
    before = replica.chain.entries[first - 1].epoch if first else -1
    if replica.entries[-1].epoch == before or replica.partition is None:
        return None
    return _wrong_epochs(replica.broker, replica.log, led=replica.epoch >= 0)


@check("R15", "opened")
def _epochs_are_recovered(opened: Opened) -> str | None:
    """What was read from the disk has the epochs of its batches."""
    return _wrong_epochs(opened.broker, opened.log, led=False)


def _wrong_epochs(broker: BrokerId, log: PartitionLog, *, led: bool) -> str | None:
    try:
        offsets = log.log_start_offset, log.log_end_offset, log.gaps_below
        check_epochs(log.epochs, log.segments, *offsets)
    except BrokerBug as error:
        return f"broker {broker}, {log.partition}: {error}"
    entries = log.epochs.entries
    if not led and entries and entries[-1][1] >= log.log_end_offset:
        return (
            f"broker {broker} does not lead {log.partition}, which ends at "
            f"{log.log_end_offset}, and knows epochs that begin there: {entries}"
        )
    return None


@check("R7", "opened")
def _watermark_is_not_made_up(opened: Opened) -> str | None:
    """After a start a replica holds no more to be committed than it did before."""
    log = opened.log
    known = 0 if opened.old is None else opened.old.log.high_watermark
    if log.high_watermark > max(known, log.log_start_offset):
        return (
            f"broker {opened.broker} starts with high watermark {log.high_watermark} of "
            f"{opened.ghost.name}, it knew of {known}"
        )
    return None


@check("C11", "opened")
def _files_are_those_of_the_topic(opened: Opened) -> str | None:
    """What a broker finds of a topic id it has itself written under that id (KIP-516)."""
    if opened.old is None and opened.chain.entries:
        return (
            f"broker {opened.broker} opens {opened.ghost.name} of topic {opened.log.topic_id}, "
            f"and finds what it never wrote there, up to {opened.chain.end}"
        )
    return None


@check("S2", "opened")
def _what_is_recovered_is_whole(opened: Opened) -> str | None:
    """No batch is taken over from a disk that is torn or rotten."""
    for segment in opened.log.segments:
        for batch in segment.batches:
            try:
                check_crc(batch)
            except KafkaError as error:
                return f"broker {opened.broker} takes over {opened.ghost.name}: {error}"
    return None


@check("S3", "opened")
def _what_was_written_is_there(opened: Opened) -> str | None:
    """A process that ends loses nothing it has written, unless its disk does."""
    old, chain = opened.old, opened.chain
    if old is not None and chain.end < old.end and chain.disk_losses == old.disk_losses:
        return (
            f"broker {opened.broker} had written {opened.ghost.name} up to {old.end}, and "
            f"finds it up to {chain.end}"
        )
    return None
