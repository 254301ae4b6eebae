"""Rules of the metadata quorum: K1, K6, K7, K8, K9, K10, K12, K13, K14, K15, K16, K17, C8.

The names are those of docs/invariants.md. K2, K4, K5 and K11 are R1, R3, R2 and R13, which hold
for the metadata log as for any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minikafka.base.errors import KafkaError
from minikafka.base.ids import Offset
from minikafka.metadata.records import decode_record
from minikafka.metadata.snapshot import image_records
from minikafka.quorum.commit import majority_count
from minikafka.quorum.control import voter_sets
from minikafka.quorum.election import is_up_to_date
from minikafka.quorum.roles import Role
from minikafka.quorum.snapshots import SnapshotStore, snapshot_payloads
from minikafka.quorum.voters import Voter, VoterSet
from minikafka.trials.invariants import (
    Answer,
    Applied,
    Opened,
    Replica,
    Snapshotted,
    Started,
    check,
)
from minikafka.wire.versions import ApiKey

__all__ = ["REGISTERED_HERE"]

REGISTERED_HERE = (
    "K1", "K6", "K7", "K8", "K9", "K10", "K12", "K13", "K14", "K15", "K16",
    "K17", "C8",
)  # fmt: skip


@check("K1", "led")
def _one_leader_in_an_epoch(replica: Replica) -> str | None:
    """Two nodes never lead in one epoch."""
    if not replica.ghost.internal:
        return None
    broker, _ = replica.world.quorum_leaders.setdefault(
        replica.epoch, (replica.broker, replica.log)
    )
    if broker != replica.broker:
        return f"nodes {broker} and {replica.broker} lead quorum epoch {replica.epoch}"
    return None


@check("K10", "led")
def _no_epoch_is_led_by_two_processes(replica: Replica) -> str | None:
    """A process never leads in an epoch that the one before it has led (KAFKA-10527)."""
    if not replica.ghost.internal:
        return None
    before = replica.world.quorum_leaders.get(replica.epoch)
    if before is not None and before[1] is not replica.log:
        return f"node {replica.broker} leads quorum epoch {replica.epoch} in a second process"
    return None


@check("K6", "watermark")
def _committed_is_durable_on_a_majority(replica: Replica) -> str | None:
    """The leader's watermark passes what a majority holds durably, and a record of its epoch."""
    ghost, living = replica.ghost, replica.world.brokers.get(replica.broker)
    if not ghost.internal or replica.epoch < 0 or living is None:
        return None
    watermark, voters = replica.log.high_watermark, living.quorum.machine.voter_set
    holders = [voter.voter_id for voter in voters if _held(replica, voter) >= watermark]
    if len(holders) < majority_count(voters.ids):
        return (
            f"node {replica.broker} commits metadata below {watermark}, which only {holders} "
            f"of {voters.ids} hold durably"
        )
    entry = replica.chain.at(watermark - 1)
    if entry is not None and entry.epoch != replica.epoch:
        return (
            f"node {replica.broker} in epoch {replica.epoch} commits {watermark - 1}, which is "
            f"of epoch {entry.epoch}, before a record of its own"
        )
    return None


def _held(replica: Replica, voter: Voter) -> Offset:
    """Return how much metadata a voter holds durably, or its disk did while it had it."""
    replaced = replica.world.replaced.get(voter.directory_id)
    if replaced is not None:
        return replaced
    chain = replica.ghost.chains.get(voter.voter_id)
    return 0 if chain is None else chain.log.durable_end_offset


@check("K7", "answered", ApiKey.VOTE)
def _one_durable_vote_in_an_epoch(answer: Answer) -> str | None:
    """A vote is on the disk before it is given, and there is one in an epoch."""
    if answer.api_key != ApiKey.VOTE:
        return None
    granted = _granted(answer)
    machine = answer.broker.quorum.machine
    known = answer.ghost.quorum_epochs
    known[machine.node_id] = max(known.get(machine.node_id, 0), machine.epoch)
    if granted is None or granted.pre_vote:
        return None
    voter, epoch = machine.node_id, granted.replica_epoch
    given = answer.ghost.votes.setdefault((voter, epoch), granted.replica_id)
    if given != granted.replica_id:
        return f"node {voter} votes for {given} and {granted.replica_id} in epoch {epoch}"
    stored = machine.stored_state()
    if (stored.epoch, stored.voted_id) != (epoch, granted.replica_id):
        return f"node {voter} votes for {granted.replica_id} in {epoch}, on disk is {stored}"
    return None


@check("K8", "answered", ApiKey.VOTE)
def _votes_go_to_complete_logs(answer: Answer) -> str | None:
    """Who gets a vote has a log that is not behind the voter's."""
    granted = _granted(answer)
    if granted is None:
        return None
    machine = answer.broker.quorum.machine
    epoch = granted.last_offset_epoch if granted.last_offset else -1
    end = machine.log_end._replace(epoch=epoch, offset=granted.last_offset)
    if not is_up_to_date(end, machine.log_end):
        return f"node {machine.node_id}, at {machine.log_end}, votes for a log at {end}"
    return None


@check("K12", "answered", ApiKey.VOTE)
def _no_pre_vote_against_a_heard_leader(answer: Answer) -> str | None:
    """Who hears the leader refuses pre-votes, and no pre-vote is stored (KIP-996)."""
    granted = _granted(answer)
    if granted is None or not granted.pre_vote:
        return None
    machine = answer.broker.quorum.machine
    if machine.role is Role.LEADER or (machine.role is Role.FOLLOWER and machine.hears_leader):
        return (
            f"node {machine.node_id} would vote for {granted.replica_id}, and is "
            f"{machine.role.value} in epoch {machine.epoch}"
        )
    node, stored = machine.node_id, machine.stored_state()
    given = answer.ghost.votes.get((node, stored.epoch))
    if stored.voted_id == granted.replica_id != given:
        return f"node {node} has stored a pre-vote for {granted.replica_id}: {stored}"
    return None


@check("K13", "appended")
def _voters_change_one_at_a_time(replica: Replica) -> str | None:
    """One vote at a time, each committed before the next, and none before a record of one's own.

    What a leader appends is judged by the voters and the watermark before it (KIP-853).
    """
    living = replica.world.brokers.get(replica.broker)
    if not replica.ghost.internal or living is None:
        return None
    machine = living.quorum.machine
    leadership, history = machine.leadership, machine.history
    if leadership is None or machine.log is not replica.log:
        return None
    for offset, voters in _new_voters(replica):
        replica.world.voter_records[offset, machine.epoch] = voters
        committed = replica.log.high_watermark
        if offset - leadership.epoch_start_offset <= 2 and voters == history.latest:
            continue  # those that it began with, beside its first record
        votes = history.latest.differs_by(voters)
        before = max(history.latest_offset, leadership.epoch_start_offset)
        if votes > 1 or committed <= before:
            return (
                f"node {replica.broker} makes {voters} of {history.latest} at {offset}, with "
                f"its first record at {leadership.epoch_start_offset}, the voters before at "
                f"{history.latest_offset}, and the watermark at {committed}"
            )
    return None


def _new_voters(replica: Replica) -> Iterator[tuple[Offset, VoterSet]]:
    for entry in replica.entries:
        found = replica.log.read(entry.base_offset, 1, entry.next_offset, at_least_one=True)
        for batch in found.batches:
            yield from voter_sets(batch)


@check("K17", "watermark")
def _voters_are_those_of_the_log(replica: Replica) -> str | None:
    """A node goes by the last voters in its log, whether they are committed or not (KIP-853)."""
    living, records = replica.world.brokers.get(replica.broker), replica.world.voter_records
    if not replica.ghost.internal or living is None:
        return None
    machine = living.quorum.machine
    if machine.log is not replica.log:
        return None
    for offset, epoch in sorted(records, reverse=True):
        entry = replica.chain.at(offset)
        if entry is None or entry.epoch != epoch:
            continue  # it has not come here, or is gone
        voters = records[offset, epoch]
        if machine.voter_set != voters:
            return f"node {replica.broker} goes by {machine.voter_set}, at {offset} is {voters}"
        return None
    return None


@check("K14", "snapshot")
def _snapshot_is_what_its_records_come_to(made: Snapshotted) -> str | None:
    """A snapshot lies between log start and watermark, and says what was committed below it."""
    snapshot, log = made.snapshot, made.broker.quorum.machine.log
    broker = made.broker.node_id
    if not log.log_start_offset <= snapshot.end_offset <= log.high_watermark:
        return f"broker {broker} makes {snapshot} of {log}"
    true = made.history.settled.get(snapshot.end_offset)
    if true is None or true.epoch != snapshot.epoch:
        return f"broker {broker} makes {snapshot}, where no batch of that epoch ends"
    payloads = snapshot_payloads(made.broker.quorum.machine.snapshots.batches(snapshot))
    if [decode_record(payload) for payload in payloads] != image_records(true):
        return f"broker {broker} makes {snapshot}, which is not what its records come to"
    return None


@check("K14", "watermark")
def _log_begins_with_a_snapshot(replica: Replica) -> str | None:
    """Where the log does not begin at 0, a snapshot ends exactly there (KAFKA-14618)."""
    living = replica.world.brokers.get(replica.broker)
    if not replica.ghost.internal or living is None:
        return None
    machine, start = living.quorum.machine, replica.log.log_start_offset
    if machine.log is not replica.log or not start:
        return None
    earliest = machine.snapshots.earliest
    if earliest is None or earliest.end_offset != start:
        return f"node {replica.broker}: metadata begins at {start}, its snapshots at {earliest}"
    return None


@check("K14", "opened")
def _snapshots_are_whole(opened: Opened) -> str | None:
    """Whatever a crash has left: what has the name of a snapshot is one."""
    log = opened.log
    if not opened.ghost.internal:
        return None
    snapshots = SnapshotStore(log._storage, str(log.partition))
    for snapshot in snapshots.ids:
        try:
            snapshots.batches(snapshot)
        except KafkaError as error:
            return f"node {opened.broker} finds {snapshot}: {error}"
    if log.log_start_offset and snapshots.latest is None:
        return f"node {opened.broker} finds no snapshot, its log begins at {log}"
    return None


@check("K15", "answered")
def _leaders_hear_a_majority(answer: Answer) -> str | None:
    """Nobody leads whom no majority has fetched from for one and a half fetch timeouts."""
    leadership = answer.broker.quorum.machine.leadership
    if leadership is None:
        return None
    deadline_ms = leadership.quorum_deadline_ms()
    # A process that stood still has not had its timer yet.
    ticked_ms = answer.broker.quorum.ticked_ms
    if deadline_ms is not None and ticked_ms > deadline_ms:
        return (
            f"node {answer.broker.node_id} leads at {ticked_ms} ms, and no majority has fetched "
            f"so that it may after {deadline_ms} ms"
        )
    return None


@check("K16", "answered")
def _leaders_have_a_vote(answer: Answer) -> str | None:
    """Who leads has a vote, unless it took it from itself and that is not committed (KIP-853)."""
    machine = answer.broker.quorum.machine
    if machine.leadership is None or machine.is_voter:
        return None
    taken = machine.history.latest_offset
    if taken < machine.high_watermark:
        return f"node {machine.node_id} leads, though its vote was taken at {taken}: committed"
    return None


@check("K9", "started")
def _epochs_outlast_processes(started: Started) -> str | None:
    """What a node knew of epochs it knows again when it starts."""
    machine = started.broker.quorum.machine
    known = started.world.quorum_epochs.get(machine.node_id, 0)
    if machine.epoch < known and machine.log.last_epoch < known:
        return f"node {machine.node_id} starts in epoch {machine.epoch}, it knew {known}"
    return None


@check("K9", "answered", ApiKey.VOTE)
def _epochs_never_fall(answer: Answer) -> str | None:
    """What a node knows of epochs it never forgets."""
    if answer.api_key != ApiKey.VOTE:
        return None
    machine = answer.broker.quorum.machine
    known = answer.ghost.quorum_epochs.get(machine.node_id, 0)
    if machine.epoch < known:
        return f"node {machine.node_id} is in epoch {machine.epoch}, it knew {known}"
    return None


@check("C8", "applied")
def _applied_is_committed(applied: Applied) -> str | None:
    """Brokers act on committed metadata only."""
    living = applied.world.brokers.get(applied.broker)
    if living is None:
        return None
    committed = living.quorum.machine.high_watermark
    if applied.image.offset > committed:
        return (
            f"broker {applied.broker} applies metadata below {applied.image.offset}, committed "
            f"is what lies below {committed}"
        )
    return None


def _granted(answer: Answer) -> Any:
    """Return the asked partition of a Vote request that was granted, None for anything else."""
    if answer.api_key != ApiKey.VOTE or not answer.response["topics"]:
        return None
    if not answer.response["topics"][0]["partitions"][0].get("vote_granted"):
        return None
    return answer.request.topics[0].partitions[0]
