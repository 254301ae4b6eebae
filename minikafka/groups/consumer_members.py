"""One member of a consumer group, as an immutable value, and what it owns.

Counterpart: ConsumerGroupMember, MemberState, Assignment. KIP-848.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum

from minikafka.groups.consumer_records import (
    ClassicMember,
    CurrentAssignment,
    MemberMetadata,
    StoredAssignment,
    StoredConsumer,
)
from minikafka.groups.partitions import NO_PARTITIONS, Partitions

__all__ = [
    "JOIN_EPOCH",
    "LEAVE_EPOCH",
    "LEAVE_STATIC_EPOCH",
    "ConsumerMember",
    "MemberState",
]

JOIN_EPOCH = 0
LEAVE_EPOCH = -1
LEAVE_STATIC_EPOCH = -2
"""The epoch of a static member that is away and will be back (KIP-345, KIP-848)."""


class MemberState(IntEnum):
    """How far a member is on its way to its target, by Kafka's numbers."""

    STABLE = 0
    """Has all of its target, in the epoch in `epoch`."""
    UNREVOKED_PARTITIONS = 1
    """Is to give something up, and has not said yet that it has."""
    UNRELEASED_PARTITIONS = 2
    """Has given up what it had to, and waits for others to do so."""
    UNKNOWN = 127
    """Of a newer release."""


@dataclass(frozen=True, slots=True)
class ConsumerMember:
    """A member.

    Attributes:
        epoch: of the group, as far as this member has come; -2 for a static one that is away.
        previous_epoch: the one before; its answer may have been lost on the way.
        topic_names: ascending.
        regex: what it subscribes to besides; "" or None for nothing.
        assigned: what it may read.
        pending_revocation: what it may not read any more, and has not given up yet.
        classic: None unless it speaks the classic protocol.
    """

    member_id: str
    epoch: int = 0
    previous_epoch: int = -1
    state: MemberState = MemberState.STABLE
    instance_id: str | None = None
    rack_id: str | None = None
    rebalance_timeout_ms: int = -1
    client_id: str = ""
    client_host: str = ""
    topic_names: tuple[str, ...] = ()
    regex: str | None = ""
    server_assignor: str | None = None
    assigned: Partitions = field(default_factory=dict)
    pending_revocation: Partitions = field(default_factory=dict)
    classic: ClassicMember | None = None

    def is_reconciled_to(self, assignment_epoch: int) -> bool:
        """Say whether the member has all that was meant for it in that epoch."""
        return self.state is MemberState.STABLE and self.epoch == assignment_epoch

    # --- the log ---------------------------------------------------------------------------

    def metadata_record(self, group_id: str) -> MemberMetadata:
        """Return the record of what the member has said of itself."""
        value = StoredConsumer(
            self.instance_id,
            self.rack_id,
            self.client_id,
            self.client_host,
            self.topic_names,
            self.regex,
            self.rebalance_timeout_ms,
            self.server_assignor,
            self.classic,
        )
        return MemberMetadata(group_id, self.member_id, value)

    def assignment_record(self, group_id: str) -> CurrentAssignment:
        """Return the record of what the member has."""
        value = StoredAssignment(
            self.epoch,
            self.previous_epoch,
            int(self.state),
            self.assigned,
            self.pending_revocation,
        )
        return CurrentAssignment(group_id, self.member_id, value)

    def with_metadata(self, value: StoredConsumer) -> ConsumerMember:
        """Return the member as a record of its metadata has it."""
        return replace(
            self,
            instance_id=value.instance_id,
            rack_id=value.rack_id,
            client_id=value.client_id,
            client_host=value.client_host,
            topic_names=tuple(sorted(value.topic_names)),
            regex=value.regex,
            rebalance_timeout_ms=value.rebalance_timeout_ms,
            server_assignor=value.server_assignor,
            classic=value.classic,
        )

    def with_assignment(self, value: StoredAssignment | None) -> ConsumerMember:
        """Return the member as a record of its assignment has it; None: it is about to go."""
        if value is None:
            return replace(
                self,
                epoch=LEAVE_EPOCH,
                previous_epoch=LEAVE_EPOCH,
                assigned=NO_PARTITIONS,
                pending_revocation=NO_PARTITIONS,
            )
        known = value.state in tuple(MemberState)
        return replace(
            self,
            epoch=value.epoch,
            previous_epoch=value.previous_epoch,
            state=MemberState(value.state) if known else MemberState.UNKNOWN,
            assigned=value.assigned,
            pending_revocation=value.pending_revocation,
        )
