"""Rules of the controller's decisions, record by record: C1, C4, C6, C7, C9, C11, R18.

The names are those of docs/invariants.md. Written from the rules, not from the controller's
code: what it decides is judged anew. Those of its answers are in `rules_requests`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from minikafka.base.ids import NO_LEADER, BrokerId
from minikafka.log.checkpoint import read_checkpoint
from minikafka.metadata.records import (
    BrokerRegistered,
    PartitionChanged,
    PartitionCreated,
    TopicCreated,
)
from minikafka.trials.ghost import LAST_KNOWN_LEADER
from minikafka.trials.invariants import Replica, check

if TYPE_CHECKING:
    from minikafka.metadata.image import MetadataImage
    from minikafka.metadata.states import PartitionImage
    from minikafka.trials.metadata_history import Recorded

__all__ = ["REGISTERED_HERE", "memberships"]

REGISTERED_HERE = ("C1", "C4", "C6", "C7", "C9", "C11", "R18")


@check("C1", "recorded")
def _epochs_step(recorded: Recorded) -> str | None:
    """Each change is one partition epoch; a new leader or fewer replicas are a leader epoch."""
    change = recorded.change()
    if change is None:
        return None
    name, old, new = change
    bump = new.leader != old.leader or any(
        replica not in new.replicas for replica in old.replicas
    )
    steps = new.leader_epoch - old.leader_epoch
    if new.partition_epoch != old.partition_epoch + 1 or steps != bump:
        return (
            f"{name}: leader {old.leader} to {new.leader} with leader epoch {old.leader_epoch} "
            f"to {new.leader_epoch}, partition epoch {old.partition_epoch} to "
            f"{new.partition_epoch}"
        )
    return None


@check("C4", "recorded")
def _one_leader_per_epoch(recorded: Recorded) -> str | None:
    """In one leader epoch a partition has one leader, or none, for ever."""
    record = recorded.record
    if not isinstance(record, (PartitionCreated, PartitionChanged)):
        return None
    key = (record.topic_id, record.partition, record.leader_epoch)
    leader = recorded.ghost.leader_of.setdefault(key, record.leader)
    if leader != record.leader:
        return (
            f"partition {record.partition} of topic {record.topic_id} has leaders {leader} and "
            f"{record.leader} in epoch {record.leader_epoch}"
        )
    return None


@check("C4", "led")
def _leads_only_by_record(replica: Replica) -> str | None:
    """Who leads in an epoch is who was recorded as its leader; the quorum has its own rules."""
    ghost = replica.ghost
    if ghost.internal or replica.epoch < 0:
        return None
    leader = ghost.leaders.setdefault(replica.epoch, replica.broker)
    if leader != replica.broker:
        return (
            f"brokers {leader} and {replica.broker} lead {ghost.name} in epoch {replica.epoch}"
        )
    return None


@check("C6", "recorded")
def _clean_leaders_are_complete(recorded: Recorded) -> str | None:
    """A clean leader is of the ISR, or of the ELR where the ISR is empty; else nobody of both lives.

    An unclean one is alone in its ISR and recovering, and allowed: by the topic, by who asked
    for it, or because it is the last known leader (KIP-966).
    """
    change = recorded.change()
    if change is None:
        return None
    name, old, new = change
    if new.leader in (NO_LEADER, old.leader):
        return None
    living = [
        member
        for member in (*old.isr, *old.elr)
        if _stays_alive(recorded, member) and member in (*new.replicas, new.leader)
    ]
    if new.leader in old.isr or _moved(old, new):
        return None
    if new.leader in old.elr:
        in_sync = [member for member in living if member in old.isr]
        return (
            f"{name}: {new.leader} of the ELR leads, {in_sync} are in sync" if in_sync else None
        )
    reason = _reason(recorded, name, old, new)
    _note_unclean(recorded, new, reason or "nobody")
    if reason is None or living or new.isr != (new.leader,) or not new.recovering:
        return (
            f"{name}: {new.leader} leads, allowed by {reason or 'nobody'}, with ISR {new.isr}, "
            f"recovering {new.recovering}; ISR was {old.isr}, ELR {old.elr}, alive {living}"
        )
    return None


def _moved(old: PartitionImage, new: PartitionImage) -> bool:
    """Say whether a move ends with this change, which the ISR that the leader asked for allows.

    The leader goes with it, and the next one is of that ISR, not of the one before.
    """
    ends = bool(old.removing) and not new.removing and old.leader in old.removing
    return ends and old.has_leader and new.leader in new.isr and not new.recovering


def _reason(
    recorded: Recorded, name: str, old: PartitionImage, new: PartitionImage
) -> str | None:
    """Return what allows an unclean election, None where nothing does."""
    record, ghost = recorded.record, recorded.ghost
    assert isinstance(record, PartitionChanged)
    topic = recorded.settled.topic_names.get(record.topic_id, name.rpartition("-")[0])
    # Configs of this batch count: they may have brought the election about.
    if recorded.settled.topic_config(topic).unclean_leader_election_enable:
        return "its topic"
    if (record.topic_id, record.partition) in ghost.unclean_asked:
        return "who asked for it"
    eligible = [
        member for member in (*old.isr, *old.elr) if not _is_back_uncleanly(recorded, member)
    ]
    if old.last_known_elr == (new.leader,) and not eligible:
        return LAST_KNOWN_LEADER
    return None


def _is_back_uncleanly(recorded: Recorded, broker_id: BrokerId) -> bool:
    """Say whether this decision registers a broker after an unclean shutdown."""
    before = recorded.before.brokers.get(broker_id)
    after = recorded.settled.brokers.get(broker_id)
    if after is None or (before is not None and before.broker_epoch == after.broker_epoch):
        return False
    return recorded.ghost.unclean_starts.get(after.incarnation_id, False)


def _note_unclean(recorded: Recorded, new: PartitionImage, reason: str) -> None:
    record = recorded.record
    assert isinstance(record, PartitionChanged)
    ghost = recorded.ghost.find(record.topic_id, record.partition)
    if ghost is not None:
        ghost.unclean_elections[new.leader_epoch] = reason


def _stays_alive(recorded: Recorded, broker_id: BrokerId) -> bool:
    """Say whether a broker was alive before the decision and is so after it, in one life."""
    before = recorded.before.brokers.get(broker_id)
    after = recorded.settled.brokers.get(broker_id)
    return (
        before is not None
        and after is not None
        and before.broker_epoch == after.broker_epoch
        and not before.fenced
        and not after.fenced
        and not after.in_controlled_shutdown
    )


@check("C7", "recorded")
def _one_life_at_a_time(recorded: Recorded) -> str | None:
    """Broker epochs only grow; another incarnation comes in once the former one is fenced."""
    record = recorded.record
    if not isinstance(record, BrokerRegistered):
        return None
    former = recorded.before.brokers.get(record.broker_id)
    if former is not None and former.incarnation_id == record.incarnation_id:
        if record.broker_epoch != former.broker_epoch:
            return f"broker {record.broker_id} got two epochs for one life"
        return None
    known = [broker.broker_epoch for broker in recorded.before.brokers.values()]
    if record.broker_epoch != recorded.offset or record.broker_epoch <= max(known, default=-1):
        return (
            f"broker {record.broker_id} got broker epoch {record.broker_epoch} at offset "
            f"{recorded.offset}; there were {known}"
        )
    if former is not None and not former.fenced:
        return f"broker {record.broker_id} registers anew while its former life is not fenced"
    in_sync = [name for name, isr, _ in memberships(recorded.before, record.broker_id) if isr]
    if in_sync:
        return f"broker {record.broker_id} registers anew while in the ISR of {in_sync}"
    return None


@check("R18", "recorded")
def _unclean_shutdown_counts(recorded: Recorded) -> str | None:
    """After an unclean shutdown a broker is in no ISR and no ELR when it is registered."""
    record = recorded.record
    if isinstance(record, PartitionChanged):
        _note_joined(recorded)
    if not isinstance(record, BrokerRegistered):
        return None
    former = recorded.before.brokers.get(record.broker_id)
    if former is not None and former.incarnation_id == record.incarnation_id:
        return None  # the same life, which has been let in before
    if not recorded.ghost.unclean_starts.get(record.incarnation_id, False):
        return None
    kept = [name for name, _, _ in memberships(recorded.after, record.broker_id)]
    if kept:
        return (
            f"broker {record.broker_id} is registered after an unclean shutdown, and is still "
            f"in ISR or ELR of {kept}"
        )
    return None


def _note_joined(recorded: Recorded) -> None:
    """Who joins an ISR has shown its log to the leader: its shutdown is forgiven."""
    change, record = recorded.change(), recorded.record
    if change is None or not isinstance(record, PartitionChanged):
        return
    _, old, new = change
    ghost = recorded.ghost.find(record.topic_id, record.partition)
    if ghost is not None and new.leader not in ghost.unclean:
        for member in new.isr:
            # One that was let in before the controller has heard of its end is not meant.
            registered = recorded.before.brokers.get(member)
            living = recorded.ghost.living.get(member)
            if member not in old.isr and registered and registered.incarnation_id == living:
                ghost.unclean.pop(member, None)


@check("C9", "recorded")
def _reassignment_ends_when_all_targets_are_in_sync(recorded: Recorded) -> str | None:
    """A reassignment is done when every replica that stays is in sync, and enough are (KIP-455)."""
    change = recorded.change()
    if change is None:
        return None
    name, old, new = change
    ended = (old.adding or old.removing) and not (new.adding or new.removing)
    target = [replica for replica in old.replicas if replica not in old.removing]
    before = [replica for replica in old.replicas if replica not in old.adding]
    if not ended or sorted(new.replicas) != sorted(target):
        return None
    if old.adding and sorted(before) == sorted(target):
        return None  # was on its way back already, and is given up
    topic = name.rpartition("-")[0]
    enough = min(recorded.after.topic_config(topic).min_insync_replicas, len(target))
    missing = [replica for replica in target if replica not in new.isr]
    if missing or len(new.isr) < enough:
        return f"{name}: moved to {target} though {missing} are not in the ISR {new.isr}"
    return None


@check("C11", "recorded")
def _topic_ids_are_new(recorded: Recorded) -> str | None:
    """A topic id is used once (KIP-516)."""
    record = recorded.record
    if not isinstance(record, TopicCreated):
        return None
    name = recorded.ghost.topic_ids.setdefault(record.topic_id, record.topic)
    if name != record.topic or record.topic_id in recorded.before.topic_names:
        return f"topic {record.topic} has the id that {name} had: {record.topic_id}"
    return None


@check("C11", "led")
def _directory_is_of_the_topic(replica: Replica) -> str | None:
    """What a leader serves lies in a directory of its topic's id (KIP-516)."""
    log = replica.log
    if replica.ghost.internal:
        return None
    text = read_checkpoint(log._storage, f"{log.name}/partition.metadata")
    if text is None or str(log.topic_id) not in text:
        return f"broker {replica.broker} leads {log.name} out of a directory of {text!r}"
    return None


def memberships(image: MetadataImage, broker_id: BrokerId) -> Iterator[tuple[str, bool, bool]]:
    """Yield the partitions of whose ISR or ELR a broker is: name, ISR, ELR."""
    for name, topic in sorted(image.topics.items()):
        for number, partition in enumerate(topic.partitions):
            isr, elr = broker_id in partition.isr, broker_id in partition.elr
            if isr or elr:
                yield f"{name}-{number}", isr, elr
