"""What the parts of a group coordinator share: its groups, its deadlines, its limits."""

from __future__ import annotations

from dataclasses import dataclass

from minikafka.base.config import BrokerConfig
from minikafka.base.seeds import Seeds, random_id
from minikafka.groups.classic import ClassicGroup
from minikafka.groups.timers import Timers

__all__ = ["NEW_MEMBER_JOIN_TIMEOUT_MS", "GroupLimits", "GroupTable"]

NEW_MEMBER_JOIN_TIMEOUT_MS = 5 * 60 * 1000
"""How long a JoinGroup of a new member may wait; it will try again if it is still there."""


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """The configs that govern classic groups, by Kafka's names."""

    group_initial_rebalance_delay_ms: int
    group_max_size: int
    offset_metadata_max_bytes: int
    offsets_retention_ms: int
    offsets_retention_check_interval_ms: int

    @classmethod
    def of(cls, config: BrokerConfig) -> GroupLimits:
        """Return the limits of a broker."""
        return cls(
            config.group_initial_rebalance_delay_ms,
            config.group_max_size,
            config.offset_metadata_max_bytes,
            config.offsets_retention_minutes * 60 * 1000,
            config.offsets_retention_check_interval_ms,
        )


class GroupTable:
    """The groups of one partition of `__consumer_offsets`, by id, with their timers.

    Args:
        seeds: where member ids are drawn from.
    """

    def __init__(self, limits: GroupLimits, seeds: Seeds) -> None:
        self.limits = limits
        self.groups: dict[str, ClassicGroup] = {}
        self.timers = Timers()
        self._member_ids = seeds.generator("member-ids")

    def new_member_id(self, name: str) -> str:
        """Return a member id that nobody had, beginning with a client's or an instance's id."""
        return f"{name}-{random_id(self._member_ids)}"

    def drop(self, group_id: str) -> None:
        """Forget a group and all that was due in it."""
        group = self.groups.pop(group_id, None)
        if group is None:
            return
        self.timers.cancel(("join", group_id))
        self.timers.cancel(("sync", group_id))
        for member_id in (*group.members, *group.pending_joins):
            self.timers.cancel(("heartbeat", group_id, member_id))
