"""What members of the consumer protocol ask and hear, as plain values.

Counterpart: ConsumerGroupHeartbeatRequestData, ConsumerGroupDescribeResponseData. KIP-848.
"""

from __future__ import annotations

from dataclasses import dataclass

from minikafka.groups.partitions import Partitions

__all__ = [
    "ConsumerHeartbeat",
    "ConsumerHeartbeatAnswer",
    "DescribedConsumer",
    "DescribedConsumerGroup",
]


@dataclass(frozen=True, slots=True)
class ConsumerHeartbeat:
    """A member joins (epoch 0), leaves (-1, or -2 for a while), or is alive.

    What it leaves out has not changed since it last said so: None, and -1 for the timeout.

    Attributes:
        owned: the partitions that the member has, as it sees it.
        makes_own_id: what its version of the API asks for (1 and later).
    """

    group_id: str
    member_id: str
    member_epoch: int
    instance_id: str | None = None
    rack_id: str | None = None
    rebalance_timeout_ms: int = -1
    topic_names: tuple[str, ...] | None = None
    regex: str | None = None
    server_assignor: str | None = None
    owned: Partitions | None = None
    client_id: str = ""
    client_host: str = ""
    makes_own_id: bool = True

    @property
    def is_full(self) -> bool:
        """Say whether the member tells all, and so wants to be told all."""
        return self.member_epoch == 0 or (
            self.rebalance_timeout_ms != -1
            and (self.topic_names is not None or self.regex is not None)
            and self.owned is not None
        )


@dataclass(frozen=True, slots=True)
class ConsumerHeartbeatAnswer:
    """Where a member stands; `assignment` None where it is to go on with what it has."""

    member_id: str
    member_epoch: int
    heartbeat_interval_ms: int = 0
    assignment: Partitions | None = None


@dataclass(frozen=True, slots=True)
class DescribedConsumer:
    """A member for people to look at."""

    member_id: str
    instance_id: str | None
    rack_id: str | None
    member_epoch: int
    client_id: str
    client_host: str
    topic_names: tuple[str, ...]
    regex: str | None
    assigned: Partitions
    target: Partitions
    speaks_classic: bool


@dataclass(frozen=True, slots=True)
class DescribedConsumerGroup:
    """A group for people to look at."""

    group_id: str
    state: str
    epoch: int
    assignment_epoch: int
    assignor: str
    members: tuple[DescribedConsumer, ...]
