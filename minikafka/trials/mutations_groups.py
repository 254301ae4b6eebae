"""Planted bugs of consumer groups: of their coordinator, and of the log it stands on.

Those of the consumer protocol are in `mutations_consumers`. There M80 is, a partition granted
before its former owner has given it up; the classic protocol's coordinator does not know what
members give up, and `late-member-stays` is its counterpart here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from minikafka.base.errors import ErrorCode
from minikafka.trials.mutation import Mutation, Patch

__all__ = ["GROUP_MUTATIONS", "answers_before_committing"]


def _loads_generation_0() -> list[Patch]:
    from minikafka.groups.coordinator import GroupCoordinator

    real = GroupCoordinator._replay_group

    def replay_group(self: Any, record: Any) -> None:
        real(self, record)
        group = self.group(record.group_id)
        if group is not None:
            group.generation_id = 0

    return [(GroupCoordinator, "_replay_group", replay_group)]


def _lets_any_generation_commit() -> list[Patch]:
    from minikafka.groups import offsets

    real = offsets.commit_offsets

    def commit_offsets(table: Any, command: Any, now: Any) -> Any:
        group = table.groups.get(command.group_id)
        wanted = command
        if group is not None and group.members and command.generation_id >= 0:
            known = command.member_id in group.members
            member_id = command.member_id if known else next(iter(group.members))
            wanted = replace(
                command,
                member_id=member_id,
                group_instance_id=None,
                generation_id=group.generation_id,
            )
        return real(table, wanted, now)

    return [(offsets, "commit_offsets", commit_offsets)]


def _loads_backwards() -> list[Patch]:
    from minikafka.broker.group_partition import GroupPartition
    from minikafka.log.partition_log import PartitionLog

    real = GroupPartition._load

    def load(self: Any) -> None:
        forwards = PartitionLog.batches
        backwards = lambda log: reversed(list(forwards(log)))  # noqa: E731 - a patch
        PartitionLog.batches = backwards  # type: ignore[method-assign]
        try:
            real(self)
        finally:
            PartitionLog.batches = forwards  # type: ignore[method-assign]

    return [(GroupPartition, "_load", load)]


def _hands_out_former_assignments() -> list[Patch]:
    from minikafka.groups import rebalance, syncing
    from minikafka.groups.commands import NOTHING, SyncAnswer
    from minikafka.groups.states import GroupState

    real = syncing.sync_group

    def sync_group(table: Any, command: Any, answer: Any, now: Any) -> Any:
        group = table.groups.get(command.group_id)
        leader = None if group is None else group.members.get(group.leader)
        if (
            leader is None
            or group.state is not GroupState.COMPLETING_REBALANCE
            or group.leader == command.member_id
            or command.generation_id != group.generation_id
            or not leader.assignment
        ):
            return real(table, command, answer, now)
        group.pending_syncs.pop(command.member_id, None)
        answer.set(
            SyncAnswer(
                ErrorCode.NONE, group.protocol_type, group.protocol_name, leader.assignment
            )
        )
        return NOTHING

    return [
        (syncing, "sync_group", sync_group),
        (rebalance, "reset_assignment", rebalance.send_assignment),
    ]


def _waits_for_assignments_for_ever() -> list[Patch]:
    from minikafka.groups import rebalance

    return [(rebalance, "_schedule_sync", lambda table, group, now: None)]


def _keeps_who_is_late() -> list[Patch]:
    from minikafka.groups import joining, rebalance

    real = rebalance.complete_join_phase

    def complete_join_phase(table: Any, group: Any, now: Any) -> Any:
        late = [each for each in group.members.values() if each.awaiting_join is None]
        decision = real(table, group, now)
        for member in late:
            group.members.setdefault(member.member_id, member)
        return decision

    return [
        (rebalance, "complete_join_phase", complete_join_phase),
        (joining, "complete_join_phase", complete_join_phase),
    ]


def _does_not_hear_heartbeats() -> list[Patch]:
    from minikafka.groups import offsets, syncing

    def expect_heartbeat(
        table: Any, group: Any, member: Any, now: Any, timeout_ms: int | None = None
    ) -> None:
        """Do nothing."""

    return [
        (syncing, "expect_heartbeat", expect_heartbeat),
        (offsets, "expect_heartbeat", expect_heartbeat),
    ]


def _keeps_who_was_replaced() -> list[Patch]:
    from minikafka.groups.classic import ClassicGroup

    real = ClassicGroup.replace_static

    def replace_static(self: Any, instance_id: str, old_id: str, new_id: str) -> Any:
        old = self.members[old_id]
        new = real(self, instance_id, old_id, new_id)
        self.members[old_id] = old
        return new

    return [(ClassicGroup, "replace_static", replace_static)]


def _lets_offsets_of_members_expire() -> list[Patch]:
    from minikafka.groups import offsets
    from minikafka.groups.records import OffsetCommitted

    def expired_offsets(table: Any, known: Any, group: Any, now: Any) -> Any:
        mine = known.of_group(group.group_id)
        gone = tuple(
            OffsetCommitted(group.group_id, topic, partition, None)
            for (topic, partition), value in mine.items()
            if now.timestamp_ms - value.commit_timestamp_ms >= table.limits.offsets_retention_ms
        )
        return gone, len(gone) == len(mine)

    return [(offsets, "expired_offsets", expired_offsets)]


def _tells_leaders_of_some() -> list[Patch]:
    from minikafka.groups import joining, rebalance

    real = rebalance.generation_answer

    def generation_answer(group: Any, member_id: str) -> Any:
        answer = real(group, member_id)
        return replace(answer, members=answer.members[:1])

    return [
        (rebalance, "generation_answer", generation_answer),
        (joining, "generation_answer", generation_answer),
    ]


def _believes_before_writing() -> list[Patch]:
    from minikafka.broker.group_partition import GroupPartition

    real = GroupPartition._append_or_wait

    def append_or_wait(self: Any, decision: Any, answer: Any) -> None:
        if decision.settled is None:
            self.coordinator.commit(decision.records)
        real(self, decision, answer)

    return [(GroupPartition, "_append_or_wait", append_or_wait)]


def answers_before_committing() -> list[Patch]:
    """Return what lets a coordinator answer what it has written and not committed."""
    from minikafka.base.deferred import Deferred
    from minikafka.broker.group_partition import GroupPartition

    real = GroupPartition._wait

    def wait(self: Any, decision: Any, end_offset: int, answer: Any) -> None:
        if decision.records:
            answer.set(decision.result)
            answer = Deferred()
        real(self, decision, end_offset, answer)

    return [(GroupPartition, "_wait", wait)]


def _answers_what_writes_nothing() -> list[Patch]:
    from minikafka.broker.group_partition import GroupPartition

    real = GroupPartition._append_or_wait

    def append_or_wait(self: Any, decision: Any, answer: Any) -> None:
        if decision.records:
            real(self, decision, answer)
        else:
            answer.set(decision.result)

    return [(GroupPartition, "_append_or_wait", append_or_wait)]


GROUP_MUTATIONS: dict[str, Mutation] = {
    "M73": Mutation(
        "a new coordinator begins with generation 0",
        ("G1",),
        _loads_generation_0,
        ("coordinator_kill",),
        ancestor="KIP-62",
        tier=1,
        profile="groups",
        groups=True,
    ),
    "M74": Mutation(
        "whoever commits is taken for a member of the present generation",
        ("G3",),
        _lets_any_generation_commit,
        ("member_pause",),
        ancestor="KAFKA-9823",
        tier=1,
        profile="groups",
        groups=True,
    ),
    "M76": Mutation(
        "a coordinator reads its log so that the first record of a key wins",
        ("G4", "G1"),
        _loads_backwards,
        ("coordinator_kill",),
        ancestor="KAFKA-5600, KAFKA-8069",
        tier=1,
        profile="groups",
        groups=True,
    ),
    "M78": Mutation(
        "who is not kept waiting for its assignment is given what the leader had before",
        ("G2",),
        _hands_out_former_assignments,
        ("member_kill",),
        ancestor="KIP-62",
        profile="groups",
        groups=True,
    ),
    "M79": Mutation(
        "who never asks for its assignment stays",
        ("L7",),
        _waits_for_assignments_for_ever,
        ("mute_leader",),
        ancestor="KAFKA-12890",
        profile="groups",
        groups=True,
    ),
    "late-member-stays": Mutation(
        "who has not joined in time stays a member, with what it had",
        ("G5",),
        _keeps_who_is_late,
        ("member_pause", "member_kill"),
        ancestor="KIP-62",
        profile="groups",
        groups=True,
    ),
    "heartbeat-unheard": Mutation(
        "heartbeats do not prolong a session",
        ("G6",),
        _does_not_hear_heartbeats,
        ("member_pause",),
        ancestor="KIP-62",
        profile="groups",
        groups=True,
    ),
    "replaced-member-stays": Mutation(
        "the former holder of an instance id stays a member",
        ("G7",),
        _keeps_who_was_replaced,
        ("member_kill",),
        ancestor="KIP-345",
        profile="groups",
        groups=True,
    ),
    "offsets-expire": Mutation(
        "offsets expire though members read the topic",
        ("G8",),
        _lets_offsets_of_members_expire,
        ("clock_skew",),
        ancestor="KAFKA-13636, KIP-211",
        config={
            "offsets.retention.minutes": 1,
            "offsets.retention.check.interval.ms": 1_000,
        },
        profile="groups",
        groups=True,
    ),
    "leader-hears-of-one": Mutation(
        "the leader of a group is told of one member alone",
        ("G9",),
        _tells_leaders_of_some,
        ancestor="KIP-62",
        profile="groups",
        groups=True,
    ),
    "offset-before-log": Mutation(
        "an offset is shown before it is in the log",
        ("G4",),
        _believes_before_writing,
        ("coordinator_kill", "coordinator_cut"),
        ancestor="KIP-848",
        profile="groups",
        groups=True,
    ),
    "commit-unawaited": Mutation(
        "a commit is answered once the coordinator has written it",
        ("G4",),
        answers_before_committing,
        ancestor="what acks=all says",
        profile="groups",
        groups=True,
    ),
    "heartbeat-unawaited": Mutation(
        "what writes nothing is answered at once, by what is not committed",
        ("G4",),
        _answers_what_writes_nothing,
        ancestor="KIP-848",
        profile="groups",
        groups=True,
    ),
}
"""By id."""
