"""Planted bugs of consumer groups whose members speak the consumer protocol (KIP-848)."""

from __future__ import annotations

from typing import Any

from minikafka.trials.mutation import Mutation, Patch
from minikafka.trials.mutations_groups import answers_before_committing

__all__ = ["CONSUMER_MUTATIONS"]


def _grants_what_is_to_be_given_up() -> list[Patch]:
    from minikafka.groups.consumer_group import ConsumerGroup

    def claim(self: Any, member: Any) -> None:
        for place in _assigned(member):
            self.owners[place] = member.member_id

    def release(self: Any, member: Any) -> None:
        for place in () if member is None else _assigned(member):
            if self.owners.get(place) == member.member_id:
                del self.owners[place]

    return [(ConsumerGroup, "_claim", claim), (ConsumerGroup, "_release", release)]


def _assigned(member: Any) -> list[Any]:
    return [(topic, number) for topic, found in member.assigned.items() for number in found]


def _takes_away() -> list[Patch]:
    from minikafka.groups import reconciling

    return [(reconciling._Step, "still_owns", lambda self, partitions: False)]


def _lets_any_epoch_commit() -> list[Patch]:
    from minikafka.groups import consumer_group

    return [(consumer_group, "_check_epoch", lambda member, received: None)]


def _waits_for_revocations_for_ever() -> list[Patch]:
    from minikafka.groups import consumer_change

    return [(consumer_change, "expect_revocation", lambda table, group_id, member, now: None)]


def _fences_once() -> list[Patch]:
    from minikafka.groups.timers import Timers

    return [(Timers, "schedule_until_taken", Timers.schedule)]


def _does_not_hear_heartbeats() -> list[Patch]:
    from minikafka.groups import consumer_heartbeat
    from minikafka.groups.consumer_leaving import expect_consumer as real

    def expect_consumer(
        table: Any, group_id: str, member_id: str, now: Any, timeout_ms: int | None = None
    ) -> None:
        if not table.timers.is_set(("session", group_id, member_id)):
            real(table, group_id, member_id, now, timeout_ms)

    return [(consumer_heartbeat, "expect_consumer", expect_consumer)]


def _consumers(
    name: str,
    caught_by: tuple[str, ...],
    patches: Any,
    kinds: tuple[str, ...] = (),
    **more: Any,
) -> Mutation:
    return Mutation(
        name,
        caught_by,
        patches,
        kinds,
        profile="groups",
        groups=True,
        protocol="consumer",
        **{"ancestor": "KIP-848", **more},
    )


CONSUMER_MUTATIONS: dict[str, Mutation] = {
    "M80": _consumers(
        "a partition is granted before its former owner has given it up",
        ("G5",),
        _grants_what_is_to_be_given_up,
        ("member_kill", "member_pause"),
    ),
    "revocation-unawaited": _consumers(
        "what is to be given up counts as given up",
        ("G5",),
        _takes_away,
        ("member_kill", "member_pause"),
    ),
    "revocation-unbounded": _consumers(
        "who does not give up what it has to keeps it",
        ("L7",),
        _waits_for_revocations_for_ever,
        ("member_kill",),
    ),
    "stale-epoch-commits": _consumers(
        "a member commits in whatever epoch it says",
        ("G3",),
        _lets_any_epoch_commit,
        ("member_pause", "member_kill"),
    ),
    "member-told-early": _consumers(
        "a member is told of an epoch once the coordinator has written it",
        ("G10", "G4"),
        answers_before_committing,
        ancestor="what acks=all says",
    ),
    "consumer-unheard": _consumers(
        "heartbeats of the consumer protocol do not prolong a session",
        ("G6",),
        _does_not_hear_heartbeats,
    ),
    "fencing-once": _consumers(
        "a silent member stays if the log does not take its removal at once",
        ("L7",),
        _fences_once,
        ("member_kill", "isolate", "kill"),
        config={"min.insync.replicas": 3, "replica.lag.time.max.ms": 2_000},
        ancestor="CoordinatorTimer, retry",
    ),
}
"""By id."""
