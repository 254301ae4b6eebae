"""Planted bugs of the metadata quorum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from minikafka.cluster.topics import ConfigInput
from minikafka.trials.mutation import ELECTING, HASTY, Mutation, Patch

__all__ = ["QUORUM_MUTATIONS", "SNAPSHOTS"]

SNAPSHOTS: Mapping[str, ConfigInput] = {
    "metadata.log.max.record.bytes.between.snapshots": 200,
    "metadata.max.retention.bytes": 1,
}
"""Many snapshots, and no more of the log than they need."""


def _votes_without_storing_it() -> list[Patch]:
    from minikafka.quorum.epochs import EpochKeeper

    real = EpochKeeper._save

    def save(self: Any, state: Any) -> None:
        if state.voted_id >= 0 > state.leader_id and state.voted_id != self.node_id:
            self.state = state
        else:
            real(self, state)

    return [(EpochKeeper, "_save", save)]


def _votes_for_logs_behind_its_own() -> list[Patch]:
    from minikafka.quorum import election

    return [(election, "is_up_to_date", lambda candidate, own: True)]


def _commits_records_of_older_epochs() -> list[Patch]:
    from minikafka.quorum.commit import CommitTracker, majority_end_offset

    def high_watermark(self: Any, current: int) -> int:
        return max(current, majority_end_offset(self._durable_end_offsets, self.voters))

    return [(CommitTracker, "high_watermark", high_watermark)]


def _fetches_on_before_it_is_durable() -> list[Patch]:
    from minikafka.quorum.machine import QuorumMachine

    real = QuorumMachine.on_fetch_response

    class _Lazy:
        """A log that is not flushed."""

        def __init__(self, log: Any) -> None:
            self._log = log

        def flush(self) -> None:
            """Make nothing durable."""

        def __getattr__(self, name: str) -> Any:
            return getattr(self._log, name)

    def on_fetch_response(self: Any, **told: Any) -> Any:
        log, self.log = self.log, _Lazy(self.log)
        try:
            return real(self, **told)
        finally:
            self.log = log

    return [(QuorumMachine, "on_fetch_response", on_fetch_response)]


def _leads_without_being_heard() -> list[Patch]:
    from minikafka.quorum.machine import QuorumMachine

    real = QuorumMachine._resign

    def resign(self: Any, now_ms: int) -> None:
        until_ms = self.leadership.quorum_deadline_ms()
        if until_ms is None or now_ms < until_ms:
            real(self, now_ms)  # because it goes

    return [(QuorumMachine, "_resign", resign)]


def _would_vote_against_a_heard_leader() -> list[Patch]:
    from minikafka.quorum import machine
    from minikafka.quorum.election import may_grant as real

    def may_grant(request: Any, **known: Any) -> bool:
        return real(request, **{**known, "heard_leader": False})

    return [(machine, "may_grant", may_grant)]


def _applies_what_is_not_committed() -> list[Patch]:
    from minikafka.broker.applied_metadata import AppliedMetadata

    real = AppliedMetadata.apply_committed

    class _Eager:
        """A log whose watermark is its end."""

        def __init__(self, log: Any) -> None:
            self._log = log
            self.high_watermark = log.log_end_offset

        def __getattr__(self, name: str) -> Any:
            return getattr(self._log, name)

    def apply_committed(self: Any) -> None:
        log, self._log = self._log, _Eager(self._log)
        try:
            real(self)
        finally:
            self._log = log

    return [(AppliedMetadata, "apply_committed", apply_committed)]


def _leads_on_after_a_restart() -> list[Patch]:
    from minikafka.quorum.machine import QuorumMachine
    from minikafka.quorum.roles import Role

    real = QuorumMachine.start

    def start(self: Any, now_ms: int, now_timestamp_ms: int = -1) -> Any:
        if self.state.leader_id != self.node_id or len(self.voters) == 1:
            return real(self, now_ms, now_timestamp_ms)
        self.role = Role.LEADER
        self._lead([self.node_id], now_ms, now_timestamp_ms)
        return self.take_effects()

    return [(QuorumMachine, "start", start)]


def _knows_voters_by_id_only() -> list[Patch]:
    from minikafka.quorum.voters import Voter

    def is_same(self: Any, node_id: int, directory_id: Any) -> bool:
        same: bool = self.voter_id == node_id
        return same

    return [(Voter, "is_same", is_same)]


def _truncates_what_is_committed() -> list[Patch]:
    from minikafka.quorum import log_keeper

    def truncation_target(log: Any, epoch: int, end_offset: int) -> int:
        own_epoch, own_end = log.epochs.end_offset_for(epoch, log.log_end_offset)
        target: int = min(own_end, end_offset) if own_epoch == epoch else max(own_end, 0)
        return target

    return [
        # Only a voter that has forgotten can lead without what is committed.
        *_knows_voters_by_id_only(),
        (log_keeper, "truncation_target", truncation_target),
    ]


def _changes_voters_too_early() -> list[Patch]:
    from minikafka.quorum import duties

    def unchecked(*args: Any) -> None:
        """Let every change through."""

    return [(duties, "check_ready", unchecked), (duties, "check_change", unchecked)]


def _snapshots_what_is_not_committed() -> list[Patch]:
    from minikafka.broker.snapshot_keeper import SnapshotKeeper

    real = SnapshotKeeper._write

    def write(self: Any, image: Any, timestamp_ms: int) -> None:
        real(self, replace(image, offset=image.offset + 1), timestamp_ms)

    return [(SnapshotKeeper, "_write", write)]


def _deletes_the_snapshot_its_log_begins_with() -> list[Patch]:
    from minikafka.quorum.log_keeper import LogKeeper

    real = LogKeeper.clean

    def clean(self: Any, max_bytes: int, max_age_ms: int, now_timestamp_ms: int) -> None:
        before = self.log.log_start_offset
        real(self, max_bytes, max_age_ms, now_timestamp_ms)
        if self.log.log_start_offset > before:
            self.snapshots.delete(self.snapshots.earliest)

    return [(LogKeeper, "clean", clean)]


QUORUM_MUTATIONS: dict[str, Mutation] = {
    "M81": Mutation(
        "a vote is given before it is stored",
        ("K7", "K1"),
        _votes_without_storing_it,
        ELECTING,
        ancestor="Raft, 5.2",
        tier=1,
        config=HASTY,
    ),
    "M82": Mutation(
        "a vote goes to a log that is behind",
        ("K8", "R3"),
        _votes_for_logs_behind_its_own,
        ELECTING,
        ancestor="Raft, 5.4.1",
        tier=1,
        config=HASTY,
    ),
    "M83": Mutation(
        "a record of an older epoch is committed by counting",
        ("K6", "R3"),
        _commits_records_of_older_epochs,
        ELECTING,
        ancestor="KAFKA-12619",
        tier=1,
        config=HASTY,
    ),
    "M85": Mutation(
        "a voter fetches on before what it has is durable",
        ("K6", "R3"),
        _fetches_on_before_it_is_durable,
        ("power_loss",),
        ancestor="KAFKA-13884, KAFKA-17332",
        tier=1,
    ),
    "M89": Mutation(
        "a leader that no majority hears leads on",
        ("K15",),
        _leads_without_being_heard,
        ("isolate",),
        ancestor="KAFKA-15489",
    ),
    "M90": Mutation(
        "a follower that hears its leader grants a pre-vote",
        ("K12",),
        _would_vote_against_a_heard_leader,
        ("isolate", "partition", "slow_link"),
        ancestor="KIP-996, KAFKA-17641",
        config=HASTY,
    ),
    "M92": Mutation(
        "a broker applies metadata that is not committed",
        ("C8",),
        _applies_what_is_not_committed,
        ("isolate", "kill"),
        ancestor="KIP-500",
    ),
    "restarted-leader": Mutation(
        "a node that led goes on leading after a restart, in the same epoch",
        ("K10", "R1"),
        _leads_on_after_a_restart,
        ("kill", "power_loss"),
        ancestor="KAFKA-10527",
        config=HASTY,
    ),
    "M86": Mutation(
        "what is committed is truncated for a leader without it, whose disk was replaced",
        ("R13", "R3", "R2", "K7"),
        _truncates_what_is_committed,
        ("replaced_disk", "kill", "isolate"),
        ancestor="KAFKA-12460",
        config=HASTY,
    ),
    "M88": Mutation(
        "voters change before the last change, or anything of the epoch, is committed",
        ("K13",),
        _changes_voters_too_early,
        ("changed_voters", "isolate", "kill"),
        ancestor="KIP-853; Raft, single-server changes",
        tier=1,
        config=HASTY,
        profile="swarm",
    ),
    "M93": Mutation(
        "a voter is known by its id alone, whatever disk it has",
        ("K7", "K6", "K1", "R3", "R2"),
        _knows_voters_by_id_only,
        ("replaced_disk", "kill", "isolate"),
        ancestor="KIP-853",
        config=HASTY,
    ),
    "snapshot-offset": Mutation(
        "a snapshot says that it stands for one record more than it does",
        ("K14", "R1", "R14"),
        _snapshots_what_is_not_committed,
        ("kill",),
        ancestor="KAFKA-14618",
        config=SNAPSHOTS,
    ),
    "snapshot-start": Mutation(
        "the snapshot is deleted that the log begins with",
        ("K14",),
        _deletes_the_snapshot_its_log_begins_with,
        ("kill",),
        ancestor="KIP-630",
        config=SNAPSHOTS,
    ),
}
"""Planted bugs of this kind, by id."""
