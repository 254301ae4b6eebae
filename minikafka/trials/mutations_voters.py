"""Planted bugs of voters that change, and of the log and the snapshots that say who they are.

Each switches off one rule that a module of `minikafka/quorum` states of itself. KIP-630, KIP-853.
"""

from __future__ import annotations

from typing import Any

from minikafka.trials.mutation import HASTY, Mutation, Patch
from minikafka.trials.mutations_quorum import SNAPSHOTS

__all__ = ["VOTER_MUTATIONS"]


def _leads_on_without_a_vote() -> list[Patch]:
    from minikafka.quorum.duties import LeaderDuties
    from minikafka.quorum.effects import HighWatermarkAdvanced

    def commit(self: Any, now_ms: int) -> None:
        tracker = self.leadership.tracker
        tracker.note(self.node_id, self.log.durable_end_offset)
        watermark = tracker.high_watermark(self.log.high_watermark)
        if self.log.advance_high_watermark(watermark):
            self._effects.append(HighWatermarkAdvanced(watermark))

    return [(LeaderDuties, "_commit", commit)]


def _passes_over_voters_that_it_takes_over() -> list[Patch]:
    from minikafka.quorum.log_keeper import LogKeeper

    def take_over(self: Any, batches: Any) -> None:
        self.log.append_as_follower(batches)
        self.log.flush()

    return [(LogKeeper, "_take_over", take_over)]


def _names_snapshots_that_are_not_durable() -> list[Patch]:
    from bisect import insort

    from minikafka.quorum.snapshots import SnapshotStore

    def write(self: Any, snapshot: Any, data: bytes) -> None:
        if snapshot not in self._ids:
            self._storage.append(self._name(snapshot), data)
            insort(self._ids, snapshot)

    return [(SnapshotStore, "write", write)]


def _changes_two_votes_at_once() -> list[Patch]:
    from minikafka.apis import k81_remove_raft_voter
    from minikafka.quorum import duties
    from minikafka.quorum.voter_changes import check_ready
    from minikafka.quorum.voter_changes import removed as real

    def check_change(
        history: Any, voters: Any, high_watermark: int, epoch_start_offset: int
    ) -> None:
        check_ready(history, high_watermark, epoch_start_offset)

    def removed(voters: Any, voter_id: int, directory_id: Any) -> Any:
        """Take another vote with it: who asks over the network can name one only."""
        left = real(voters, voter_id, directory_id)
        return left.minus(left.ids[-1]) if len(left) > 1 else left

    return [(duties, "check_change", check_change), (k81_remove_raft_voter, "removed", removed)]


def _goes_by_committed_voters() -> list[Patch]:
    from minikafka.quorum.epochs import EpochKeeper

    def voter_set(self: Any) -> Any:
        return self.history.below(max(0, self.log.high_watermark))

    return [
        (EpochKeeper, "voter_set", property(voter_set)),
        (EpochKeeper, "voters", property(lambda self: self.voter_set.ids)),
        (
            EpochKeeper,
            "is_voter",
            property(lambda self: self.voter_set.holds(self.node_id, self.directory_id)),
        ),
    ]


def _keeps_voters_that_are_cut_away() -> list[Patch]:
    from minikafka.quorum.voters import VoterHistory

    def truncate(self: Any, end_offset: int) -> None:
        """Leave them."""

    return [(VoterHistory, "truncate", truncate)]


_CHANGING = ("changed_voters", "isolate", "kill")

VOTER_MUTATIONS: dict[str, Mutation] = {
    "removed-leader": Mutation(
        "a leader of the quorum that has removed itself leads on",
        ("K16",),
        _leads_on_without_a_vote,
        _CHANGING,
        ancestor="KIP-853",
        config=HASTY,
        profile="swarm",
    ),
    "voters-passed-over": Mutation(
        "a follower goes by new voters after its next start only",
        ("K17", "K13"),
        _passes_over_voters_that_it_takes_over,
        _CHANGING,
        ancestor="KIP-853",
        config=HASTY,
        profile="swarm",
    ),
    "snapshot-unflushed": Mutation(
        "a snapshot has its name before it is durable",
        ("K14",),
        _names_snapshots_that_are_not_durable,
        ("power_loss",),
        ancestor="KIP-630",
        config=SNAPSHOTS,
    ),
    "two-votes": Mutation(
        "two votes change at once",
        ("K13",),
        _changes_two_votes_at_once,
        _CHANGING,
        ancestor="Ongaro's thesis, 4.1",
        config=HASTY,
        profile="swarm",
    ),
    "committed-voters": Mutation(
        "new voters count once they are committed",
        ("K17", "K6", "R13"),
        _goes_by_committed_voters,
        _CHANGING,
        ancestor="KIP-853",
        config=HASTY,
        profile="swarm",
    ),
    "voters-outlive-truncation": Mutation(
        "voters count on whose record was cut away",
        ("K17",),
        _keeps_voters_that_are_cut_away,
        _CHANGING,
        ancestor="KIP-853",
        config=HASTY,
        profile="swarm",
    ),
}
"""Planted bugs of this kind, by id."""
