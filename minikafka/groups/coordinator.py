"""The coordinator of the groups that one partition of `__consumer_offsets` holds.

Pure: commands, time and chance come in, decisions go out. The caller appends a decision's records
to the partition; then it hands them back, to `replay`, unless the decision is `settled` instead;
and once they are committed it says so, to `commit` and to `settled`. What waits for other members
is given through the `Deferred` that came with the command. Knows neither the log nor the broker.
Counterpart: GroupCoordinatorShard, GroupMetadataManager, OffsetMetadataManager. KIP-62, KIP-211.

Two folds of the log are kept of the offsets: of all that is written, for decisions; and of what is
committed, for who asks. So nobody reads an offset that a failover could take back (G4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from minikafka.base.deferred import Deferred
from minikafka.base.errors import BrokerBug, ErrorCode, KafkaError
from minikafka.base.ids import TopicPartition
from minikafka.base.seeds import Seeds
from minikafka.groups import joining, leaving, offsets, syncing
from minikafka.groups.classic import ClassicGroup
from minikafka.groups.commands import (
    UNKNOWN_MEMBER,
    Command,
    CommitOffsets,
    Decision,
    DescribedGroup,
    Heartbeat,
    JoinAnswer,
    JoinGroup,
    LeaveGroup,
    ListedGroup,
    Moment,
    PartitionResult,
    SyncAnswer,
    SyncGroup,
)
from minikafka.groups.offsets import OffsetTable
from minikafka.groups.rebalance import expect_heartbeat, prepare_rebalance
from minikafka.groups.records import (
    CommittedOffset,
    GroupMetadata,
    GroupRecord,
    OffsetCommitted,
)
from minikafka.groups.states import GroupState
from minikafka.groups.table import GroupLimits, GroupTable

__all__ = ["GroupCoordinator"]

T = TypeVar("T")

_CLEANUP = ("cleanup",)


class GroupCoordinator:
    """The groups of one partition.

    Args:
        limits: the broker's configs.
        seeds: of this partition and of this term as coordinator, so that no member id comes
            twice.

    Attributes:
        hear: called with each command of a member that is not refused; None for nobody.
    """

    def __init__(self, limits: GroupLimits, seeds: Seeds) -> None:
        self._table = GroupTable(limits, seeds)
        self._written = OffsetTable()
        self._committed = OffsetTable()
        self.hear: Callable[[Command, Moment], None] | None = None

    # --- the log ---------------------------------------------------------------------------

    def replay(self, records: Iterable[GroupRecord]) -> None:
        """Take written records over; the later one in the log wins (M76)."""
        groups = self._table.groups
        for record in records:
            if isinstance(record, OffsetCommitted):
                if record.value is not None and record.group_id not in groups:
                    # Who commits without being a member makes a group that only holds offsets.
                    stamp_ms = record.value.commit_timestamp_ms
                    groups[record.group_id] = ClassicGroup(record.group_id, stamp_ms)
                self._written.replay(record)
            else:
                self._replay_group(record)

    def _replay_group(self, record: GroupMetadata) -> None:
        former = self._table.groups.get(record.group_id)
        self._table.drop(record.group_id)
        if record.value is not None:
            self._table.groups[record.group_id] = ClassicGroup.load(
                record.group_id, record.value
            )
        elif former is not None:
            former.transition_to(GroupState.DEAD, former.state_timestamp_ms)

    def commit(self, records: Iterable[GroupRecord]) -> None:
        """Let committed records be seen, in the order of the log."""
        for record in records:
            if isinstance(record, OffsetCommitted):
                self._committed.replay(record)

    def loaded(self, now: Moment) -> None:
        """Begin, with the log replayed: every member gets a fresh session.

        Groups over group.max.size rebalance: members commit, and the last to join are out.
        """
        self._schedule_cleanup(now)
        for group in tuple(self._table.groups.values()):
            for member in group.members.values():
                expect_heartbeat(self._table, group, member, now)
            if len(group.members) > self._table.limits.group_max_size:
                waiting = prepare_rebalance(self._table, group, now)
                assert not waiting.records, "members have to join first"

    def unload(self, error: ErrorCode) -> None:
        """Be coordinator no longer: whoever waits is told to look elsewhere."""
        self._table.timers.clear()
        groups, self._table.groups = self._table.groups, {}
        for group in groups.values():
            for member in group.members.values():
                member.complete_join(JoinAnswer(error, UNKNOWN_MEMBER))
                member.complete_sync(SyncAnswer(error))
            if group.state is not GroupState.DEAD:
                group.transition_to(GroupState.DEAD, group.state_timestamp_ms)

    # --- time ------------------------------------------------------------------------------

    def next_deadline_ms(self) -> int | None:
        """Return when `tick` is needed at the latest; None while there is nothing to wait for."""
        return self._table.timers.next_deadline_ms()

    def tick(self, now: Moment) -> Decision[None] | None:
        """Do the first thing that is due; None where nothing is. Call again until then."""
        action = self._table.timers.take_due(now.ms)
        return None if action is None else action(now)

    # --- members ---------------------------------------------------------------------------

    def join_group(
        self, command: JoinGroup, answer: Deferred[JoinAnswer], now: Moment
    ) -> Decision[None]:
        """Let a consumer into a group; see `joining.join_group`."""
        decision = joining.join_group(self._table, command, answer, now)
        return self._heard(command, now, decision)

    def sync_group(
        self, command: SyncGroup, answer: Deferred[SyncAnswer], now: Moment
    ) -> Decision[None]:
        """Give a member its assignment; see `syncing.sync_group`."""
        decision = syncing.sync_group(self._table, command, answer, now)
        return self._heard(command, now, decision)

    def heartbeat(self, command: Heartbeat, now: Moment) -> Decision[ErrorCode]:
        """Prolong a member's session; see `syncing.heartbeat`."""
        return self._heard(command, now, syncing.heartbeat(self._table, command, now))

    def leave_group(self, command: LeaveGroup, now: Moment) -> Decision[tuple[ErrorCode, ...]]:
        """Let members go; see `leaving.leave_group`."""
        return self._heard(command, now, leaving.leave_group(self._table, command, now))

    def _heard(self, command: Command, now: Moment, decision: Decision[T]) -> Decision[T]:
        if self.hear is not None:
            self.hear(command, now)
        return decision

    # --- offsets ---------------------------------------------------------------------------

    def commit_offsets(
        self, command: CommitOffsets, now: Moment
    ) -> Decision[tuple[PartitionResult, ...]]:
        """Write down how far a group has come; see `offsets.commit_offsets`."""
        return self._heard(command, now, offsets.commit_offsets(self._table, command, now))

    def committed(self, group_id: str) -> Mapping[TopicPartition, CommittedOffset]:
        """Return the offsets of a group that are committed; none of a group that is unknown."""
        return self._committed.of_group(group_id)

    def delete_offsets(
        self, group_id: str, partitions: Sequence[TopicPartition]
    ) -> Decision[tuple[PartitionResult, ...]]:
        """Delete some offsets of a group; see `offsets.delete_offsets`."""
        return offsets.delete_offsets(self._table, self._written, group_id, partitions)

    def topics_removed(self, topics: Sequence[str]) -> Decision[None]:
        """Delete what groups have committed for topics that are gone."""
        records = tuple(
            OffsetCommitted(group_id, topic, partition, None)
            for group_id in self._written
            for topic, partition in self._written.of_group(group_id)
            if topic in topics
        )
        return Decision(records, None)

    # --- groups ----------------------------------------------------------------------------

    def delete_groups(
        self, group_ids: Sequence[str]
    ) -> Decision[tuple[tuple[str, ErrorCode], ...]]:
        """Delete groups without members, with their offsets (KIP-229)."""
        results: list[tuple[str, ErrorCode]] = []
        records: list[GroupRecord] = []
        for group_id in dict.fromkeys(group_ids):
            group = self._table.groups.get(group_id)
            if group is None:
                error = ErrorCode.GROUP_ID_NOT_FOUND
            elif group.state is not GroupState.EMPTY:
                error = ErrorCode.NON_EMPTY_GROUP
            else:
                error = ErrorCode.NONE
                records += offsets.tombstones(self._written, group_id)
                records.append(GroupMetadata(group_id, None))
            results.append((group_id, error))
        return Decision(tuple(records), tuple(results))

    def list_groups(self) -> tuple[ListedGroup, ...]:
        """Return every group."""
        return tuple(group.listed() for group in self._table.groups.values())

    def describe_group(self, group_id: str) -> DescribedGroup:
        """Return a group for people; raises KafkaError GROUP_ID_NOT_FOUND."""
        group = self._table.groups.get(group_id)
        if group is None:
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} not found.")
        return group.described()

    def groups(self) -> tuple[ClassicGroup, ...]:
        """Return every group to look at; not to be changed."""
        return tuple(self._table.groups.values())

    def offsets(self) -> dict[tuple[str, TopicPartition], CommittedOffset]:
        """Return every offset that is written, committed or not, to look at."""
        return {
            (group_id, partition): value
            for group_id in self._written
            for partition, value in self._written.of_group(group_id).items()
        }

    def group(self, group_id: str) -> ClassicGroup | None:
        """Return a group to look at, or None; not to be changed."""
        return self._table.groups.get(group_id)

    # --- retention -------------------------------------------------------------------------

    def _schedule_cleanup(self, now: Moment) -> None:
        deadline_ms = now.ms + self._table.limits.offsets_retention_check_interval_ms
        self._table.timers.schedule(_CLEANUP, deadline_ms, self._cleanup)

    def _cleanup(self, now: Moment) -> Decision[None]:
        """Delete offsets that have expired, and groups that have neither members nor offsets."""
        self._schedule_cleanup(now)
        records: list[GroupRecord] = []
        for group_id, group in self._table.groups.items():
            gone, empty = offsets.expired_offsets(self._table, self._written, group, now)
            records += gone
            if empty and group.state is GroupState.EMPTY:
                records.append(GroupMetadata(group_id, None))
        return Decision(tuple(records), None)

    def check_invariants(self) -> None:
        """Assert what must hold between two commands."""
        for group_id, group in self._table.groups.items():
            if group.group_id != group_id:
                raise BrokerBug(f"group {group.group_id} stands under {group_id}")
            group.check_invariants()
