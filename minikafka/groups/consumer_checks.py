"""What a heartbeat of the consumer protocol is refused for. Counterpart: the throwIf methods of
GroupCoordinatorService and GroupMetadataManager. KIP-848.
"""

from __future__ import annotations

from collections.abc import Sequence

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.groups.consumer_commands import ConsumerHeartbeat
from minikafka.groups.consumer_group import ConsumerGroup
from minikafka.groups.consumer_members import (
    JOIN_EPOCH,
    LEAVE_EPOCH,
    LEAVE_STATIC_EPOCH,
    ConsumerMember,
)
from minikafka.groups.partitions import Partitions

__all__ = [
    "check_epoch",
    "check_heartbeat",
    "check_not_fenced",
    "check_released",
    "check_room",
    "known_static",
]


def check_heartbeat(command: ConsumerHeartbeat, assignors: Sequence[str]) -> None:
    """Refuse what no group could take, before a group is looked for.

    Raises:
        KafkaError: INVALID_REQUEST, UNSUPPORTED_ASSIGNOR.
    """
    if command.makes_own_id or command.member_epoch > 0 or command.member_epoch == LEAVE_EPOCH:
        _check_text(command.member_id, "MemberId can't be empty.")
    _check_text(command.group_id, "GroupId can't be empty.")
    _check_text(command.instance_id, "InstanceId can't be empty.")
    _check_text(command.rack_id, "RackId can't be empty.")
    if command.member_epoch == JOIN_EPOCH:
        _check_joining(command)
    elif command.member_epoch == LEAVE_STATIC_EPOCH and command.instance_id is None:
        raise _invalid("InstanceId can't be null.")
    elif command.member_epoch < LEAVE_STATIC_EPOCH:
        raise _invalid("MemberEpoch is invalid.")
    assignor = command.server_assignor
    if assignor is not None and assignor not in assignors:
        raise KafkaError(
            ErrorCode.UNSUPPORTED_ASSIGNOR,
            f"ServerAssignor {assignor} is not supported. "
            f"Supported assignors: {', '.join(assignors)}.",
        )


def _check_joining(command: ConsumerHeartbeat) -> None:
    if command.rebalance_timeout_ms == -1:
        raise _invalid("RebalanceTimeoutMs must be provided in first request.")
    if command.owned is None or command.owned:
        raise _invalid("TopicPartitions must be empty when (re-)joining.")
    if command.topic_names is None and command.regex is None:
        raise _invalid(
            "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null "
            "when (re-)joining."
        )


def _check_text(text: str | None, message: str) -> None:
    if text is not None and not text.strip():
        raise _invalid(message)


def _invalid(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, message)


def check_room(group: ConsumerGroup, member_id: str, size_max: int) -> None:
    """Refuse a new member of a group that is full; raises GROUP_MAX_SIZE_REACHED."""
    if len(group.members) >= size_max and member_id not in group.members:
        raise KafkaError(
            ErrorCode.GROUP_MAX_SIZE_REACHED,
            f"The consumer group has reached its maximum capacity of {size_max} members.",
        )


def check_epoch(member: ConsumerMember, epoch: int, owned: Partitions | None) -> None:
    """Let a member speak in its epoch alone; raises FENCED_MEMBER_EPOCH.

    Its former epoch is let pass where it owns nothing but what it may: then the answer with the
    new epoch has been lost.
    """
    if epoch == member.epoch:
        return
    behind = epoch < member.epoch
    if behind and epoch == member.previous_epoch and _is_part(owned, member.assigned):
        return
    raise KafkaError(
        ErrorCode.FENCED_MEMBER_EPOCH,
        f"The consumer group member has a {'smaller' if behind else 'greater'} member epoch "
        f"({epoch}) than the one known by the group coordinator ({member.epoch}). "
        "The member must abandon all its partitions and rejoin.",
    )


def _is_part(owned: Partitions | None, assigned: Partitions) -> bool:
    return owned is not None and all(
        topic_id in assigned and all(number in assigned[topic_id] for number in numbers)
        for topic_id, numbers in owned.items()
    )


def known_static(group: ConsumerGroup, instance_id: str) -> ConsumerMember:
    """Return who has a group.instance.id; raises UNKNOWN_MEMBER_ID where nobody has."""
    found = group.static_member(instance_id)
    if found is None:
        raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"Instance id {instance_id} is unknown.")
    return found


def check_not_fenced(holder: ConsumerMember, member_id: str, instance_id: str) -> None:
    """Refuse who was replaced under its group.instance.id; raises FENCED_INSTANCE_ID."""
    if holder.member_id != member_id:
        raise KafkaError(
            ErrorCode.FENCED_INSTANCE_ID,
            f"Static member {member_id} with instance id {instance_id} was fenced by member "
            f"{holder.member_id}.",
        )


def check_released(holder: ConsumerMember, member_id: str, instance_id: str) -> None:
    """Refuse who wants a group.instance.id that is in use; raises UNRELEASED_INSTANCE_ID."""
    if holder.epoch != LEAVE_STATIC_EPOCH:
        raise KafkaError(
            ErrorCode.UNRELEASED_INSTANCE_ID,
            f"Static member {member_id} with instance id {instance_id} cannot join the group "
            f"because the instance id is owned by {holder.member_id} member.",
        )
