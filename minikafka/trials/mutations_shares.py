"""Planted bugs of share groups (KIP-932): of leaders of share-partitions, and of share coordinators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from minikafka.trials.mutation import Mutation, Patch

__all__ = ["SHARE_MUTATIONS"]


def _answers_before_writing() -> list[Patch]:
    from minikafka.base.deferred import Deferred
    from minikafka.broker.live_share import LiveShare

    real = LiveShare._settle

    def settle(self: Any, transition: Any) -> Any:
        real(self, transition)
        answer: Deferred[None] = Deferred()
        answer.set(None)
        return answer

    return [(LiveShare, "_settle", settle)]


def _does_not_fence_leaders() -> list[Patch]:
    from minikafka.groups.commands import Decision
    from minikafka.shares.state_coordinator import ShareCoordinator

    real = ShareCoordinator.write

    def write(self: Any, command: Any, now: Any) -> Any:
        share = self._shares.get(command.key)
        if share is None or command.leader_epoch >= share.leader_epoch:
            return real(self, command, now)
        return Decision((self._record(share, command, now),), None)

    return [(ShareCoordinator, "write", write)]


def _goes_back_with_the_start() -> list[Patch]:
    from minikafka.shares.state_coordinator import ShareCoordinator

    real = ShareCoordinator.write

    def write(self: Any, command: Any, now: Any) -> Any:
        decision = real(self, command, now)
        [record] = decision.records
        value = replace(record.value, start_offset=command.start_offset)
        return replace(decision, records=(replace(record, value=value),))

    # A leader goes back only with what it tries again though it is none any more.
    return [(ShareCoordinator, "write", write), *_does_not_wait_for_what_is_on_its_way()]


def _does_not_wait_for_what_is_on_its_way() -> list[Patch]:
    from minikafka.broker.live_share import LiveShare
    from minikafka.broker.persister import Persister

    real = Persister.write

    async def write(self: Any, *arguments: Any) -> None:
        await real(self, *arguments[:5])

    return [(LiveShare, "is_writing", False), (Persister, "write", write)]


def _keeps_locks_of_who_has_gone() -> list[Patch]:
    from minikafka.broker.share_partitions import SharePartitions

    return [(SharePartitions, "_release", lambda self, session: None)]


def _forgets_counts() -> list[Patch]:
    from minikafka.shares.share_partition import SharePartition

    real = SharePartition.__init__

    def init(self: Any, start_offset: int, batches: Any = (), limits: Any = None) -> None:
        real(self, start_offset, [each._replace(delivery_count=0) for each in batches], limits)

    return [(SharePartition, "__init__", init)]


def _ends_locks_early() -> list[Patch]:
    from minikafka.shares.share_partition import SharePartition

    real = SharePartition.expire

    def expire(self: Any, now_ms: int) -> Any:
        return real(self, now_ms + 2_000)

    return [(SharePartition, "expire", expire)]


def _never_ends_locks() -> list[Patch]:
    from minikafka.broker.live_share import LiveShare

    return [(LiveShare, "arm", lambda self: None)]


def _shares(
    name: str,
    caught_by: tuple[str, ...],
    patches: Callable[[], list[Patch]],
    kinds: tuple[str, ...] = (),
    ancestor: str = "KIP-932",
) -> Mutation:
    return Mutation(
        name,
        caught_by,
        patches,
        kinds,
        ancestor,
        profile="groups",
        groups=True,
        protocol="share",
    )


SHARE_MUTATIONS: dict[str, Mutation] = {
    "share-answer-early": _shares(
        "an acknowledgement is answered before it is written down",
        ("G14", "G11"),
        _answers_before_writing,
    ),
    "share-leader-unfenced": _shares(
        "a former leader of a partition still writes share state",
        ("G14",),
        _does_not_fence_leaders,
        ("flap", "isolate", "pause"),
    ),
    "share-start-back": _shares(
        "a late write takes the start offset of a share-partition back",
        ("G14",),
        _goes_back_with_the_start,
        ("reset", "slow_link"),
    ),
    "share-former-unheard": _shares(
        "a leader reads its share state while a write of its own is on its way",
        ("G11", "G13"),
        _does_not_wait_for_what_is_on_its_way,
        ("reset", "slow_link"),
    ),
    "share-lock-kept": _shares(
        "what a member holds that ends its session stays its own until the lock ends",
        ("G12",),
        _keeps_locks_of_who_has_gone,
    ),
    "share-lock-early": _shares(
        "a lock that ends takes with it those that end within two seconds",
        ("G12",),
        _ends_locks_early,
    ),
    "share-count-forgotten": _shares(
        "a new leader counts deliveries from the beginning",
        ("G13",),
        _forgets_counts,
        ("kill", "flap"),
    ),
    "share-lock-for-ever": _shares(
        "locks never end",
        ("L10",),
        _never_ends_locks,
        ("member_kill",),
    ),
}
"""By id."""
