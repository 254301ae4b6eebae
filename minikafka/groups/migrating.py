"""From a classic group with members to one of the consumer protocol, and back.

Both ways go through the log: what the group was is deleted, what it is now is written, in one
batch. Members keep their ids, their assignments and their protocol; the epoch goes on where the
generation was. Counterpart: GroupMetadataManager.convertToConsumerGroup, convertToClassicGroup,
ConsumerGroup.fromClassicGroup, ClassicGroup.fromConsumerGroup. KIP-848.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import TopicId
from minikafka.groups.classic import CONSUMER_PROTOCOL_TYPE, ClassicGroup
from minikafka.groups.commands import (
    UNKNOWN_MEMBER,
    GroupProtocol,
    JoinAnswer,
    Moment,
    SyncAnswer,
)
from minikafka.groups.consumer_group import ConsumerGroup
from minikafka.groups.consumer_members import ConsumerMember
from minikafka.groups.consumer_records import (
    ClassicMember,
    ConsumerRecord,
    GroupEpoch,
    StoredEpoch,
    TargetAssignment,
    TargetEpoch,
)
from minikafka.groups.embedded import assignment_bytes, read_assignment, read_subscription
from minikafka.groups.members import Member
from minikafka.groups.partitions import NO_PARTITIONS, Partitions, partitions_of
from minikafka.groups.rebalance import expect_heartbeat, prepare_rebalance
from minikafka.groups.records import GroupMetadata, GroupRecord
from minikafka.groups.table import GroupTable
from minikafka.groups.topics import Topics, group_hash

__all__ = [
    "classic_records",
    "classic_resumes",
    "may_downgrade",
    "named",
    "upgrade",
    "with_names",
]


def upgrade(
    table: GroupTable, classic: ClassicGroup, records: list[GroupRecord]
) -> ConsumerGroup:
    """Return a classic group with members as one of the consumer protocol, with its records.

    Who waits for a rebalance is told to join anew.

    Raises:
        KafkaError: GROUP_ID_NOT_FOUND where it cannot become one.
    """
    limits = table.limits.consumer
    if not limits.upgrades:
        raise _stays(classic, "online upgrade is disabled.")
    if classic.protocol_type != CONSUMER_PROTOCOL_TYPE:
        raise _stays(classic, "the group does not use the consumer embedded protocol.")
    if len(classic.members) > limits.max_size:
        raise _stays(classic, "the group size exceeds the consumer group maximum size.")
    members = _converted(classic, table.topics)
    group_id, epoch = classic.group_id, classic.generation_id
    names = [name for member in members for name in member.topic_names]
    written: list[ConsumerRecord] = [member.metadata_record(group_id) for member in members]
    stored = StoredEpoch(epoch, group_hash(table.topics, dict.fromkeys(names)))
    written.append(GroupEpoch(group_id, stored))
    written += [TargetAssignment(group_id, each.member_id, each.assigned) for each in members]
    written.append(TargetEpoch(group_id, epoch))
    written += [member.assignment_record(group_id) for member in members]
    group = ConsumerGroup(group_id)
    for record in written:
        group.replay(record)
    for waiting in classic.members.values():
        waiting.complete_join(JoinAnswer(ErrorCode.REBALANCE_IN_PROGRESS, UNKNOWN_MEMBER))
        waiting.complete_sync(SyncAnswer(ErrorCode.REBALANCE_IN_PROGRESS))
    records.append(GroupMetadata(group_id, None))
    records += written
    return group


def _stays(classic: ClassicGroup, reason: str) -> KafkaError:
    return KafkaError(
        ErrorCode.GROUP_ID_NOT_FOUND,
        f"Cannot upgrade classic group {classic.group_id} to consumer group because {reason}",
    )


def _converted(classic: ClassicGroup, topics: Topics) -> list[ConsumerMember]:
    taken: set[tuple[TopicId, int]] = set()
    return [_member(classic, member, topics, taken) for member in classic.members.values()]


def _member(
    classic: ClassicGroup, member: Member, topics: Topics, taken: set[tuple[TopicId, int]]
) -> ConsumerMember:
    # Before the first generation none is chosen yet; each has the same subscription anyhow.
    name = classic.protocol_name or member.protocols[0].name
    subscription = read_subscription(member.metadata(name))
    assignment = read_assignment(member.assignment)
    if subscription is None or assignment is None:
        raise _stays(classic, "the embedded consumer protocol is malformed.")
    if assignment.user_data:
        raise _stays(
            classic,
            "an unsupported custom assignor is in use. Please refer to the documentation or "
            "switch to a default assignor before re-attempting the upgrade.",
        )
    epoch = classic.generation_id
    return ConsumerMember(
        member.member_id,
        epoch,
        epoch,
        instance_id=member.group_instance_id,
        rack_id=subscription.rack_id,
        rebalance_timeout_ms=member.rebalance_timeout_ms,
        client_id=member.client_id,
        client_host=member.client_host,
        topic_names=tuple(sorted(set(subscription.topics))),
        assigned=_once(named(assignment.partitions, topics), taken),
        classic=ClassicMember(
            member.session_timeout_ms,
            tuple((each.name, each.metadata) for each in member.protocols),
        ),
    )


def named(pairs: Sequence[tuple[str, tuple[int, ...]]], topics: Topics) -> Partitions:
    """Return partitions that are given by topic names; topics that are not there left out."""
    return partitions_of(
        (topics.by_name[name].topic_id, numbers)
        for name, numbers in pairs
        if name in topics.by_name
    )


def _once(partitions: Partitions, taken: set[tuple[TopicId, int]]) -> Partitions:
    """Leave out what another has already: a member's assignor may have given it twice.

    DIVERGENCE(server-errors): Kafka fails on it.
    """
    mine = [
        (topic_id, number)
        for topic_id, numbers in partitions.items()
        for number in numbers
        if (topic_id, number) not in taken
    ]
    taken.update(mine)
    return partitions_of((topic_id, (number,)) for topic_id, number in mine)


# --- and back ----------------------------------------------------------------------------


def may_downgrade(
    table: GroupTable, group: ConsumerGroup, leaving: Collection[str], joining: int = 0
) -> bool:
    """Say whether the group has none but members of the classic protocol left without these.

    Args:
        leaving: ids of members; all of them speak the consumer protocol.
        joining: how many come in their place.
    """
    stay = [member for each, member in group.members.items() if each not in leaving]
    size = len(stay) + joining
    return (
        all(member.classic is not None for member in stay)
        and all(group.members[each].classic is None for each in leaving)
        and 0 < size <= table.limits.group_max_size
        and table.limits.consumer.downgrades
    )


def classic_records(
    table: GroupTable,
    group: ConsumerGroup,
    leaving: Collection[str],
    now: Moment,
    joining: tuple[str, ConsumerMember] | None = None,
) -> tuple[GroupRecord, ...]:
    """Return what makes the group a classic one.

    Args:
        leaving: ids of members that do not come along.
        joining: a static member that takes a place, and the id of who had it.
    """
    members = {each: member for each, member in group.members.items() if each not in leaving}
    renamed = None
    targets: dict[str, Partitions] = dict(group.targets)
    if joining is not None:
        former, newcomer = joining
        members.pop(former, None)
        members[newcomer.member_id] = newcomer
        targets[newcomer.member_id] = group.targets.get(former, NO_PARTITIONS)
        renamed = (former, newcomer.member_id)
    classic = ClassicGroup(group.group_id, now.timestamp_ms)
    classic.generation_id = group.epoch
    for member in members.values():
        classic.add(_classic_member(member), None)
    classic.protocol_name = classic.select_protocol()
    assignments = {
        member.member_id: _assignment(
            member, classic.protocol_name, targets.get(member.member_id, NO_PARTITIONS), table
        )
        for member in classic.members.values()
    }
    return (*group.tombstones(renamed), classic.record(assignments))


def _classic_member(member: ConsumerMember) -> Member:
    assert member.classic is not None
    return Member(
        member.member_id,
        member.instance_id,
        member.client_id,
        member.client_host,
        member.rebalance_timeout_ms,
        member.classic.session_timeout_ms,
        CONSUMER_PROTOCOL_TYPE,
        tuple(GroupProtocol(name, metadata) for name, metadata in member.classic.protocols),
    )


def _assignment(member: Member, protocol: str, target: Partitions, table: GroupTable) -> bytes:
    subscription = read_subscription(member.metadata(protocol))
    version = 0 if subscription is None else subscription.version
    return assignment_bytes(version, with_names(target, table.topics).items())


def with_names(partitions: Partitions, topics: Topics) -> Mapping[str, tuple[int, ...]]:
    """Return partitions by the names of their topics; topics that are gone left out."""
    return {
        topics.by_id[topic_id].name: numbers
        for topic_id, numbers in partitions.items()
        if topic_id in topics.by_id
    }


def classic_resumes(
    table: GroupTable, group_id: str, now: Moment, *, rebalances: bool = True
) -> None:
    """Expect the members of what has become a classic group; all are to join anew, if so."""
    classic = table.groups.get(group_id)
    if classic is None:
        return
    for member in classic.members.values():
        expect_heartbeat(table, classic, member, now)
    if rebalances and classic.members:
        waiting = prepare_rebalance(table, classic, now)
        assert not waiting.records, "members have to join first"
