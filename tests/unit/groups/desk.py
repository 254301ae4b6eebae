"""A group coordinator with a log that takes everything, and consumers that speak to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from minikafka.base.deferred import Deferred
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.seeds import Seeds
from minikafka.groups.classic import ClassicGroup
from minikafka.groups.commands import (
    CommitOffsets,
    Decision,
    GroupProtocol,
    Heartbeat,
    JoinAnswer,
    JoinGroup,
    LeaveGroup,
    LeavingMember,
    Moment,
    OffsetToCommit,
    SyncAnswer,
    SyncGroup,
)
from minikafka.groups.consumer_limits import ConsumerLimits
from minikafka.groups.coordinator import GroupCoordinator
from minikafka.groups.records import GroupRecord, decode_record, encode_record
from minikafka.groups.table import GroupLimits

__all__ = [
    "DELAY_MS",
    "EPOCH_MS",
    "LIMITS",
    "REBALANCE_MS",
    "SESSION_MS",
    "Desk",
    "protocols",
    "subscription",
]

T = TypeVar("T")

EPOCH_MS = 1_700_000_000_000
DELAY_MS = 100
SESSION_MS = 10_000
REBALANCE_MS = 60_000
CONSUMER_LIMITS = ConsumerLimits(
    session_timeout_ms=45_000,
    heartbeat_interval_ms=5_000,
    max_size=100,
    assignors=("uniform", "range"),
    upgrades=True,
    downgrades=True,
    regex_refresh_interval_ms=600_000,
)
LIMITS = GroupLimits(
    group_initial_rebalance_delay_ms=DELAY_MS,
    group_max_size=100,
    offset_metadata_max_bytes=8,
    offsets_retention_ms=1_000_000,
    offsets_retention_check_interval_ms=600_000,
    consumer=CONSUMER_LIMITS,
)


def subscription(*topics: str) -> bytes:
    """Return what a consumer says of its topics: ConsumerProtocolSubscription, version 0."""
    names = b"".join(len(topic).to_bytes(2) + topic.encode() for topic in topics)
    return b"\0\0" + len(topics).to_bytes(4) + names + b"\xff\xff\xff\xff"


def protocols(*names: str, topics: tuple[str, ...] = ("t",)) -> tuple[GroupProtocol, ...]:
    """Return protocols of these names, in this order."""
    return tuple(GroupProtocol(name, subscription(*topics)) for name in names)


def _through_bytes(records: Iterable[GroupRecord]) -> list[GroupRecord]:
    """Return records as whoever reads the log sees them."""
    read = []
    for record in records:
        found = decode_record(*encode_record(record))
        assert found is not None
        read.append(found)
    return read


class Desk:
    """One coordinator; records are written at once, and committed unless `held`.

    Attributes:
        log: all records written, through their bytes.
        refuse: what an append is refused with, None to take it.
    """

    def __init__(self, limits: GroupLimits = LIMITS, **changes: Any) -> None:
        self.limits = replace(limits, **changes)
        self.now_ms = 0
        self.log: list[GroupRecord] = []
        self.held = False
        self.refuse: ErrorCode | None = None
        self._waiting: list[Callable[[ErrorCode], None]] = []
        self._terms = 0
        self.coordinator = self._begin()

    def _begin(self) -> GroupCoordinator:
        self._terms += 1
        coordinator = GroupCoordinator(self.limits, Seeds(f"desk:{self._terms}"))
        coordinator.replay(self.log)
        coordinator.commit(self.log)
        coordinator.loaded(self.now)
        return coordinator

    def fail_over(self) -> None:
        """Let another broker coordinate, from the log."""
        self.coordinator.unload(ErrorCode.NOT_COORDINATOR)
        self._waiting.clear()
        self.coordinator = self._begin()

    @property
    def now(self) -> Moment:
        """The present."""
        return Moment(self.now_ms, EPOCH_MS + self.now_ms)

    def group(self, group_id: str = "g") -> ClassicGroup:
        """Return a group that is there."""
        group = self.coordinator.group(group_id)
        assert group is not None
        return group

    def state(self, group_id: str = "g") -> str:
        """Return a group's state by Kafka's name."""
        return self.group(group_id).state.value

    def carry_out(self, decision: Decision[T]) -> T:
        """Write, replay and commit the records of a decision, return its answer."""
        settled = decision.settled or (lambda error, now: None)
        if decision.records and self.refuse is not None:
            settled(self.refuse, self.now)
            raise KafkaError(self.refuse)
        records = _through_bytes(decision.records)
        self.log += records
        if decision.settled is None or decision.replays:
            self.coordinator.replay(records)

        def settle(error: ErrorCode) -> None:
            if error is ErrorCode.NONE:
                self.coordinator.commit(records)
            settled(error, self.now)
            self.coordinator.check_invariants()

        if self.held and records:
            self._waiting.append(settle)
        else:
            settle(ErrorCode.NONE)
        return decision.result

    def settle(self, error: ErrorCode = ErrorCode.NONE) -> None:
        """Let all that is held be committed, or fail."""
        waiting, self._waiting = self._waiting, []
        for settle in waiting:
            settle(error)

    def advance(self, ms: int) -> None:
        """Let time pass, and what is due happen when it is due."""
        end_ms = self.now_ms + ms
        while True:
            due_ms = self.coordinator.next_deadline_ms()
            if due_ms is None or due_ms > end_ms:
                break
            self.now_ms = max(self.now_ms, due_ms)
            decision = self.coordinator.tick(self.now)
            if decision is not None:
                self.carry_out(decision)
        self.now_ms = end_ms

    # what consumers do

    def join(
        self,
        member_id: str = "",
        *,
        group_id: str = "g",
        instance_id: str | None = None,
        client_id: str = "c",
        session_ms: int = SESSION_MS,
        rebalance_ms: int = REBALANCE_MS,
        protocol_type: str = "consumer",
        speaks: tuple[GroupProtocol, ...] | None = None,
        requires_id: bool = False,
        skips: bool = False,
    ) -> Deferred[JoinAnswer]:
        """Send JoinGroup."""
        answer: Deferred[JoinAnswer] = Deferred()
        command = JoinGroup(
            group_id,
            member_id,
            instance_id,
            client_id,
            "/10.0.0.1",
            session_ms,
            rebalance_ms,
            protocol_type,
            protocols("range") if speaks is None else speaks,
            requires_id,
            skips,
        )
        try:
            self.carry_out(self.coordinator.join_group(command, answer, self.now))
        except KafkaError:
            assert self.refuse is not None
        return answer

    def sync(
        self, joined: JoinAnswer, *, instance_id: str | None = None, **assignments: bytes
    ) -> Deferred[SyncAnswer]:
        """Send SyncGroup; the leader gives everybody `a<member>` unless told otherwise."""
        answer: Deferred[SyncAnswer] = Deferred()
        sent = tuple(assignments.items()) or tuple(
            (each.member_id, b"a" + each.member_id.encode()) for each in joined.members
        )
        command = SyncGroup(
            "g",
            joined.generation_id,
            joined.member_id,
            instance_id,
            joined.protocol_type,
            joined.protocol_name,
            sent,
        )
        try:
            self.carry_out(self.coordinator.sync_group(command, answer, self.now))
        except KafkaError:
            assert self.refuse is not None
        return answer

    def heartbeat(
        self,
        joined: JoinAnswer,
        *,
        instance_id: str | None = None,
        generation: int | None = None,
    ) -> ErrorCode:
        """Send Heartbeat."""
        generation_id = joined.generation_id if generation is None else generation
        command = Heartbeat("g", generation_id, joined.member_id, instance_id)
        try:
            return self.carry_out(self.coordinator.heartbeat(command, self.now))
        except KafkaError as error:
            return error.code

    def leave(self, *members: LeavingMember) -> tuple[ErrorCode, ...]:
        """Send LeaveGroup."""
        return self.carry_out(self.coordinator.leave_group(LeaveGroup("g", members), self.now))

    def commit(
        self,
        offset: int,
        joined: JoinAnswer | None = None,
        *,
        topic: str = "t",
        generation: int | None = None,
        group_id: str = "g",
        metadata: str | None = None,
        retention_ms: int = -1,
        instance_id: str | None = None,
    ) -> ErrorCode:
        """Send OffsetCommit for partition 0; without a member as anybody."""
        member_id, generation_id = "", -1
        if joined is not None:
            member_id, generation_id = joined.member_id, joined.generation_id
        command = CommitOffsets(
            group_id,
            generation_id if generation is None else generation,
            member_id,
            instance_id,
            (OffsetToCommit(topic, 0, offset, 3, metadata),),
            retention_ms,
        )
        try:
            [result] = self.carry_out(self.coordinator.commit_offsets(command, self.now))
        except KafkaError as error:
            return error.code
        return result.error

    def committed(self, topic: str = "t", group_id: str = "g") -> int | None:
        """Return what OffsetFetch would show of partition 0."""
        value = self.coordinator.committed(group_id).get((topic, 0))
        return None if value is None else value.offset

    # whole stories

    def join_all(self, *members: str | None, **options: Any) -> list[JoinAnswer]:
        """Let a new group come together: instance ids, or None for dynamic members."""
        waiting = [
            self.join(instance_id=each, client_id=f"c{number}", **options)
            for number, each in enumerate(members)
        ]
        self.advance(3 * DELAY_MS)
        answers = [each.result() for each in waiting]
        assert all(answer.error == ErrorCode.NONE for answer in answers)
        return answers

    def stable(self, *members: str | None, **options: Any) -> list[JoinAnswer]:
        """Let a new group come to rest, every session just begun; return what each was told."""
        joined = self.join_all(*members, **options)
        waiting = [self.sync(each) for each in joined]
        assert all(each.result().error == ErrorCode.NONE for each in waiting)
        assert all(self.heartbeat(each) == ErrorCode.NONE for each in joined)
        assert self.state() == "Stable"
        return joined
