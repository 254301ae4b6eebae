"""Consumer groups for people to look at. Counterpart: ConsumerGroup.asDescribedGroup. KIP-848."""

from __future__ import annotations

from minikafka.groups.consumer_commands import DescribedConsumer, DescribedConsumerGroup
from minikafka.groups.consumer_group import ConsumerGroup
from minikafka.groups.partitions import NO_PARTITIONS

__all__ = ["described_consumer_group"]


def described_consumer_group(
    group: ConsumerGroup, default_assignor: str
) -> DescribedConsumerGroup:
    """Return the group and its members, what they have and what they are to have."""
    members = tuple(
        DescribedConsumer(
            member.member_id,
            member.instance_id,
            member.rack_id,
            member.epoch,
            member.client_id,
            member.client_host,
            member.topic_names,
            member.regex,
            member.assigned,
            group.targets.get(member.member_id, NO_PARTITIONS),
            member.classic is not None,
        )
        for member in group.members.values()
    )
    return DescribedConsumerGroup(
        group.group_id,
        group.state.value,
        group.epoch,
        group.assignment_epoch,
        group.preferred_assignor() or default_assignor,
        members,
    )
