"""Rules of replication: R4, R5, R6, R9, R10, R12, R17.

Who counts for what is committed, who is let into the ISR and who is put out of it, and what a
follower takes over. The names are those of docs/invariants.md.
"""

from __future__ import annotations

from minikafka.base.ids import BrokerId
from minikafka.metadata.states import PartitionImage
from minikafka.replication.leader import PartitionLeader
from minikafka.trials.chains import Entry
from minikafka.trials.ghost import Ghost, GhostPartition
from minikafka.trials.invariants import Applied, IsrConsidered, Produced, Replica, check

__all__ = ["REGISTERED_HERE"]

REGISTERED_HERE = ("R4", "R5", "R6", "R9", "R10", "R12", "R17")

ALL = -1


def _lacking(ghost: GhostPartition, broker: BrokerId, entry: Entry) -> bool:
    """Say whether a replica lacks an entry, though its disk has lost nothing."""
    chain = ghost.chains.get(broker)
    return broker not in ghost.losses and (chain is None or not chain.holds(entry))


@check("R4", "watermark")
def _candidates_hold_what_becomes_committed(replica: Replica) -> str | None:
    """Whoever may be elected holds everything that this leader now holds to be committed."""
    if not replica.leads or replica.ghost.internal:
        return None
    ghost, log = replica.ghost, replica.log
    state = replica.world.state(log.topic_id, log.partition.partition)
    reached = replica.chain.between(replica.before, log.high_watermark)
    if state is None or not reached:
        return None
    return _candidate_without(ghost, state, reached[-1])


@check("R4", "applied")
def _candidates_hold_what_is_committed(applied: Applied) -> str | None:
    """Whoever the controller makes electable holds everything that is committed."""
    if not applied.newest:
        return None
    for name in applied.delta.partitions_changed:
        state = applied.image.partition(name)
        topic = applied.image.topics.get(name.topic)
        ghost = None
        if topic is not None:
            ghost = applied.world.find(topic.topic_id, name.partition)
        if state is None or ghost is None or state.leader_epoch not in ghost.leaders:
            # Its leader has not begun: what it lacks is judged, or licensed, by R3.
            continue
        last = ghost.committed_below(ghost.true_watermark)
        wrong = None if last is None else _candidate_without(ghost, state, last)
        if wrong is not None:
            return wrong
    return None


def _candidate_without(
    ghost: GhostPartition, state: PartitionImage, entry: Entry
) -> str | None:
    for member in (*state.isr, *state.elr):
        if _lacking(ghost, member, entry):
            return (
                f"broker {member} may be elected in {ghost.name} (ISR {state.isr}, ELR "
                f"{state.elr}) and lacks what is committed below {entry.next_offset}"
            )
    return None


def _current(replica: Replica) -> tuple[PartitionLeader, PartitionImage] | None:
    """Return the leader and the controller's record, where that names it in its epoch."""
    partition, log = replica.partition, replica.log
    leader = None if partition is None else partition.leader
    state = replica.world.state(log.topic_id, log.partition.partition)
    if leader is None or state is None or replica.ghost.internal:
        return None
    return (leader, state) if state.leader_epoch == leader.leader_epoch else None


@check("R5", "watermark")
def _replication_quorum_covers_election_quorum(replica: Replica) -> str | None:
    """The watermark waits for all who may be elected: the maximal ISR covers ISR and ELR."""
    found = _current(replica)
    if found is None:
        return None
    leader, state = found
    return _uncovered(replica.ghost, leader, state)


@check("R5", "applied")
def _leader_knows_who_may_be_elected(applied: Applied) -> str | None:
    """Nobody becomes electable whom the leader does not count."""
    if not applied.newest:
        return None
    for name in applied.delta.partitions_changed:
        state = applied.image.partition(name)
        topic = applied.image.topics.get(name.topic)
        living = None if state is None else applied.world.brokers.get(state.leader)
        if state is None or topic is None or living is None:
            continue
        partition = living.replicas.partition(name)
        leader = None if partition is None else partition.leader
        ghost = applied.world.find(topic.topic_id, name.partition)
        if partition is None or leader is None or ghost is None:
            continue
        if partition.topic_id == topic.topic_id and leader.leader_epoch == state.leader_epoch:
            wrong = _uncovered(ghost, leader, state)
            if wrong is not None:
                return wrong
    return None


def _uncovered(
    ghost: GhostPartition, leader: PartitionLeader, state: PartitionImage
) -> str | None:
    counted = leader.maximal_isr
    candidates = state.isr if len(leader.isr) < leader.min_isr else (*state.isr, *state.elr)
    for member in candidates:
        if member not in counted:
            return (
                f"broker {leader.broker_id} leads {ghost.name} and counts {counted}; broker "
                f"{member} may be elected (ISR {state.isr}, ELR {state.elr})"
            )
    return None


@check("R6", "watermark")
def _watermark_is_held_by_the_maximal_isr(replica: Replica) -> str | None:
    """All of the maximal ISR hold what the watermark passes, and they are enough."""
    partition, ghost, log = replica.partition, replica.ghost, replica.log
    leader = None if partition is None else partition.leader
    if leader is None or ghost.internal or not replica.leads:
        return None
    if len(leader.isr) < min(log.config.min_insync_replicas, len(leader.replicas)):
        return (
            f"broker {replica.broker} moves the watermark of {ghost.name} to "
            f"{log.high_watermark} with an ISR of {leader.isr}, too small for acks=all"
        )
    reached = replica.chain.between(replica.before, log.high_watermark)
    if not reached:
        return None
    state = replica.world.state(log.topic_id, log.partition.partition)
    deleted = state is None and replica.world.image is not None
    for member in leader.maximal_isr:
        if deleted or (state is not None and member not in state.replicas):
            continue  # its log is gone, or moved away, before the leader has heard of it
        if state is not None and state.leader_epoch > leader.leader_epoch:
            continue  # asked in vain: it may have followed the next leader meanwhile
        if _lacking(ghost, member, reached[-1]):
            return (
                f"broker {replica.broker} moves the watermark of {ghost.name} to "
                f"{log.high_watermark}; broker {member} of the maximal ISR "
                f"{leader.maximal_isr} does not hold that"
            )
    return _counted_by_another_registration(replica, leader)


def _counted_by_another_registration(replica: Replica, leader: PartitionLeader) -> str | None:
    """A member's position is that of the process which is registered, or of a newer one."""
    partition, living = replica.partition, replica.world.brokers.get(replica.broker)
    if partition is None or living is None:
        return None
    for member in leader.maximal_isr:
        progress = leader.progress.get(member)
        broker = living.image.brokers.get(member)
        if progress is None or broker is None or progress.broker_epoch < 0:
            continue
        if progress.log_end_offset < 0 or (
            progress.broker_epoch < broker.broker_epoch and member in replica.ghost.losses
        ):
            return (
                f"broker {replica.broker} moves the watermark of {replica.ghost.name} by what "
                f"broker {member} of epoch {progress.broker_epoch} had; it is "
                f"{broker.broker_epoch} now"
            )
    return None


@check("R9", "isr")
def _who_joins_the_isr_has_caught_up(event: IsrConsidered) -> str | None:
    """Who is taken in holds all up to the watermark and up to the start of the epoch."""
    wish, leader, ghost = event.wish, event.leader, event.ghost
    if wish is None or leader.leader_epoch < ghost.generation:
        return None  # of a history that has ended, though it may not know
    own = ghost.chains[event.broker]
    needed = max(leader.log.high_watermark, leader.leader_epoch_start_offset)
    living = event.world.brokers[event.broker]
    log = leader.log
    state = event.world.state(log.topic_id, log.partition.partition)
    last = own.between(own.root, needed)
    for member, epoch in zip(wish.isr, wish.broker_epochs, strict=True):
        if member in leader.isr:
            continue
        broker = living.image.brokers.get(member)
        if broker is None or not broker.active or epoch not in (broker.broker_epoch, -1):
            return f"{ghost.name}: broker {member} is asked for in epoch {epoch}: {broker}"
        deleted = state is None and event.world.image is not None
        if deleted or (state is not None and member not in state.replicas):
            continue  # its log is gone, or moved away, before the leader has heard of it
        if state is not None and state.leader_epoch > leader.leader_epoch:
            continue  # asked in vain: it may have followed the next leader meanwhile
        if last and _lacking(ghost, member, last[-1]):
            return (
                f"broker {event.broker} asks for broker {member} in the ISR of {ghost.name}: it "
                f"lacks something below {needed} (watermark {leader.log.high_watermark}, "
                f"epoch from {leader.leader_epoch_start_offset})"
            )
    return None


@check("R10", "isr")
def _who_leaves_the_isr_has_fallen_behind(event: IsrConsidered) -> str | None:
    """Who is put out was behind for replica.lag.time.max.ms; who was behind is put out."""
    leader, wish, log = event.leader, event.wish, event.leader.log
    ends = event.ghost.ends.setdefault(leader.leader_epoch, [])
    epochs = {member: progress.broker_epoch for member, progress in leader.progress.items()}
    ends.append((event.now_ms, log.log_end_offset, epochs))
    while len(ends) > 1 and ends[1][0] < event.now_ms - leader.lag_max_ms:
        del ends[0]
    if leader.pending_isr is not None:
        return None
    kept = leader.isr if wish is None else wish.isr
    then_ms, then_end, then_epochs = ends[0]
    for member in leader.isr:
        progress = leader.progress.get(member)
        if progress is None:
            continue
        end, lag_ms = progress.log_end_offset, event.now_ms - progress.last_caught_up_ms
        if member not in kept and (end >= log.log_end_offset or lag_ms <= leader.lag_max_ms):
            return (
                f"broker {event.broker} puts broker {member} out of the ISR of "
                f"{event.ghost.name}: it is at {end} of {log.log_end_offset}, and was at the "
                f"end {lag_ms} ms ago"
            )
        if progress.broker_epoch != then_epochs.get(member):
            continue  # it was further before it started anew, and lost what it had
        chain = event.ghost.chains.get(member)
        if chain is not None and chain.end >= then_end:
            continue  # a fetch that came late has told of an earlier time
        if member in kept and end < then_end and event.now_ms - then_ms > leader.lag_max_ms:
            return (
                f"broker {event.broker} keeps broker {member} in the ISR of {event.ghost.name}: "
                f"it is at {end}, the log was at {then_end} {event.now_ms - then_ms} ms ago"
            )
    return None


@check("R10", "isr")
def _isr_is_what_was_recorded(event: IsrConsidered) -> str | None:
    """A leader's ISR changes with a record of the controller and by nothing else."""
    living, leader = event.world.brokers[event.broker], event.leader
    return _unrecorded(event.ghost, living.image.partition(leader.log.partition), leader)


@check("R10", "watermark")
def _isr_that_counts_was_recorded(replica: Replica) -> str | None:
    """The watermark moves by an ISR that the controller has recorded."""
    partition, living = replica.partition, replica.world.brokers.get(replica.broker)
    if partition is None or partition.leader is None or living is None or partition.internal:
        return None
    state = living.image.partition(partition.topic_partition)
    return _unrecorded(replica.ghost, state, partition.leader)


def _unrecorded(
    ghost: GhostPartition, state: PartitionImage | None, leader: PartitionLeader
) -> str | None:
    if state is None or state.partition_epoch != leader.partition_epoch:
        return None
    if state.leader_epoch == leader.leader_epoch and state.isr != leader.isr:
        return (
            f"broker {leader.broker_id} leads {ghost.name} with the ISR {leader.isr}; the "
            f"controller has recorded {state.isr} in partition epoch {state.partition_epoch}"
        )
    return None


@check("R12", "produced")
def _nothing_is_written_under_min_isr(event: Produced) -> str | None:
    """With acks=all nothing is written while the ISR is under min.insync.replicas."""
    leader = event.leader
    needed = min(leader.log.config.min_insync_replicas, len(leader.replicas))
    if event.acks == ALL and len(leader.isr) < needed:
        return (
            f"broker {event.broker} writes to {leader.log.partition} with acks=all, its ISR is "
            f"{leader.isr} of at least {needed}"
        )
    return None


@check("R17", "appended")
def _followers_take_over_their_leaders_log(replica: Replica) -> str | None:
    """What a follower appends is in the log of the leader it follows, in that epoch."""
    partition, ghost = replica.partition, replica.ghost
    follower = None if partition is None else partition.follower
    if follower is None or ghost.internal or not replica.entries:
        return None
    if not _leads_in(replica.world, replica, follower.leader_id, follower.leader_epoch):
        return None
    last, own = replica.entries[-1], ghost.chains[follower.leader_id]
    if own.holds(last) and last.epoch <= follower.leader_epoch:
        return None
    return (
        f"broker {replica.broker} follows broker {follower.leader_id} in epoch "
        f"{follower.leader_epoch} and appends to {ghost.name} what that one does not hold, up "
        f"to {last.next_offset} of epoch {last.epoch}"
    )


def _leads_in(world: Ghost, replica: Replica, broker: BrokerId, epoch: int) -> bool:
    partition = world.hosted(broker, replica.log)
    leader = None if partition is None else partition.leader
    chain = replica.ghost.chains.get(broker)
    return (
        leader is not None
        and chain is not None
        and leader.log is chain.log
        and leader.leader_epoch == epoch
    )
