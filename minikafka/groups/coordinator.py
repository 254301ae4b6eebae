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

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from minikafka.base.deferred import Deferred
from minikafka.base.errors import BrokerBug, ErrorCode, KafkaError
from minikafka.base.ids import TopicId, TopicPartition
from minikafka.base.seeds import Seeds
from minikafka.groups import deleting, joining, leaving, mixed, offsets, syncing
from minikafka.groups.classic import CONSUMER_PROTOCOL_TYPE, ClassicGroup
from minikafka.groups.commands import (
    NOTHING,
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
from minikafka.groups.consumer_commands import (
    ConsumerHeartbeat,
    ConsumerHeartbeatAnswer,
    DescribedConsumerGroup,
)
from minikafka.groups.consumer_group import ConsumerGroup, replay_consumer_record
from minikafka.groups.consumer_heartbeat import consumer_heartbeat
from minikafka.groups.consumer_leaving import resume
from minikafka.groups.consumer_limits import GroupTimes
from minikafka.groups.consumer_records import CONSUMER_RECORDS, ConsumerRecord
from minikafka.groups.describing import described_consumer_group
from minikafka.groups.offsets import OffsetTable, committed_at_ms
from minikafka.groups.rebalance import expect_heartbeat, prepare_rebalance
from minikafka.groups.records import (
    OFFSET_RECORDS,
    CommittedOffset,
    GroupMetadata,
    GroupRecord,
)
from minikafka.groups.share_commands import (
    DescribedShareGroup,
    ShareHeartbeat,
    ShareHeartbeatAnswer,
)
from minikafka.groups.share_coordination import (
    described_share_group,
    listed_share_groups,
    share_topics_removed,
)
from minikafka.groups.share_group import ShareGroup, replay_share_record
from minikafka.groups.share_heartbeat import expect_share_member, share_heartbeat
from minikafka.groups.share_records import SHARE_RECORDS
from minikafka.groups.states import GroupState
from minikafka.groups.table import GroupLimits, GroupTable
from minikafka.groups.topics import Topics

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
        self.table = self._table = GroupTable(limits, seeds)
        self._written = OffsetTable()
        self._committed = OffsetTable()
        self.hear: Callable[[Command, Moment], None] | None = None
        self._committed_consumers: dict[str, ConsumerGroup] = {}
        self._committed_shares: dict[str, ShareGroup] = {}

    # --- the log ---------------------------------------------------------------------------

    def replay(self, records: Iterable[GroupRecord]) -> None:
        """Take written records over; the later one in the log wins (M76)."""
        groups = self._table.groups
        for record in records:
            if isinstance(record, OFFSET_RECORDS):
                for group_id in self._written.replay(record):
                    # Who commits without being a member makes a group that only holds offsets.
                    if not self._table.is_known(group_id):
                        groups[group_id] = ClassicGroup(group_id, committed_at_ms(record))
            elif isinstance(record, CONSUMER_RECORDS):
                self._replay_consumer(record)
            elif isinstance(record, SHARE_RECORDS):
                replay_share_record(self._table.shares, record)
            else:
                self._replay_group(record)

    def _replay_group(self, record: GroupMetadata) -> None:
        former = self._table.groups.get(record.group_id)
        self._table.drop(record.group_id)
        if record.value is not None:
            self._table.consumers.pop(record.group_id, None)
            self._table.groups[record.group_id] = ClassicGroup.load(
                record.group_id, record.value
            )
        elif former is not None:
            former.transition_to(GroupState.DEAD, former.state_timestamp_ms)

    def _replay_consumer(self, record: ConsumerRecord) -> None:
        classic = self._table.groups.get(record.group_id)
        if classic is not None and record.value is not None:
            # One that only holds offsets has no record of its own that would delete it.
            if classic.members or classic.protocol_type is not None:
                raise BrokerBug(f"{record.group_id} is a group of both protocols")
            self._table.drop(record.group_id)
        replay_consumer_record(self._table.consumers, record)

    def commit(self, records: Iterable[GroupRecord]) -> None:
        """Let committed records be seen, in the order of the log."""
        for record in records:
            if isinstance(record, OFFSET_RECORDS):
                self._committed.replay(record)
            elif isinstance(record, CONSUMER_RECORDS):
                replay_consumer_record(self._committed_consumers, record)
            elif isinstance(record, SHARE_RECORDS):
                replay_share_record(self._committed_shares, record)

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
        for consumers in self._table.consumers.values():
            resume(self._table, consumers, now)
        for shares in self._table.shares.values():
            for member_id in shares.members:
                expect_share_member(self._table, shares.group_id, member_id, now)

    def on_times(self, times: Mapping[str, GroupTimes]) -> None:
        """Follow the configs of groups that set their own; others have the broker's."""
        self._table.times = times

    def on_topics(self, topics: Topics, changed: Iterable[str]) -> None:
        """See the topics as they are now; who is subscribed to a changed one looks again."""
        self._table.see_topics(topics, changed)

    def unload(self, error: ErrorCode) -> None:
        """Be coordinator no longer: whoever waits is told to look elsewhere."""
        self._table.timers.clear()
        groups, self._table.groups = self._table.groups, {}
        self._table.consumers.clear()
        self._table.shares.clear()
        self._committed_consumers.clear()
        self._committed_shares.clear()
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
        """Let a consumer into a group; see `joining.join_group`, `mixed.join_mixed`."""
        return self._heard(command, now, self._join(command, answer, now))

    def _join(
        self, command: JoinGroup, answer: Deferred[JoinAnswer], now: Moment
    ) -> Decision[None]:
        group = self._table.consumers.get(command.group_id)
        if group is None:
            return joining.join_group(self._table, command, answer, now)
        if group.members:
            return mixed.join_mixed(self._table, group, command, answer, now)
        if command.member_id != UNKNOWN_MEMBER:
            answer.set(JoinAnswer(ErrorCode.UNKNOWN_MEMBER_ID, command.member_id))
            return NOTHING
        # A group without members is whatever the first one takes it for.
        del self._table.consumers[command.group_id]
        decision = joining.join_group(self._table, command, answer, now)
        return replace(decision, records=(*group.tombstones(), *decision.records))

    def sync_group(
        self, command: SyncGroup, answer: Deferred[SyncAnswer], now: Moment
    ) -> Decision[None]:
        """Give a member its assignment; see `syncing.sync_group`, `mixed.sync_mixed`."""
        group = self._table.consumers.get(command.group_id)
        if group is not None:
            decision = mixed.sync_mixed(self._table, group, command, answer, now)
        else:
            decision = syncing.sync_group(self._table, command, answer, now)
        return self._heard(command, now, decision)

    def heartbeat(self, command: Heartbeat, now: Moment) -> Decision[ErrorCode]:
        """Prolong a member's session; see `syncing.heartbeat`, `mixed.heartbeat_mixed`."""
        group = self._table.consumers.get(command.group_id)
        if group is not None:
            decision = mixed.heartbeat_mixed(self._table, group, command, now)
        else:
            decision = syncing.heartbeat(self._table, command, now)
        return self._heard(command, now, decision)

    def leave_group(self, command: LeaveGroup, now: Moment) -> Decision[tuple[ErrorCode, ...]]:
        """Let members go; see `leaving.leave_group`, `mixed.leave_mixed`."""
        group = self._table.consumers.get(command.group_id)
        if group is not None:
            decision = mixed.leave_mixed(self._table, group, command, now)
        else:
            decision = leaving.leave_group(self._table, command, now)
        return self._heard(command, now, decision)

    def _heard(self, command: Command, now: Moment, decision: Decision[T]) -> Decision[T]:
        if self.hear is not None:
            self.hear(command, now)
        return decision

    def consumer_heartbeat(
        self, command: ConsumerHeartbeat, now: Moment
    ) -> Decision[ConsumerHeartbeatAnswer]:
        """All that a member of the consumer protocol does; see `consumer_heartbeat`."""
        return self._heard(command, now, consumer_heartbeat(self._table, command, now))

    def share_heartbeat(
        self, command: ShareHeartbeat, now: Moment
    ) -> Decision[ShareHeartbeatAnswer]:
        """All that a member of a share group does; see `share_heartbeat`."""
        return share_heartbeat(self._table, command, now)

    # --- offsets ---------------------------------------------------------------------------

    def commit_offsets(
        self, command: CommitOffsets, now: Moment
    ) -> Decision[tuple[PartitionResult, ...]]:
        """Write down how far a group has come; see `offsets.commit_offsets`."""
        return self._heard(command, now, offsets.commit_offsets(self._table, command, now))

    def committed(self, group_id: str) -> Mapping[TopicPartition, CommittedOffset]:
        """Return the offsets of a group that are committed; none of a group that is unknown."""
        return self._committed.of_group(group_id)

    def unstable(self, group_id: str) -> Collection[TopicPartition]:
        """Return the partitions of which a transaction that goes on has an offset (KIP-447)."""
        return self._written.unstable(group_id)

    def check_fetch(self, group_id: str, member_id: str | None, member_epoch: int) -> None:
        """Let members ask for offsets in their epoch; see `ConsumerGroup.check_fetch`."""
        group = self._committed_consumers.get(group_id)
        if group is not None:
            group.check_fetch(member_id, member_epoch)

    def delete_offsets(
        self, group_id: str, partitions: Sequence[TopicPartition]
    ) -> Decision[tuple[PartitionResult, ...]]:
        """Delete some offsets of a group; see `offsets.delete_offsets`."""
        return offsets.delete_offsets(self._table, self._written, group_id, partitions)

    def topics_removed(
        self, topics: Sequence[str], topic_ids: Sequence[TopicId] = ()
    ) -> Decision[None]:
        """Delete what groups have committed for topics that are gone, and forget their state."""
        records: tuple[GroupRecord, ...] = self._written.of_topics(topics)
        shares = share_topics_removed(self._table.shares.values(), topic_ids)
        return Decision((*records, *shares), None)

    # --- groups ----------------------------------------------------------------------------

    def delete_groups(
        self, group_ids: Sequence[str]
    ) -> Decision[tuple[tuple[str, ErrorCode], ...]]:
        """Delete groups without members, with their offsets; see `deleting.delete_groups`."""
        return deleting.delete_groups(self._table, self._written, group_ids)

    def list_groups(self) -> tuple[ListedGroup, ...]:
        """Return every group."""
        return (
            *(group.listed() for group in self._table.groups.values()),
            *(
                ListedGroup(group_id, CONSUMER_PROTOCOL_TYPE, group.state.value, "consumer")
                for group_id, group in self._committed_consumers.items()
                if group_id not in self._table.groups
            ),
            *listed_share_groups(self._committed_shares),
        )

    def describe_group(self, group_id: str) -> DescribedGroup:
        """Return a group for people; raises KafkaError GROUP_ID_NOT_FOUND."""
        group = self._table.groups.get(group_id)
        if group is None:
            other = f"Group {group_id} is not a classic group."
            missing = f"Group {group_id} not found."
            known = group_id in self._committed_consumers
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, other if known else missing)
        return group.described()

    def groups(self) -> tuple[ClassicGroup, ...]:
        """Return every group to look at; not to be changed."""
        return tuple(self._table.groups.values())

    def offsets(self) -> dict[tuple[str, TopicPartition], CommittedOffset]:
        """Return every offset that is written, committed or not, to look at."""
        return self._written.all()

    def describe_consumer_group(self, group_id: str) -> DescribedConsumerGroup:
        """Return a group of the consumer protocol; raises KafkaError GROUP_ID_NOT_FOUND."""
        group = self._committed_consumers.get(group_id)
        if group is None:
            other = f"Group {group_id} is not a consumer group."
            missing = f"Group {group_id} not found."
            known = self._table.is_known(group_id)
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, other if known else missing)
        return described_consumer_group(group, self._table.limits.consumer.assignors[0])

    def describe_share_group(self, group_id: str) -> DescribedShareGroup:
        """Return a share group; raises KafkaError GROUP_ID_NOT_FOUND."""
        known = self._table.is_known(group_id)
        return described_share_group(self._committed_shares, group_id, is_other=known)

    def group(self, group_id: str) -> ClassicGroup | None:
        """Return a group to look at, or None; not to be changed."""
        return self._table.groups.get(group_id)

    def consumer_group(self, group_id: str) -> ConsumerGroup | None:
        """Return a group of the consumer protocol to look at, or None; not to be changed."""
        return self._table.consumers.get(group_id)

    # --- retention -------------------------------------------------------------------------

    def _schedule_cleanup(self, now: Moment) -> None:
        deadline_ms = now.ms + self._table.limits.offsets_retention_check_interval_ms
        self._table.timers.schedule(_CLEANUP, deadline_ms, self._cleanup)

    def _cleanup(self, now: Moment) -> Decision[None]:
        """Delete offsets that have expired, and groups that have neither members nor offsets."""
        self._schedule_cleanup(now)
        return deleting.delete_expired(self._table, self._written, now)

    def check_invariants(self) -> None:
        """Assert what must hold between two commands."""
        for group_id, group in self._table.groups.items():
            if group.group_id != group_id:
                raise BrokerBug(f"group {group.group_id} stands under {group_id}")
            group.check_invariants()
        for group_id, consumers in self._table.consumers.items():
            if group_id in self._table.groups:
                raise BrokerBug(f"group {group_id} is there twice")
            consumers.check_invariants()
        for shares in self._table.shares.values():
            shares.check_invariants()
