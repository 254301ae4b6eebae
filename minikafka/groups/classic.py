"""One group of the classic protocol: its members, its generation, its state.

Holds the facts and keeps them in order; who may join and when a rebalance ends is decided in
`joining`, `rebalance` and `leaving`. Knows neither the log nor time.
Counterpart: org.apache.kafka.coordinator.group.classic.ClassicGroup. KIP-62, KIP-345, KIP-394.

Rules of this file
    Members keep the order in which they came.
    The first one leads, until it is gone or is not there when a rebalance ends.
    A protocol is a candidate where every member supports it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from minikafka.base.deferred import Deferred
from minikafka.base.errors import BrokerBug, ErrorCode, KafkaError
from minikafka.base.ids import NO_TIMESTAMP
from minikafka.groups.commands import (
    UNKNOWN_MEMBER,
    DescribedGroup,
    GroupProtocol,
    JoinAnswer,
    ListedGroup,
    SyncAnswer,
)
from minikafka.groups.members import Member
from minikafka.groups.records import GroupMetadata, StoredGroup
from minikafka.groups.states import PREVIOUS, GroupState
from minikafka.wire.framing import FrameError
from minikafka.wire.primitives import read_legacy_count, read_legacy_string

__all__ = ["CONSUMER_PROTOCOL_TYPE", "ClassicGroup", "subscribed_topics"]

CONSUMER_PROTOCOL_TYPE = "consumer"
"""The protocol type of groups whose subscriptions the coordinator can read."""


class ClassicGroup:
    """A group.

    Attributes:
        generation_id: counts rebalances; a member that lives in an older one is refused.
        protocol_type: None for a group that only holds offsets (a "simple" group).
        protocol_name: what the members have voted for; None before the first generation.
        leader: member id of who computes the assignment.
        state_timestamp_ms: wall-clock time of the last change of `state`; -1 while unknown.
        pending_joins: member ids that were given out and have not joined yet (KIP-394).
        pending_syncs: members of this generation that have not sent SyncGroup yet.
        static_members: member id by group.instance.id (KIP-345).
        new_member_added: somebody came during the initial delay.
    """

    def __init__(self, group_id: str, timestamp_ms: int = NO_TIMESTAMP) -> None:
        self.group_id = group_id
        self.generation_id = 0
        self.protocol_type: str | None = None
        self.protocol_name: str | None = None
        self.leader: str | None = None
        self.state = GroupState.EMPTY
        self.previous_state = GroupState.DEAD
        self.state_timestamp_ms = timestamp_ms
        self.members: dict[str, Member] = {}
        self.static_members: dict[str, str] = {}
        self.pending_joins: dict[str, None] = {}
        self.pending_syncs: dict[str, None] = {}
        self.new_member_added = False
        self.subscribed: tuple[str, ...] | None = None

    @classmethod
    def load(cls, group_id: str, stored: StoredGroup) -> ClassicGroup:
        """Return a group as the log has it: stable, or empty."""
        group = cls(group_id, stored.state_timestamp_ms)
        group.generation_id = stored.generation_id
        group.protocol_type = stored.protocol_type or None
        group.protocol_name = stored.protocol
        group.leader = stored.leader
        for each in stored.members:
            member = Member(
                each.member_id,
                each.group_instance_id,
                each.client_id,
                each.client_host,
                each.rebalance_timeout_ms,
                each.session_timeout_ms,
                stored.protocol_type,
                (GroupProtocol(stored.protocol or "", each.subscription),),
                each.assignment,
            )
            group.members[each.member_id] = member
            if each.group_instance_id is not None:
                group.static_members[each.group_instance_id] = each.member_id
        if group.members:
            group.state = GroupState.STABLE
        group.subscribed = group._subscribed()
        return group

    def record(self, assignment: dict[str, bytes]) -> GroupMetadata:
        """Return the record of the group with this assignment, one for each member."""
        stored = StoredGroup(
            self.protocol_type or "",
            self.generation_id,
            self.protocol_name,
            self.leader,
            self.state_timestamp_ms,
            tuple(
                member.stored(self.protocol_name, assignment[member.member_id])
                for member in self.members.values()
            ),
        )
        return GroupMetadata(self.group_id, stored)

    # --- members ---------------------------------------------------------------------------

    def add(self, member: Member, answer: Deferred[JoinAnswer] | None) -> None:
        """Take a member in; the first one gives the group its type and leads it."""
        instance_id = member.group_instance_id
        if instance_id is not None:
            if instance_id in self.static_members:
                raise BrokerBug(f"{instance_id} is a member of {self.group_id} already")
            self.static_members[instance_id] = member.member_id
        if not self.members:
            self.protocol_type = member.protocol_type
        if self.leader is None:
            self.leader = member.member_id
        self.members[member.member_id] = member
        member.awaiting_join = answer
        self.pending_joins.pop(member.member_id, None)

    def remove(self, member_id: str) -> None:
        """Let a member, or a pending one, be gone; if it led, the next in line leads."""
        member = self.members.pop(member_id, None)
        if member is not None and member.group_instance_id is not None:
            self.static_members.pop(member.group_instance_id, None)
        if self.leader == member_id:
            self.leader = next(iter(self.members), None)
        self.pending_joins.pop(member_id, None)
        self.pending_syncs.pop(member_id, None)

    def replace_static(self, instance_id: str, old_id: str, new_id: str) -> Member:
        """Give a static member a new id; whoever waits under the old one is fenced (KIP-345)."""
        old = self.members[old_id]
        old.complete_join(JoinAnswer(ErrorCode.FENCED_INSTANCE_ID, old_id))
        old.complete_sync(SyncAnswer(ErrorCode.FENCED_INSTANCE_ID))
        new = Member(
            new_id,
            old.group_instance_id,
            old.client_id,
            old.client_host,
            old.rebalance_timeout_ms,
            old.session_timeout_ms,
            old.protocol_type,
            old.protocols,
            old.assignment,
        )
        # In the place of the old one, so that the order of the members stays.
        self.members = {
            (new_id if member_id == old_id else member_id): (
                new if member_id == old_id else member
            )
            for member_id, member in self.members.items()
        }
        if self.leader == old_id:
            self.leader = new_id
        self.static_members[instance_id] = new_id
        return new

    def elect_joined_leader(self) -> bool:
        """Let somebody lead who has joined this rebalance; False where nobody has."""
        if self.leader is None:
            return False
        if self.members[self.leader].awaiting_join is not None:
            return True
        for member in self.members.values():
            if member.awaiting_join is not None:
                self.leader = member.member_id
                return True
        return False

    @property
    def joining_count(self) -> int:
        """How many members wait for their JoinGroup to be answered."""
        return sum(member.awaiting_join is not None for member in self.members.values())

    def has_all_joined(self) -> bool:
        """Say whether the join barrier is reached: all members, and all that were announced."""
        return not self.pending_joins and self.joining_count == len(self.members)

    def rebalance_timeout_ms(self) -> int:
        """Return how long members may take to join: the longest that one of them wants."""
        return max((member.rebalance_timeout_ms for member in self.members.values()), default=0)

    def check_member(self, member_id: str, instance_id: str | None) -> None:
        """Raise KafkaError UNKNOWN_MEMBER_ID, or FENCED_INSTANCE_ID for one that was replaced."""
        if instance_id is not None:
            holder = self.static_members.get(instance_id)
            if holder is None:
                raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
            if holder != member_id:
                raise KafkaError(ErrorCode.FENCED_INSTANCE_ID)
        if member_id not in self.members:
            raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)

    # --- protocols and generations -----------------------------------------------------------

    def supports(self, protocol_type: str, protocols: Sequence[GroupProtocol]) -> bool:
        """Say whether who comes with these has one in common with all members."""
        if self.state is GroupState.EMPTY:
            return bool(protocol_type) and bool(protocols)
        if self.protocol_type != protocol_type:
            return False
        candidates = self._candidates()
        return any(protocol.name in candidates for protocol in protocols)

    def select_protocol(self) -> str:
        """Return the protocol with the most votes; of several the one that was named first."""
        candidates = self._candidates()
        votes: dict[str, int] = {}
        for member in self.members.values():
            choice = member.vote(candidates)
            votes[choice] = votes.get(choice, 0) + 1
        return max(votes, key=lambda name: votes[name])

    def _candidates(self) -> dict[str, None]:
        supported: dict[str, int] = {}
        for member in self.members.values():
            for name in dict.fromkeys(protocol.name for protocol in member.protocols):
                supported[name] = supported.get(name, 0) + 1
        return {name: None for name, count in supported.items() if count == len(self.members)}

    def begin_generation(self, timestamp_ms: int) -> None:
        """The next generation has begun, with a protocol if there is anybody in it (G1)."""
        self.generation_id += 1
        self.protocol_name = self.select_protocol() if self.members else None
        self.subscribed = self._subscribed()
        self.transition_to(
            GroupState.COMPLETING_REBALANCE if self.members else GroupState.EMPTY, timestamp_ms
        )
        self.pending_syncs.clear()

    def transition_to(self, state: GroupState, timestamp_ms: int) -> None:
        """Be in `state` from now on; raises BrokerBug where that cannot follow."""
        if self.state not in PREVIOUS[state]:
            raise BrokerBug(f"group {self.group_id}: {self.state.value} to {state.value}")
        self.previous_state, self.state = self.state, state
        self.state_timestamp_ms = timestamp_ms

    # --- offsets ------------------------------------------------------------------------------

    def check_commit(
        self,
        member_id: str,
        instance_id: str | None,
        generation_id: int,
        *,
        transactional: bool = False,
    ) -> None:
        """Let only the present generation commit, or anybody while the group is empty (G3).

        Args:
            transactional: what is committed counts with the end of a transaction, so it may come
                while a rebalance is about to end (KIP-447).

        Raises:
            KafkaError: UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION,
                REBALANCE_IN_PROGRESS before the assignment is there.
        """
        if generation_id < 0 and self.state is GroupState.EMPTY:
            return
        if generation_id >= 0 or member_id != UNKNOWN_MEMBER or instance_id is not None:
            self.check_member(member_id, instance_id)
            if generation_id != self.generation_id:
                raise KafkaError(ErrorCode.ILLEGAL_GENERATION)
        elif self.state is not GroupState.EMPTY:
            raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
        if self.state is GroupState.COMPLETING_REBALANCE and not transactional:
            raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS)

    def is_subscribed_to(self, topic: str) -> bool:
        """Say whether a member may want the topic; of consumers we cannot read: yes."""
        if self.subscribed is None:
            return self.protocol_type == CONSUMER_PROTOCOL_TYPE
        return topic in self.subscribed

    def _subscribed(self) -> tuple[str, ...] | None:
        if self.protocol_type != CONSUMER_PROTOCOL_TYPE:
            return None
        topics: dict[str, None] = {}
        for member in self.members.values():
            named = subscribed_topics(member.metadata(self.protocol_name))
            if named is None:
                return None
            topics.update(dict.fromkeys(named))
        return tuple(topics)

    # --- looking in -----------------------------------------------------------------------------

    def listed(self) -> ListedGroup:
        """Return the group for a list."""
        return ListedGroup(self.group_id, self.protocol_type or "", self.state.value, "classic")

    def described(self) -> DescribedGroup:
        """Return the group for people; what members subscribe to only while it is stable."""
        protocol = self.protocol_name if self.state is GroupState.STABLE else None
        return DescribedGroup(
            self.group_id,
            self.state.value,
            self.protocol_type or "",
            protocol or "",
            tuple(member.described(protocol) for member in self.members.values()),
        )

    def check_invariants(self) -> None:
        """Assert what must hold between two commands."""
        assert (self.leader in self.members) if self.members else True, self.leader
        for instance_id, member_id in self.static_members.items():
            assert self.members[member_id].group_instance_id == instance_id  # G7
        if self.state is GroupState.STABLE:
            assert self.members and self.protocol_name is not None
        if self.state is GroupState.EMPTY:
            assert not self.members


def subscribed_topics(metadata: bytes) -> tuple[str, ...] | None:
    """Return the topics of a consumer's subscription, None where it cannot be read.

    Every version of ConsumerProtocolSubscription begins with a version and an array of names.
    """
    view = memoryview(metadata)
    try:
        count, position = read_legacy_count(view, 2)
        topics = []
        for _ in range(count):
            topic, position = read_legacy_string(view, position)
            topics.append(topic)
    except (struct.error, IndexError, FrameError):
        return None
    return tuple(topics) if position <= len(view) else None
