"""Groups that go: by a request, or because nothing of them is left.

Counterpart: GroupCoordinatorShard.deleteGroups and cleanupGroupMetadata. KIP-211, KIP-229.
"""

from __future__ import annotations

from collections.abc import Sequence

from minikafka.base.errors import ErrorCode
from minikafka.groups import offsets
from minikafka.groups.classic import ClassicGroup
from minikafka.groups.commands import Decision, Moment
from minikafka.groups.consumer_group import ConsumerGroup
from minikafka.groups.offsets import OffsetTable
from minikafka.groups.records import GroupMetadata, GroupRecord
from minikafka.groups.states import GroupState
from minikafka.groups.table import GroupTable

__all__ = ["delete_expired", "delete_groups"]


def delete_groups(
    table: GroupTable, written: OffsetTable, group_ids: Sequence[str]
) -> Decision[tuple[tuple[str, ErrorCode], ...]]:
    """Delete groups without members, with their offsets (KIP-229)."""
    results: list[tuple[str, ErrorCode]] = []
    records: list[GroupRecord] = []
    for group_id in dict.fromkeys(group_ids):
        if not table.is_known(group_id):
            error = ErrorCode.GROUP_ID_NOT_FOUND
        elif not _is_empty(table, group_id):
            error = ErrorCode.NON_EMPTY_GROUP
        else:
            error = ErrorCode.NONE
            records += offsets.tombstones(written, group_id)
            records += _tombstones(table, group_id)
        results.append((group_id, error))
    return Decision(tuple(records), tuple(results))


def delete_expired(table: GroupTable, written: OffsetTable, now: Moment) -> Decision[None]:
    """Delete offsets that have expired, and groups that have neither members nor offsets."""
    records: list[GroupRecord] = []
    groups: tuple[ClassicGroup | ConsumerGroup, ...] = (
        *table.groups.values(),
        *table.consumers.values(),
    )
    for group in groups:
        gone, empty = offsets.expired_offsets(table, written, group, now)
        records += gone
        if empty and _is_empty(table, group.group_id):
            records += _tombstones(table, group.group_id)
    return Decision(tuple(records), None)


def _is_empty(table: GroupTable, group_id: str) -> bool:
    modern = table.consumers.get(group_id) or table.shares.get(group_id)
    if modern is not None:
        return not modern.members
    return table.groups[group_id].state is GroupState.EMPTY


def _tombstones(table: GroupTable, group_id: str) -> tuple[GroupRecord, ...]:
    modern = table.consumers.get(group_id) or table.shares.get(group_id)
    if modern is not None:
        return modern.tombstones()
    return (GroupMetadata(group_id, None),)
