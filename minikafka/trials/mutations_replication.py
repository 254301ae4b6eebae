"""Planted bugs of leaders and their ISR: who counts, who joins, who leaves, what is answered."""

from __future__ import annotations

from typing import Any

from minikafka.trials.mutation import RESTLESS, Mutation, Patch

__all__ = ["MUTATIONS"]


def _ignores_epoch_start() -> list[Patch]:
    from minikafka.replication import leader

    def may_join(end: int, watermark: int, start: int) -> bool:
        return end >= 0 and end >= watermark

    return [(leader, "may_join", may_join)]


def _ignores_watermark() -> list[Patch]:
    from minikafka.replication import leader

    def may_join(end: int, watermark: int, start: int) -> bool:
        return end >= 0 and end >= start

    return [(leader, "may_join", may_join)]


def _counts_committed_isr() -> list[Patch]:
    from minikafka.replication.leader import PartitionLeader

    def is_waited_for(self: Any, replica: int, progress: Any, now_ms: int) -> bool:
        return replica in self.isr

    return [(PartitionLeader, "_is_waited_for", is_waited_for)]


def _counts_a_majority() -> list[Patch]:
    from minikafka.broker.metadata_leader import MetadataLeader
    from minikafka.replication.leader import PartitionLeader

    def maybe_advance(self: Any, now_ms: int) -> bool:
        ends = [self.log.log_end_offset]
        ends += [progress.log_end_offset for progress in self.progress.values()]
        lowest = sorted(ends, reverse=True)[len(ends) // 2]
        if lowest <= self.log.high_watermark:
            return False
        moved: bool = self.log.advance_high_watermark(lowest)
        return moved

    assert "maybe_advance_high_watermark" in MetadataLeader.__dict__, "it has its own rule"
    return [(PartitionLeader, "maybe_advance_high_watermark", maybe_advance)]


def _moves_under_min_isr() -> list[Patch]:
    from minikafka.replication.leader import PartitionLeader

    def maybe_advance(self: Any, now_ms: int) -> bool:
        log = self.log
        lowest = log.log_end_offset
        for replica, progress in self.progress.items():
            end = progress.log_end_offset
            if end < lowest and self._is_waited_for(replica, progress, now_ms):
                lowest = end
        moved: bool = lowest > log.high_watermark and log.advance_high_watermark(lowest)
        return moved

    return [(PartitionLeader, "maybe_advance_high_watermark", maybe_advance)]


def _acknowledges_before_isr() -> list[Patch]:
    from minikafka.apis import k00_produce

    def settled(self: Any) -> bool:
        return True

    return [(k00_produce._Awaited, "settled", settled)]


def _writes_under_min_isr() -> list[Patch]:
    from minikafka.replication.leader import PartitionLeader

    real = PartitionLeader.append

    def append(self: Any, batch: Any, acks: int, now_timestamp_ms: int, *origin: Any) -> Any:
        return real(self, batch, 1, now_timestamp_ms, *origin)

    return [(PartitionLeader, "append", append)]


def _shrinks_by_itself() -> list[Patch]:
    from minikafka.broker.isr_changes import IsrChanges

    real = IsrChanges.consider

    def consider(self: Any, partition: Any) -> None:
        real(self, partition)
        leader = partition.leader
        if leader is not None and leader.pending_isr is not None:
            leader.isr = tuple(member for member in leader.isr if member in leader.pending_isr)

    return [(IsrChanges, "consider", consider)]


def _goes_on_leading() -> list[Patch]:
    from minikafka.broker.replica_manager import ReplicaManager

    real = ReplicaManager._follow

    def follow(self: Any, partition: Any, state: Any) -> None:
        if partition.leader is None:
            real(self, partition, state)

    return [(ReplicaManager, "_follow", follow)]


def _forgets_to_ask_again() -> list[Patch]:
    from minikafka.broker.isr_changes import IsrChanges

    def answered(self: Any, partition: Any, leader: Any, wish: Any, done: Any) -> None:
        """Leave the wish in flight, whatever the answer."""
        done.result()

    def quiet(self: Any, partition: Any, leader: Any, wish: Any, done: Any) -> None:
        try:
            answered(self, partition, leader, wish, done)
        except Exception:  # noqa: BLE001 - the bug is to pass over it
            return

    return [(IsrChanges, "_answered", quiet)]


def _drops_the_idle() -> list[Patch]:
    from minikafka.replication import leader

    def is_caught_up(end: int, leader_end: int, caught_up: int, now: int, lag_max: int) -> bool:
        return now - caught_up <= lag_max

    return [(leader, "is_caught_up", is_caught_up)]


def _keeps_the_slow() -> list[Patch]:
    from minikafka.replication.progress import FollowerProgress

    real = FollowerProgress.on_fetch

    def on_fetch(self: Any, offset: int, start: int, end: int, epoch: int, now_ms: int) -> bool:
        moved = real(self, offset, start, end, epoch, now_ms)
        self.last_caught_up_ms = now_ms
        return moved

    return [(FollowerProgress, "on_fetch", on_fetch)]


def _tells_a_lagging_watermark() -> list[Patch]:
    from minikafka.apis import k02_list_offsets

    def watermark_lags(partition: Any) -> bool:
        return False

    return [(k02_list_offsets, "_watermark_lags", watermark_lags)]


MUTATIONS: dict[str, Mutation] = {
    "M06": Mutation(
        "who has reached the watermark joins the ISR, below the start of the epoch or not",
        ("R9", "R4", "lost-write"),
        _ignores_epoch_start,
        ("flap", "late_fetch", "kill"),
        ancestor="KAFKA-7128",
        tier=1,
        config=RESTLESS,
    ),
    "M07": Mutation(
        "who has reached the start of the epoch joins the ISR, below the watermark or not",
        ("R9", "R4"),
        _ignores_watermark,
        ("slow_link", "narrow_link", "isolate"),
        ancestor="Vanlightly, Kafka replication, ISR expansion",
        config={"min.insync.replicas": 1},
    ),
    "M10": Mutation(
        "the watermark waits for the recorded ISR, not for the one asked for",
        ("R4", "R5", "R6", "lost-write"),
        _counts_committed_isr,
        ("late_controller", "kill", "isolate"),
        ancestor="KIP-497",
        tier=1,
        config={**RESTLESS, "replica.lag.time.max.ms": 2_000},
    ),
    "M11": Mutation(
        "the watermark waits for a majority, as in Raft",
        ("R4", "R6", "lost-write"),
        _counts_a_majority,
        ("slow_link", "isolate"),
        ancestor="the quorum rule, where the ISR's is due",
        tier=1,
    ),
    "M12": Mutation(
        "the watermark moves while the ISR is under min.insync.replicas",
        ("R6", "R19"),
        _moves_under_min_isr,
        ("isolate", "kill"),
        ancestor="KAFKA-15583",
        tier=1,
        config={"min.insync.replicas": 2},
        acks=1,
    ),
    "M16": Mutation(
        "acks=all is answered once the leader has written",
        ("R11",),
        _acknowledges_before_isr,
        ancestor="what acks=all says",
        tier=1,
    ),
    "M18": Mutation(
        "min.insync.replicas is not looked at before the write",
        ("R12",),
        _writes_under_min_isr,
        ("isolate", "kill"),
        ancestor="what min.insync.replicas says",
        tier=1,
        config={"min.insync.replicas": 3},
    ),
    "M19": Mutation(
        "a leader takes members out of its ISR before the controller has",
        ("R10", "R4", "R5", "lost-write"),
        _shrinks_by_itself,
        ("isolate", "partition"),
        ancestor="Jepsen on Kafka 0.8 (2013)",
        tier=1,
        config={"min.insync.replicas": 1},
    ),
    "M20": Mutation(
        "a deposed leader goes on leading",
        ("W3", "R8", "R1", "R2"),
        _goes_on_leading,
        ("pause", "flap"),
        ancestor="KIP-320",
        config=RESTLESS,
        acks=1,
    ),
    "M33": Mutation(
        "a wish for another ISR that was refused or lost stays in flight for ever",
        ("L4",),
        _forgets_to_ask_again,
        ("lost_wish",),
        ancestor="KAFKA-12751",
        patience_s=25.0,
        config={"replica.lag.time.max.ms": 2_000, "broker.session.timeout.ms": 9_000},
    ),
    "M34": Mutation(
        "a member at the end of the log is put out of the ISR for its silence",
        ("R10",),
        _drops_the_idle,
        ("isolate", "pause", "partition"),
        ancestor="KAFKA-7152",
        config={"broker.session.timeout.ms": 18_000, "replica.lag.time.max.ms": 2_000},
    ),
    "M35": Mutation(
        "a member that fetches counts as caught up, however far behind",
        ("R10",),
        _keeps_the_slow,
        ("narrow_link", "slow_link"),
        ancestor="KIP-16",
        config={"replica.lag.time.max.ms": 2_000},
    ),
    "M42": Mutation(
        "a new leader tells its watermark as the latest offset before it knows the true one",
        ("R8",),
        _tells_a_lagging_watermark,
        ("flap", "kill", "slow_link"),
        ancestor="KIP-207",
        config=RESTLESS,
    ),
}
"""By id; the numbers are those of the project's list of planted bugs."""
