"""What a group coordinator does with share groups besides heartbeats: show, begin, delete.

Functions over its table. Counterpart: the parts of GroupMetadataManager that deal with ShareGroup.
KIP-932.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicId
from minikafka.groups.commands import NOTHING, Decision, ListedGroup
from minikafka.groups.partitions import Partitions
from minikafka.groups.share_commands import DescribedShareGroup, DescribedShareMember
from minikafka.groups.share_group import ShareGroup
from minikafka.groups.share_heartbeat import (
    deleting,
    with_state_beginning,
    with_state_begun,
    without_topics,
)
from minikafka.groups.share_records import ShareGroupRecord
from minikafka.groups.table import GroupTable

__all__ = [
    "begin_altering",
    "begin_deletion",
    "described_share_group",
    "end_deletion",
    "listed_share_groups",
    "share_state_begun",
    "share_topics_removed",
    "state_to_delete",
]


def listed_share_groups(groups: Mapping[str, ShareGroup]) -> tuple[ListedGroup, ...]:
    """Return share groups as they stand in a list."""
    return tuple(
        ListedGroup(group_id, "share", group.state_name, "share")
        for group_id, group in groups.items()
    )


def described_share_group(
    groups: Mapping[str, ShareGroup], group_id: str, *, is_other: bool
) -> DescribedShareGroup:
    """Return a share group for people to look at; raises KafkaError GROUP_ID_NOT_FOUND."""
    group = groups.get(group_id)
    if group is None:
        other = f"Group {group_id} is not a share group."
        missing = f"Group {group_id} not found."
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, other if is_other else missing)
    members = tuple(
        DescribedShareMember(
            member.member_id,
            member.rack_id,
            member.epoch,
            member.client_id,
            member.client_host,
            member.topic_names,
            member.assigned,
        )
        for member in group.members.values()
    )
    return DescribedShareGroup(
        group_id, group.state_name, group.epoch, group.assignment_epoch, members
    )


def share_state_begun(
    table: GroupTable, group_id: str, begun: Partitions, *, ok: bool
) -> Decision[None]:
    """Note that the share state of partitions has begun, or that it could not."""
    table.share_asked_ms.pop(group_id, None)
    group = table.shares.get(group_id)
    if group is None or not begun:
        return NOTHING
    return Decision((with_state_begun(group, begun, ok=ok),), None)


def share_topics_removed(
    groups: Iterable[ShareGroup], topic_ids: Sequence[TopicId]
) -> tuple[ShareGroupRecord, ...]:
    """Return what makes share groups forget the state of topics that are gone."""
    return tuple(
        without_topics(group, topic_ids)
        for group in groups
        if any(
            each in group.state.initialized or each in group.state.initializing
            for each in topic_ids
        )
    )


def state_to_delete(table: GroupTable, group_id: str) -> Partitions:
    """Return the partitions whose share state goes with a group; none where it may not go."""
    group = table.shares.get(group_id)
    return {} if group is None or group.members else group.state.initialized


# --- offsets -----------------------------------------------------------------------------


def _empty_group(table: GroupTable, group_id: str) -> ShareGroup:
    group = table.shares.get(group_id)
    if group is None:
        kind = "is not a share group" if table.is_known(group_id) else "not found"
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} {kind}.")
    if group.members:
        raise KafkaError(ErrorCode.NON_EMPTY_GROUP, "The group is not empty.")
    return group


def begin_altering(table: GroupTable, group_id: str, partitions: Partitions) -> Decision[int]:
    """Note that the state of these partitions begins anew; return the state epoch to do it in.

    Raises:
        KafkaError: GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP.
    """
    group = _empty_group(table, group_id)
    names = {each: table.topics.by_id[each].name for each in partitions}
    return Decision((with_state_beginning(group, partitions, names),), group.epoch)


def begin_deletion(
    table: GroupTable, group_id: str, topic_ids: Sequence[TopicId]
) -> Decision[Partitions]:
    """Assign the partitions of these topics no more; return those whose state is to be deleted.

    Raises:
        KafkaError: as `begin_altering`.
    """
    group = _empty_group(table, group_id)
    state = group.state
    found = {each: state.initialized[each] for each in topic_ids if each in state.initialized}
    for each in topic_ids:
        topic = table.topics.by_id.get(each)
        if each in state.deleting and topic is not None:
            # A former attempt has failed on the way.
            found[each] = tuple(range(topic.partition_count))
    records = (deleting(group, tuple(found)),) if found else ()
    return Decision(records, found)


def end_deletion(
    table: GroupTable, group_id: str, topic_ids: Sequence[TopicId]
) -> Decision[None]:
    """Note that the state of these topics is gone."""
    group = table.shares.get(group_id)
    return NOTHING if group is None else Decision((without_topics(group, topic_ids),), None)
