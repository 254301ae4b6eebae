"""Rules of transactions: T1 to T5, T8 to T11. The names are those of docs/invariants.md.

A coordinator decides in `__transaction_state`, and leaders write what it tells them. So the true log
of the one is compared with what the others append.
"""

from __future__ import annotations

from minikafka.base.ids import TopicPartition
from minikafka.log.partition_log import PartitionLog
from minikafka.records.batch import Batch
from minikafka.records.markers import decode_marker
from minikafka.transactions.metadata import TransactionMetadata
from minikafka.transactions.states import PREPARED, TransactionState
from minikafka.trials.ghost import Ghost
from minikafka.trials.invariants import Answer, Replica, Transacted, check
from minikafka.trials.rules_producers import earlier_batches
from minikafka.trials.transaction_ghost import Decided
from minikafka.wire.versions import ApiKey

__all__ = ["REGISTERED_HERE"]

REGISTERED_HERE = ("T1", "T2", "T3", "T4", "T5", "T8", "T9", "T10", "T11")

_S = TransactionState
_FOLLOWS = {
    _S.EMPTY: (_S.EMPTY, _S.ONGOING, _S.PREPARE_ABORT),
    _S.ONGOING: (_S.ONGOING, _S.PREPARE_COMMIT, _S.PREPARE_ABORT),
    _S.PREPARE_COMMIT: (_S.COMPLETE_COMMIT,),
    _S.PREPARE_ABORT: (_S.COMPLETE_ABORT,),
    _S.COMPLETE_COMMIT: (_S.EMPTY, _S.ONGOING, _S.PREPARE_ABORT),
    _S.COMPLETE_ABORT: (_S.EMPTY, _S.ONGOING, _S.PREPARE_ABORT),
}
"""What may come after each state. An abort of nothing is for a new epoch (KIP-890)."""


# --- what is decided -----------------------------------------------------------------------


@check("T1", "transacted")
def _states_follow_each_other(step: Transacted) -> str | None:
    """What is committed of a transactional id goes the way of transactions, and no other."""
    before, after = step.before, step.after
    if before is None:
        begins = after is None or after.state is _S.EMPTY
        return None if begins else f"{step.transactional_id} begins as {after}"
    if after is None:
        forgotten = before.state in (_S.EMPTY, _S.COMPLETE_COMMIT, _S.COMPLETE_ABORT)
        return None if forgotten else f"{step.transactional_id} is forgotten as {before}"
    if after.state in _FOLLOWS[before.state]:
        return None
    return f"{step.transactional_id} goes from {before} to {after}"


@check("T2", "transacted")
def _commits_are_asked_for(step: Transacted) -> str | None:
    """Nothing is committed that nobody has asked to commit."""
    after = step.after
    if step.asked or after is None or after.state is not _S.PREPARE_COMMIT:
        return None
    return f"{step.transactional_id} is committed, and nobody has asked for that: {after}"


@check("T11", "transacted")
def _whoever_is_aborted_is_fenced(step: Transacted) -> str | None:
    """An abort that nobody has asked for ends the epoch of the producer (KAFKA-6119)."""
    before, after = step.before, step.after
    if step.asked or after is None or before is None or after.state is not _S.PREPARE_ABORT:
        return None
    if after.producer_epoch > before.producer_epoch:
        return None
    return f"{step.transactional_id} is aborted, and its producer may go on: {after}"


@check("T9", "transacted")
def _epochs_never_fall(step: Transacted) -> str | None:
    """A producer that was fenced stays so; epochs are not used up by what was never written."""
    before, after = step.before, step.after
    if before is None or after is None or before.producer_id != after.producer_id:
        return None
    # Another producer has another epoch; one that asks again may have the same (KIP-360).
    if after.producer_epoch - before.producer_epoch in (0, 1):
        return None
    return f"{step.transactional_id} goes from {before} to {after}"


@check("T10", "answered", ApiKey.INIT_PRODUCER_ID)
def _producers_begin_when_all_has_ended(answer: Answer) -> str | None:
    """Who is told its identity finds no transaction under way, and all of that is committed."""
    if answer.api_key != ApiKey.INIT_PRODUCER_ID:
        return None
    request, response, world = answer.request, answer.response, answer.ghost.transactions
    if response["error_code"] or not request.transactional_id or world.licensed:
        return None
    identity = response["producer_id"], response["producer_epoch"]
    if identity in world.initialized:
        return None
    return f"{request.transactional_id} is told {identity}; {world.known} is committed"


# --- what is written -----------------------------------------------------------------------


def _marker(replica: Replica) -> Batch | None:
    """Return the marker that a leader has just written, if it is one, and can be judged."""
    batch = _appended(replica)
    return batch if batch is not None and batch.is_control else None


def _appended(replica: Replica) -> Batch | None:
    """Return a transactional batch that a leader has just written.

    Of the latest leader alone: what one writes who does not know that he was deposed is lost.
    """
    latest = max(replica.ghost.leaders, default=0)
    if replica.ghost.internal or not replica.leads or replica.epoch < latest:
        return None
    if replica.world.transactions.licensed:
        return None
    batch = replica.log.segments[-1].batches[-1]
    return batch if batch.producer_id >= 0 and batch.is_transactional else None


@check("T2", "appended")
def _markers_say_what_is_decided(replica: Replica) -> str | None:
    """A marker is written when its decision is committed, and says the same (T1)."""
    batch = _marker(replica)
    marker = None if batch is None else decode_marker(batch)
    if batch is None or marker is None:
        return None
    decided = _decided(replica, batch)
    where = f"{replica.ghost.name}: {marker} of {batch!r}"
    if decided is None:
        return f"{where}, and nothing is decided of it"
    if decided.committed != marker.committed:
        return f"{where}, and this is decided: {decided}"
    decided.marked[replica.log.partition] = batch.base_offset, batch.leader_epoch
    return None


def _decided(replica: Replica, batch: Batch) -> Decided | None:
    """Return what is decided of the transaction that a marker ends."""
    identity = batch.producer_id, batch.producer_epoch
    return replica.world.transactions.decided.get(identity)


@check("T4", "appended")
def _markers_are_where_it_was_written(replica: Replica) -> str | None:
    """A marker is written in partitions of its transaction alone."""
    batch = _marker(replica)
    decided = None if batch is None else _decided(replica, batch)
    if decided is None or replica.log.partition in decided.partitions:
        return None
    return f"{replica.ghost.name}: {batch!r}, and this is no partition of {decided}"


@check("T8", "appended")
def _coordinators_do_not_come_back(replica: Replica) -> str | None:
    """Behind the marker of a coordinator no marker of its predecessor is written (KAFKA-9144)."""
    batch = _marker(replica)
    marker = None if batch is None else decode_marker(batch)
    if batch is None or marker is None:
        return None
    for each in earlier_batches(replica.log, batch):
        known = decode_marker(each) if each.is_control else None
        if known is not None:
            if known.coordinator_epoch <= marker.coordinator_epoch:
                return None
            return f"{replica.ghost.name}: {marker} of {batch!r} behind {known}"
    return None


@check("T5", "appended")
def _batches_are_part_of_a_transaction(replica: Replica) -> str | None:
    """A batch is written while its transaction goes on there: else nobody ends it (KIP-890)."""
    batch = _appended(replica)
    if batch is None or batch.is_control:
        return None
    world, place = replica.world.transactions, replica.log.partition
    known = world.owner(batch.producer_id)
    where = f"{replica.ghost.name}: {batch!r} is written"
    if known is None or place not in known.topic_partitions:
        return f"{where}, and is in no transaction: {known}"
    if known.state is _S.ONGOING:
        fenced = batch.producer_epoch != known.producer_epoch
        return f"{where}, and its producer is fenced: {known}" if fenced else None
    decided = world.decided.get((known.producer_id, known.producer_epoch))
    if known.state in PREPARED and not _has_its_marker(replica.log, batch, decided):
        return None  # the marker comes behind
    return f"{where} behind the end of its transaction: {known}"


def _has_its_marker(log: PartitionLog, batch: Batch, decided: Decided | None) -> bool:
    """Say whether a log has the marker; one of a leader before may be lost, as it was not committed."""
    place = None if decided is None else decided.marked.get(log.partition)
    return place is not None and any(
        place == (each.base_offset, each.leader_epoch) for each in earlier_batches(log, batch)
    )


@check("T3", "transacted")
def _transactions_end_everywhere(step: Transacted) -> str | None:
    """When a transaction is noted as complete, each of its partitions has the marker, last."""
    before, after, world = step.before, step.after, step.world
    if before is None or after is None or before.state not in PREPARED:
        return None
    for place in before.topic_partitions:
        log = _true_log(world, place)
        wrong = None if log is None else _lacks_marker(log, before)
        if wrong is not None:
            return f"{step.transactional_id} is complete: {after}; {place}: {wrong}"
    return None


def _true_log(world: Ghost, place: TopicPartition) -> PartitionLog | None:
    """Return the log of who leads a partition; None where that may have lost something."""
    state = None if world.image is None else world.image.partition(place)
    broker = None if state is None else world.brokers.get(state.leader)
    partition = None if broker is None else broker.replicas.partition(place)
    if state is None or partition is None or partition.leader is None:
        return None
    if partition.leader.leader_epoch != state.leader_epoch:
        return None
    return None if world.partition(partition.log).may_have_lost else partition.log


def _lacks_marker(log: PartitionLog, decided: TransactionMetadata) -> str | None:
    """Say what is last in a log of a producer, where that is not the marker of this decision."""
    for segment in reversed(log.segments):
        for batch in reversed(segment.batches):
            if batch.producer_id != decided.producer_id:
                continue
            marker = decode_marker(batch) if batch.is_control else None
            if marker is None or batch.producer_epoch != decided.producer_epoch:
                return f"{batch!r} is the last of it"
            if marker.committed != (decided.state is _S.PREPARE_COMMIT):
                return f"{marker} is the last of it"
            return None
    return "nothing of it is there"
