"""Planted bugs against rules that modules state of themselves ("Rules of this file").

Each switches one of them off; those that older planted bugs switch off are not here. Which rule
goes with which bug stands in tests/ablations/rules.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from minikafka.trials.mutation import ELECTING, HASTY, RESTLESS, Mutation, Patch

__all__ = ["RULE_MUTATIONS"]


def _keeps_the_partition_epoch() -> list[Patch]:
    from minikafka.metadata import builder, leadership
    from minikafka.metadata.records import PartitionChanged

    real, apply = leadership._changed, builder._APPLY[PartitionChanged]

    def _changed(topic_id: Any, number: int, old: Any, target: Any, new: Any) -> Any:
        record = real(topic_id, number, old, target, new)
        if record is None or record.leader != old.leader:
            return record
        return replace(record, partition_epoch=old.partition_epoch)

    def lenient(self: Any, record: Any) -> None:
        """Take over the epoch as it is: brokers check it and would crash."""
        partitions = self._topic(record.topic_id).partitions
        right = partitions[record.partition].partition_epoch + 1
        apply(self, replace(record, partition_epoch=right))
        taken = partitions[record.partition]
        partitions[record.partition] = replace(taken, partition_epoch=record.partition_epoch)

    table = {**builder._APPLY, PartitionChanged: lenient}
    return [(leadership, "_changed", _changed), (builder, "_APPLY", table)]


def _leads_from_outside_its_isr() -> list[Patch]:
    from minikafka.metadata import leadership

    real = leadership._changed

    def _changed(topic_id: Any, number: int, old: Any, target: Any, new: Any) -> Any:
        if new.leader in new.isr and len(new.isr) > 1 and new.leader != old.leader:
            new = new._replace(isr=tuple(each for each in new.isr if each != new.leader))
        return real(topic_id, number, old, target, new)

    return [(leadership, "_changed", _changed)]


def _keeps_the_isr_eligible() -> list[Patch]:
    from minikafka.metadata import leadership

    real = leadership._changed

    def _changed(topic_id: Any, number: int, old: Any, target: Any, new: Any) -> Any:
        if new.elr and new.isr:
            new = new._replace(elr=tuple(sorted((*new.elr, new.isr[0]))))
        return real(topic_id, number, old, target, new)

    return [(leadership, "_changed", _changed)]


def _keeps_the_elr() -> list[Patch]:
    from minikafka.metadata import leadership

    real = leadership.eligible_leader_replicas

    def eligible(partition: Any, isr: Any, min_isr: int, unclean_shutdown: Any = ()) -> Any:
        return real(partition, isr, len(isr) + 1, unclean_shutdown)

    return [(leadership, "eligible_leader_replicas", eligible)]


def _keeps_epochs_of_what_it_cuts() -> list[Patch]:
    from minikafka.log.epoch_cache import EpochCache

    def truncate_from_end(self: Any, end_offset: int) -> None:
        """Leave them."""

    return [(EpochCache, "truncate_from_end", truncate_from_end)]


def _ends_every_epoch_at_the_log_end() -> list[Patch]:
    from minikafka.log.epoch_cache import EpochCache

    real = EpochCache.end_offset_for

    def end_offset_for(self: Any, epoch: int, log_end_offset: int) -> tuple[int, int]:
        known, end = real(self, epoch, log_end_offset)
        return known, (log_end_offset if known >= 0 else end)

    return [(EpochCache, "end_offset_for", end_offset_for)]


def _gives_a_wish_up_unanswered() -> list[Patch]:
    from minikafka.broker import isr_changes

    def answered(self: Any, partition: Any, leader: Any, wish: Any, done: Any) -> None:
        if isr_changes._is_pending(partition, leader, wish):
            code = isr_changes._code(done)
            if code not in isr_changes._AWAIT_RECORD:
                leader.pending_isr = None

    return [(isr_changes.IsrChanges, "_answered", answered)]


def _votes_twice() -> list[Patch]:
    from minikafka.quorum import machine
    from minikafka.quorum.election import may_grant as real

    def may_grant(request: Any, **known: Any) -> bool:
        return real(request, **{**known, "state": known["state"]._replace(voted_id=-1)})

    return [(machine, "may_grant", may_grant)]


def _counts_observers() -> list[Patch]:
    from minikafka.quorum.commit import CommitTracker, majority_count
    from minikafka.quorum.leading import Leadership

    real = Leadership.note_fetch

    def note_fetch(self: Any, replica: Any, offset: int, *more: Any) -> None:
        real(self, replica, offset, *more)
        self.tracker.note(replica[0], offset)

    def high_watermark(self: Any, current: int) -> int:
        ends = sorted(self._durable_end_offsets.values(), reverse=True)
        needed = majority_count(self.voters)
        end = ends[needed - 1] if len(ends) >= needed else 0
        return max(current, end) if end > self.epoch_start_offset else current

    return [
        (Leadership, "note_fetch", note_fetch),
        (CommitTracker, "high_watermark", high_watermark),
    ]


def _acts_in_an_epoch_without_storing_it() -> list[Patch]:
    from minikafka.quorum.epochs import EpochKeeper

    real = EpochKeeper._save

    def save(self: Any, state: Any) -> None:
        if state.voted_id < 0:
            self.state = state
        else:
            real(self, state)

    return [(EpochKeeper, "_save", save)]


def _goes_back_to_an_older_epoch() -> list[Patch]:
    from minikafka.quorum.epochs import EpochKeeper
    from minikafka.quorum.roles import Role
    from minikafka.quorum.state_store import ElectionState

    real = EpochKeeper._on_leader

    def on_leader(self: Any, leader_id: int, epoch: int, now_ms: int) -> None:
        stranger = leader_id not in (-1, self.node_id)
        if epoch < self.epoch and stranger and self.role in (Role.FOLLOWER, Role.UNATTACHED):
            self.state = ElectionState(epoch, -1, leader_id)
            self._store.write(self.state)
            self._follow(now_ms)
        else:
            real(self, leader_id, epoch, now_ms)

    return [(EpochKeeper, "_on_leader", on_leader)]


def _stores_pre_votes() -> list[Patch]:
    from minikafka.quorum.machine import QuorumMachine
    from minikafka.quorum.state_store import ElectionState

    real = QuorumMachine.on_vote_request

    def on_vote_request(self: Any, request: Any, now_ms: int) -> Any:
        answer = real(self, request, now_ms)
        if answer.granted and request.pre_vote:
            self._save(ElectionState(self.epoch, voted_id=request.candidate_id))
        return answer

    return [(QuorumMachine, "on_vote_request", on_vote_request)]


def _counts_what_its_leader_has_not_flushed() -> list[Patch]:
    from minikafka.quorum.machine import QuorumMachine

    append, commit = QuorumMachine._append, QuorumMachine._commit

    class _Eager:
        """A log that is not flushed, and of which everything counts as durable."""

        def __init__(self, log: Any) -> None:
            self._log = log

        @property
        def durable_end_offset(self) -> int:
            """All that there is."""
            return int(self._log.log_end_offset)

        def flush(self) -> None:
            """Make nothing durable."""

        def __getattr__(self, name: str) -> Any:
            return getattr(self._log, name)

    def eager(real: Any) -> Any:
        def called(self: Any, *arguments: Any) -> Any:
            log, self.log = self.log, _Eager(self.log)
            try:
                return real(self, *arguments)
            finally:
                self.log = log

        return called

    return [
        (QuorumMachine, "_append", eager(append)),
        (QuorumMachine, "_commit", eager(commit)),
    ]


def _cuts_what_is_committed() -> list[Patch]:
    from minikafka.quorum import log_keeper

    def truncation_target(log: Any, epoch: int, end_offset: int) -> int:
        return int(log.log_start_offset)

    return [(log_keeper, "truncation_target", truncation_target)]


RULE_MUTATIONS: dict[str, Mutation] = {
    "partition-epoch-stays": Mutation(
        "another ISR has the partition epoch of the one before",
        ("C1",),
        _keeps_the_partition_epoch,
        ("isolate", "kill"),
        ancestor="KIP-497",
    ),
    "leader-outside-isr": Mutation(
        "a new leader is not in its ISR",
        ("C2",),
        _leads_from_outside_its_isr,
        ("kill", "flap"),
        ancestor="KIP-966",
        config=RESTLESS,
    ),
    "elr-in-isr": Mutation(
        "who stays in the ISR is in the ELR, too",
        ("C2",),
        _keeps_the_isr_eligible,
        ("kill", "isolate"),
        ancestor="KIP-966",
        config={"min.insync.replicas": 3},
    ),
    "elr-stays": Mutation(
        "replicas stay eligible though the ISR is large enough",
        ("C2",),
        _keeps_the_elr,
        ("kill", "isolate"),
        ancestor="KIP-966",
        config={"min.insync.replicas": 2},
    ),
    "epochs-outlive-truncation": Mutation(
        "epochs of what was cut stay in the cache",
        ("R15",),
        _keeps_epochs_of_what_it_cuts,
        ("flap", "kill"),
        ancestor="KIP-101",
        config=RESTLESS,
    ),
    "epoch-without-end": Mutation(
        "every epoch is said to end at the end of the log",
        ("R1", "R13", "R16", "R17", "R15"),
        _ends_every_epoch_at_the_log_end,
        ("kill", "isolate", "flap"),
        ancestor="KIP-101",
        config={**RESTLESS, "min.insync.replicas": 1},
        acks=1,
    ),
    "wish-forgotten": Mutation(
        "an ISR that was asked for is forgotten because the answer was lost",
        ("R5",),
        _gives_a_wish_up_unanswered,
        ("lost_wish",),
        ancestor="KIP-497",
        config={"replica.lag.time.max.ms": 1_000, "broker.session.timeout.ms": 9_000},
    ),
    "second-vote": Mutation(
        "a node votes for whoever asks, as often as in an epoch",
        ("K7", "K1"),
        _votes_twice,
        ELECTING,
        ancestor="Raft, 5.2",
        config=HASTY,
    ),
    "observers-count": Mutation(
        "what observers hold counts towards a majority",
        ("K6",),
        _counts_observers,
        ELECTING,
        ancestor="KIP-595",
        config=HASTY,
    ),
    "epoch-not-stored": Mutation(
        "a node acts in an epoch that it has not stored",
        ("K9", "K7"),
        _acts_in_an_epoch_without_storing_it,
        ("kill", "isolate"),
        ancestor="KIP-595",
        config=HASTY,
    ),
    "older-epoch": Mutation(
        "a node goes back to the epoch of a leader that was",
        ("K9", "K1"),
        _goes_back_to_an_older_epoch,
        ELECTING,
        ancestor="KIP-595",
        config=HASTY,
    ),
    "stored-pre-vote": Mutation(
        "a pre-vote is stored like a vote",
        ("K12", "K7", "K1"),
        _stores_pre_votes,
        ELECTING,
        ancestor="KIP-996",
        config=HASTY,
    ),
    "leader-unflushed": Mutation(
        "what the leader of the quorum has not flushed counts as its share of a majority",
        ("K6", "R3"),
        _counts_what_its_leader_has_not_flushed,
        ("power_loss",),
        ancestor="KIP-595",
    ),
    "committed-cut": Mutation(
        "a voter whose log parts from the leader's drops all of it",
        ("R13",),
        _cuts_what_is_committed,
        ELECTING,
        ancestor="KAFKA-12460",
        config=HASTY,
    ),
}
"""By id."""
