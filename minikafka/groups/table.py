"""What the parts of a group coordinator share: its groups, its deadlines, its limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from minikafka.base.config import BrokerConfig
from minikafka.base.errors import ErrorCode, KafkaError
from minikafka.base.ids import short_id
from minikafka.base.seeds import Seeds, random_id
from minikafka.groups.classic import ClassicGroup
from minikafka.groups.consumer_group import ConsumerGroup
from minikafka.groups.consumer_limits import ConsumerLimits, GroupTimes
from minikafka.groups.share_group import ShareGroup
from minikafka.groups.share_limits import ShareGroupLimits
from minikafka.groups.timers import Timers
from minikafka.groups.topics import NO_TOPICS, Topics

__all__ = ["NEW_MEMBER_JOIN_TIMEOUT_MS", "GroupLimits", "GroupTable"]

NEW_MEMBER_JOIN_TIMEOUT_MS = 5 * 60 * 1000
"""How long a JoinGroup of a new member may wait; it will try again if it is still there."""


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """The configs that govern groups, by Kafka's names; those of `consumer` and `share` apart."""

    group_initial_rebalance_delay_ms: int
    group_max_size: int
    offset_metadata_max_bytes: int
    offsets_retention_ms: int
    offsets_retention_check_interval_ms: int
    consumer: ConsumerLimits
    share: ShareGroupLimits

    @classmethod
    def of(cls, config: BrokerConfig) -> GroupLimits:
        """Return the limits of a broker."""
        return cls(
            config.group_initial_rebalance_delay_ms,
            config.group_max_size,
            config.offset_metadata_max_bytes,
            config.offsets_retention_minutes * 60 * 1000,
            config.offsets_retention_check_interval_ms,
            ConsumerLimits.of(config),
            ShareGroupLimits.of(config),
        )


class GroupTable:
    """The groups of one partition of `__consumer_offsets`, by id, with their timers.

    `groups` are those of the classic protocol, `consumers` those of the consumer protocol,
    `shares` the share groups; no id is in two of them.

    Args:
        seeds: where member ids are drawn from.

    Attributes:
        share_asked_ms: when the share state of a group was last asked to begin.
    """

    def __init__(self, limits: GroupLimits, seeds: Seeds) -> None:
        self.limits = limits
        self.groups: dict[str, ClassicGroup] = {}
        self.consumers: dict[str, ConsumerGroup] = {}
        self.shares: dict[str, ShareGroup] = {}
        self.share_asked_ms: dict[str, int] = {}
        self.topics: Topics = NO_TOPICS
        self.times: Mapping[str, GroupTimes] = {}
        self.timers = Timers()
        self._member_ids = seeds.generator("member-ids")

    def new_member_id(self, name: str) -> str:
        """Return a member id that nobody had, beginning with a client's or an instance's id."""
        return f"{name}-{random_id(self._member_ids)}"

    def new_uuid(self) -> str:
        """Return an id that nobody had, for a member of a group of the consumer protocol."""
        return short_id(random_id(self._member_ids))

    def times_of(self, group_id: str) -> GroupTimes:
        """Return the times of a group's members: its own configs, or the broker's."""
        limits = self.limits.consumer
        default = GroupTimes(limits.session_timeout_ms, limits.heartbeat_interval_ms)
        return self.times.get(group_id, default)

    def share_times_of(self, group_id: str) -> tuple[int, int]:
        """Return session timeout and heartbeat interval of a share group's members."""
        own = self.times.get(group_id)
        limits = self.limits.share
        default = (limits.session_timeout_ms, limits.heartbeat_interval_ms)
        return default if own is None or own.share is None else own.share

    def is_known(self, group_id: str) -> bool:
        """Say whether there is a group with this id, of any kind."""
        known = group_id in self.groups or group_id in self.consumers
        return known or group_id in self.shares

    def see_topics(self, topics: Topics, changed: Iterable[str]) -> None:
        """See the topics as they are now; groups look again at those that have changed."""
        self.topics = topics
        names = tuple(changed)
        groups: tuple[ConsumerGroup | ShareGroup, ...]
        groups = (*self.consumers.values(), *self.shares.values())
        for group in groups:
            subscribed = group.subscribed()
            if any(name in subscribed for name in names):
                group.fresh_epoch = -1

    def no_consumer_group(self, group_id: str, kind: str = "Group") -> KafkaError:
        """Return the refusal for who takes this for a group of the consumer protocol."""
        other = f"Group {group_id} is not a consumer group."
        missing = f"{kind} {group_id} not found."
        return KafkaError(
            ErrorCode.GROUP_ID_NOT_FOUND, other if self.is_known(group_id) else missing
        )

    def drop(self, group_id: str) -> None:
        """Forget a group and all that was due in it."""
        group = self.groups.pop(group_id, None)
        if group is None:
            return
        self.timers.cancel(("join", group_id))
        self.timers.cancel(("sync", group_id))
        for member_id in (*group.members, *group.pending_joins):
            self.timers.cancel(("heartbeat", group_id, member_id))
