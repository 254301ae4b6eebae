"""Planted bugs of followers, and of what leaders tell them: epochs, divergence, late answers."""

from __future__ import annotations

from typing import Any

from minikafka.trials.mutation import RESTLESS, Mutation, Patch

__all__ = ["MUTATIONS"]


def _truncates_to_watermark() -> list[Patch]:
    from minikafka.broker.replica_manager import ReplicaManager

    real = ReplicaManager._follow

    def follow(self: Any, partition: Any, state: Any) -> None:
        before = partition.follower
        real(self, partition, state)
        if partition.follower is not None and partition.follower is not before:
            partition.log.truncate_to(partition.log.high_watermark)

    return [(ReplicaManager, "_follow", follow)]


def _looks_up_offsets_alone() -> list[Patch]:
    from minikafka.log.epoch_cache import EpochCache

    real = EpochCache.end_offset_for

    def end_offset_for(self: Any, epoch: int, log_end_offset: int) -> tuple[int, int]:
        known, end = real(self, epoch, log_end_offset)
        return (epoch if known >= 0 else known), end

    return [(EpochCache, "end_offset_for", end_offset_for)]


def _serves_any_epoch() -> list[Patch]:
    from minikafka.broker.replica_manager import ReplicaManager

    real = ReplicaManager.leading

    def leading(self: Any, topic: str, index: int, epoch: int = -1, **kw: Any) -> Any:
        return real(self, topic, index, -1, **kw)

    return [(ReplicaManager, "leading", leading)]


def _serves_any_epoch_in_sessions() -> list[Patch]:
    from minikafka.apis import k01_fetch
    from minikafka.broker import fetch_targets

    real = fetch_targets.find_partition

    def find_partition(replicas: Any, target: Any, *, from_replica: bool) -> Any:
        known = target.partition
        if known is not None and known.leader is not None and not known.deleted:
            return known
        return real(replicas, target, from_replica=from_replica)

    return [
        (fetch_targets, "find_partition", find_partition),
        (k01_fetch, "find_partition", find_partition),
    ]


def _believes_before_truncating() -> list[Patch]:
    from minikafka.broker.replica_fetcher import ReplicaFetcher

    real = ReplicaFetcher._on_partition

    def on_partition(self: Any, followed: Any, told: Any) -> bool:
        follower = followed.partition.follower
        if follower is not None and told.diverging_epoch is not None and not told.error_code:
            log = follower.log
            log.advance_high_watermark(min(told.high_watermark, log.log_end_offset))
        return real(self, followed, told)

    return [(ReplicaFetcher, "_on_partition", on_partition)]


def _takes_late_answers() -> list[Patch]:
    from minikafka.broker.followed import Followed

    always = property(lambda self: 0, lambda self, number: None)
    return [(Followed, "valid_from", always)]


def _skips_a_batch() -> list[Patch]:
    from minikafka.replication.follower import PartitionFollower

    real = PartitionFollower.on_records

    def on_records(self: Any, batches: Any, watermark: int, log_start: int) -> None:
        if len(batches) > 1:
            self.log.log_end_offset = batches[1].base_offset
            batches = batches[1:]
        real(self, batches, watermark, log_start)

    return [(PartitionFollower, "on_records", on_records)]


def _reads_past_watermark() -> list[Patch]:
    from minikafka.broker import fetch_operation
    from minikafka.broker.fetch_targets import read_target as real

    def read_target(*args: Any, from_replica: bool, **kw: Any) -> Any:
        return real(*args, from_replica=True, **kw)

    return [(fetch_operation, "read_target", read_target)]


MUTATIONS: dict[str, Mutation] = {
    "M01": Mutation(
        "a new follower cuts its log to its own watermark",
        ("R13", "R4", "lost-write"),
        _truncates_to_watermark,
        ("flap", "kill", "slow_link"),
        ancestor="KIP-101",
        tier=1,
        config=RESTLESS,
    ),
    "M02": Mutation(
        "where an epoch ends is told without which epoch that is",
        ("R1", "R14", "R16", "R17", "inconsistent-offsets"),
        _looks_up_offsets_alone,
        ("kill", "isolate", "clean_restart"),
        ancestor="KIP-279",
        tier=1,
        # The ISR takes nobody in who has not cut its log: it takes an unclean election.
        config={
            **RESTLESS,
            "min.insync.replicas": 1,
            "default.replication.factor": 2,
            "unclean.leader.election.enable": "true",
            "unclean.leader.election.interval.ms": 500,
        },
        acks=1,
    ),
    "M04": Mutation(
        "a fetch is served whatever leader epoch it is of",
        ("R16", "R6", "R13"),
        _serves_any_epoch,
        ("late_follower",),
        ancestor="KIP-320",
        tier=1,
        config=RESTLESS,
    ),
    "M05": Mutation(
        "in a fetch session the leader epoch is looked at only at first",
        ("R16", "R6"),
        _serves_any_epoch_in_sessions,
        ("late_follower",),
        ancestor="KAFKA-9338",
        config={
            **RESTLESS,
            "replica.fetch.wait.max.ms": 5_000,
            "replica.lag.time.max.ms": 10_000,
        },
    ),
    "M14": Mutation(
        "a follower takes over the watermark before it cuts its log",
        ("R2", "R7", "R19"),
        _believes_before_truncating,
        ("isolate", "flap", "pause"),
        ancestor="KAFKA-14704",
        acks=1,
        config={**RESTLESS, "min.insync.replicas": 1},
    ),
    "M15": Mutation(
        "an answer to an earlier fetch is taken over",
        ("R17", "R1", "R13"),
        _takes_late_answers,
        ("late_answer",),
        ancestor="KAFKA-7786, KAFKA-13207",
        tier=1,
        config={**RESTLESS, "min.insync.replicas": 1},
        acks=1,
    ),
    "follower-skips-batch": Mutation(
        "a follower leaves out the first of several batches", ("R14", "R1"), _skips_a_batch
    ),
    "read-past-watermark": Mutation(
        "consumers are sent what is not committed", ("R16", "R19"), _reads_past_watermark
    ),
}
"""By id."""
