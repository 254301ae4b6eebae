"""What can be asked of a group coordinator, and what it answers, as plain values.

No wire types: handlers translate. A refusal stands in the answer as `error`; what refuses the
whole request is raised as KafkaError. Counterpart: the request and response classes that
GroupCoordinatorShard takes; here without versions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from minikafka.base.errors import ErrorCode
from minikafka.base.ids import NO_LEADER_EPOCH, LeaderEpoch, Offset, ProducerId
from minikafka.groups.consumer_commands import ConsumerHeartbeat

__all__ = [
    "NOTHING",
    "UNKNOWN_MEMBER",
    "Command",
    "CommitOffsets",
    "Decision",
    "DescribedGroup",
    "DescribedMember",
    "GroupProtocol",
    "Heartbeat",
    "JoinAnswer",
    "JoinGroup",
    "JoinedMember",
    "LeaveGroup",
    "LeavingMember",
    "ListedGroup",
    "Moment",
    "OffsetToCommit",
    "PartitionResult",
    "SyncAnswer",
    "SyncGroup",
]

T = TypeVar("T")

UNKNOWN_MEMBER = ""
"""The member id of who has none yet."""


class Moment(NamedTuple):
    """One instant on both clocks: `ms` never goes back, `timestamp_ms` is what people read."""

    ms: int
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Decision(Generic[T]):
    """Records to append, all in one batch, and the answer that holds once they are committed.

    Of which kind the records are, the topic of the coordinator says.

    `settled` is called when they are committed, or with the error that kept them from it. It
    belongs to records of what the machine holds in memory already, or takes over in
    `settled`: those are not replayed, unless `replays` says so. Counterpart: CoordinatorResult.
    """

    records: tuple[Any, ...]
    result: T
    settled: Callable[[ErrorCode, Moment], None] | None = None
    replays: bool = False
    producer: tuple[ProducerId, int] | None = None
    """In whose transaction the records are, by producer id and epoch; None for nobody's."""


NOTHING: Decision[None] = Decision((), None)


# --- membership --------------------------------------------------------------------------


class GroupProtocol(NamedTuple):
    """One way of assigning that a member supports, e.g. `range`, with its subscription."""

    name: str
    metadata: bytes


@dataclass(frozen=True, slots=True)
class JoinGroup:
    """A consumer wants to be, or to stay, a member.

    `requires_known_member_id` is what its version of the API asks for (KIP-394), as is
    `supports_skip_assignment` (KIP-814).
    """

    group_id: str
    member_id: str
    group_instance_id: str | None
    client_id: str
    client_host: str
    session_timeout_ms: int
    rebalance_timeout_ms: int
    protocol_type: str
    protocols: tuple[GroupProtocol, ...]
    requires_known_member_id: bool = False
    supports_skip_assignment: bool = False


class JoinedMember(NamedTuple):
    """One member as the leader of the group hears of it."""

    member_id: str
    group_instance_id: str | None
    metadata: bytes


@dataclass(frozen=True, slots=True)
class JoinAnswer:
    """Which generation a member is in; `members` is for the leader of the group alone."""

    error: ErrorCode
    member_id: str
    generation_id: int = -1
    protocol_type: str | None = None
    protocol_name: str | None = None
    leader: str = ""
    skip_assignment: bool = False
    members: tuple[JoinedMember, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncGroup:
    """A member wants its assignment; the leader brings everybody's."""

    group_id: str
    generation_id: int
    member_id: str
    group_instance_id: str | None = None
    protocol_type: str | None = None
    protocol_name: str | None = None
    assignments: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class SyncAnswer:
    """A member's assignment."""

    error: ErrorCode
    protocol_type: str | None = None
    protocol_name: str | None = None
    assignment: bytes = b""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A member is alive."""

    group_id: str
    generation_id: int
    member_id: str
    group_instance_id: str | None = None


class LeavingMember(NamedTuple):
    """Who leaves, by member id; or a static member by its instance id alone (KIP-345)."""

    member_id: str
    group_instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class LeaveGroup:
    """Some members leave."""

    group_id: str
    members: tuple[LeavingMember, ...]


# --- offsets -----------------------------------------------------------------------------


class OffsetToCommit(NamedTuple):
    """One partition's offset: the next one the group would read."""

    topic: str
    partition: int
    offset: Offset
    leader_epoch: LeaderEpoch = NO_LEADER_EPOCH
    metadata: str | None = None


@dataclass(frozen=True, slots=True)
class CommitOffsets:
    """A group's progress, told by a member or, with generation -1, by anybody.

    `retention_ms` is -1 unless the commit wants its own (OffsetCommit 2 to 4).
    `unknown_group_error` is what the request's version answers where there is no such group;
    `speaks_epochs` says whether it can name the epoch of a member of the consumer protocol.
    """

    group_id: str
    generation_id: int
    member_id: str
    group_instance_id: str | None
    offsets: tuple[OffsetToCommit, ...]
    retention_ms: int = -1
    unknown_group_error: ErrorCode = ErrorCode.ILLEGAL_GENERATION
    speaks_epochs: bool = False
    producer: tuple[ProducerId, int] | None = None
    """In whose transaction (KIP-98): then it counts once that is committed."""


Command: TypeAlias = (
    JoinGroup | SyncGroup | Heartbeat | LeaveGroup | CommitOffsets | ConsumerHeartbeat
)
"""What a member asks for."""


class PartitionResult(NamedTuple):
    """What came of one partition."""

    topic: str
    partition: int
    error: ErrorCode


# --- looking in --------------------------------------------------------------------------


class ListedGroup(NamedTuple):
    """A group in a list."""

    group_id: str
    protocol_type: str
    state: str
    group_type: str


class DescribedMember(NamedTuple):
    """A member for people to look at; subscription and assignment where the group is stable."""

    member_id: str
    group_instance_id: str | None
    client_id: str
    client_host: str
    metadata: bytes
    assignment: bytes


@dataclass(frozen=True, slots=True)
class DescribedGroup:
    """A group for people to look at."""

    group_id: str
    state: str
    protocol_type: str = ""
    protocol_data: str = ""
    members: tuple[DescribedMember, ...] = ()
