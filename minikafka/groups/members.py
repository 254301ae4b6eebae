"""One member of a classic group. Counterpart: ClassicGroupMember. KIP-345, KIP-394."""

from __future__ import annotations

from collections.abc import Container

from minikafka.base.deferred import Deferred
from minikafka.base.errors import BrokerBug
from minikafka.groups.commands import (
    DescribedMember,
    GroupProtocol,
    JoinAnswer,
    JoinedMember,
    SyncAnswer,
)
from minikafka.groups.records import StoredMember

__all__ = ["Member"]


class Member:
    """A member: what it supports, what it was given, and what it waits for.

    Attributes:
        protocols: in the order of the member's own preference.
        assignment: opaque to the coordinator; empty until the leader has sent one.
        awaiting_join: the answer of its parked JoinGroup, None while there is none.
        awaiting_sync: the answer of its parked SyncGroup.
        is_new: has joined, but has not heard its member id yet, and so sends no heartbeats.
    """

    __slots__ = (
        "assignment",
        "awaiting_join",
        "awaiting_sync",
        "client_host",
        "client_id",
        "group_instance_id",
        "is_new",
        "member_id",
        "protocol_type",
        "protocols",
        "rebalance_timeout_ms",
        "session_timeout_ms",
    )

    def __init__(
        self,
        member_id: str,
        group_instance_id: str | None,
        client_id: str,
        client_host: str,
        rebalance_timeout_ms: int,
        session_timeout_ms: int,
        protocol_type: str,
        protocols: tuple[GroupProtocol, ...],
        assignment: bytes = b"",
    ) -> None:
        self.member_id = member_id
        self.group_instance_id = group_instance_id
        self.client_id = client_id
        self.client_host = client_host
        self.rebalance_timeout_ms = rebalance_timeout_ms
        self.session_timeout_ms = session_timeout_ms
        self.protocol_type = protocol_type
        self.protocols = protocols
        self.assignment = assignment
        self.awaiting_join: Deferred[JoinAnswer] | None = None
        self.awaiting_sync: Deferred[SyncAnswer] | None = None
        self.is_new = False

    def metadata(self, protocol_name: str | None) -> bytes:
        """Return the member's subscription under the protocol that the group has chosen."""
        for protocol in self.protocols:
            if protocol.name == protocol_name:
                return protocol.metadata
        raise BrokerBug(f"member {self.member_id} does not support {protocol_name}")

    def vote(self, candidates: Container[str]) -> str:
        """Return the candidate that this member likes best."""
        for protocol in self.protocols:
            if protocol.name in candidates:
                return protocol.name
        raise BrokerBug(f"member {self.member_id} supports none of the candidates")

    def has_satisfied_heartbeat(self) -> bool:
        """Say whether it need not have sent a heartbeat: it waits for us.

        Not so a new member, which may be gone without our knowing: a connection that waits
        for its answer is not read.
        """
        if self.is_new:
            return False
        return self.awaiting_join is not None or self.awaiting_sync is not None

    def complete_join(self, answer: JoinAnswer) -> None:
        """Answer the parked JoinGroup, if there is one."""
        waiting, self.awaiting_join = self.awaiting_join, None
        if waiting is not None and not waiting.done:
            waiting.set(answer)

    def complete_sync(self, answer: SyncAnswer) -> bool:
        """Answer the parked SyncGroup; say whether there was one."""
        waiting, self.awaiting_sync = self.awaiting_sync, None
        if waiting is None:
            return False
        if not waiting.done:
            waiting.set(answer)
        return True

    def joined(self, protocol_name: str | None) -> JoinedMember:
        """Return what the leader of the group hears of this member."""
        return JoinedMember(
            self.member_id, self.group_instance_id, self.metadata(protocol_name)
        )

    def stored(self, protocol_name: str | None, assignment: bytes) -> StoredMember:
        """Return what the log keeps of this member."""
        return StoredMember(
            self.member_id,
            self.group_instance_id,
            self.client_id,
            self.client_host,
            self.rebalance_timeout_ms,
            self.session_timeout_ms,
            self.metadata(protocol_name),
            assignment,
        )

    def described(self, protocol_name: str | None) -> DescribedMember:
        """Return the member for people; without a protocol its subscription stays out."""
        metadata = b"" if protocol_name is None else self.metadata(protocol_name)
        return DescribedMember(
            self.member_id,
            self.group_instance_id,
            self.client_id,
            self.client_host,
            metadata,
            self.assignment,
        )
