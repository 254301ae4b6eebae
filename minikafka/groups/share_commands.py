"""What members of share groups ask and hear, as plain values.

Counterpart: ShareGroupHeartbeatRequestData, ShareGroupDescribeResponseData. KIP-932.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.groups.consumer_members import JOIN_EPOCH, LEAVE_EPOCH
from minikafka.groups.partitions import Partitions

__all__ = [
    "DescribedShareGroup",
    "DescribedShareMember",
    "ShareHeartbeat",
    "ShareHeartbeatAnswer",
    "check_share_heartbeat",
]


@dataclass(frozen=True, slots=True)
class ShareHeartbeat:
    """A member joins (epoch 0), leaves (-1), or is alive; None for what has not changed."""

    group_id: str
    member_id: str
    member_epoch: int
    rack_id: str | None = None
    topic_names: tuple[str, ...] | None = None
    client_id: str = ""
    client_host: str = ""


@dataclass(frozen=True, slots=True)
class ShareHeartbeatAnswer:
    """Where a member stands; `assignment` None where it is to go on with what it has.

    Attributes:
        initialize: partitions whose share state has to begin now, in state epoch `group_epoch`.
    """

    member_id: str
    member_epoch: int
    heartbeat_interval_ms: int = 0
    assignment: Partitions | None = None
    group_epoch: int = 0
    initialize: Partitions = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DescribedShareMember:
    """A member for people to look at."""

    member_id: str
    rack_id: str | None
    member_epoch: int
    client_id: str
    client_host: str
    topic_names: tuple[str, ...]
    assigned: Partitions


@dataclass(frozen=True, slots=True)
class DescribedShareGroup:
    """A group for people to look at."""

    group_id: str
    state: str
    epoch: int
    assignment_epoch: int
    members: tuple[DescribedShareMember, ...]


def check_share_heartbeat(command: ShareHeartbeat) -> None:
    """Refuse what no group could take, before a group is looked for; raises INVALID_REQUEST."""
    _check_text(command.member_id, "MemberId can't be empty.")
    _check_text(command.group_id, "GroupId can't be empty.")
    _check_text(command.rack_id, "RackId can't be empty.")
    if command.member_epoch == JOIN_EPOCH and not command.topic_names:
        raise _invalid("SubscribedTopicNames must be set in first request.")
    if command.member_epoch < LEAVE_EPOCH:
        raise _invalid("MemberEpoch is invalid.")


def _check_text(text: str | None, message: str) -> None:
    if text is not None and not text.strip():
        raise _invalid(message)


def _invalid(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, message)
