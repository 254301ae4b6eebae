"""Which replica a consumer should read from: the leader says, the consumer goes there.

Pure. A selector is given what the leader knows of the replicas that have what is asked for.
Counterpart: ReplicaSelector, RackAwareReplicaSelector, DefaultReplicaView. KIP-392.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from minikafka.base.config import ConfigError
from minikafka.base.ids import BrokerId, Offset
from minikafka.replication.leader import PartitionLeader

__all__ = ["RACK_AWARE", "ReplicaView", "Selector", "preferred_replica", "selector_of"]

RACK_AWARE = "org.apache.kafka.common.replica.RackAwareReplicaSelector"
"""The one selector that Kafka brings along."""


class ReplicaView(NamedTuple):
    """A replica as the leader sees it; `rack` is None where it has none or is not alive."""

    broker_id: BrokerId
    rack: str | None
    log_end_offset: Offset
    lag_ms: int


Selector: TypeAlias = Callable[[str, ReplicaView, Sequence[ReplicaView]], BrokerId]
"""Client's rack, leader, followers; returns the broker to read from, perhaps the leader."""


def _rack_aware(rack: str, leader: ReplicaView, followers: Sequence[ReplicaView]) -> BrokerId:
    """Return a replica in the client's rack, the furthest one; the leader if it is as near."""
    near = [replica for replica in followers if replica.rack == rack]
    if not rack or leader.rack == rack or not near:
        return leader.broker_id
    return max(near, key=lambda r: (r.log_end_offset, -r.lag_ms, r.broker_id)).broker_id


_SELECTORS: dict[str, Selector] = {RACK_AWARE: _rack_aware}


def selector_of(class_name: str | None) -> Selector | None:
    """Return the selector that `replica.selector.class` names; None where it names none.

    Raises:
        ConfigError: no such class, with which a broker does not start.
    """
    if class_name is None:
        return None
    selector = _SELECTORS.get(class_name)
    if selector is None:
        raise ConfigError(f"replica.selector.class: no such class: {class_name}")
    return selector


def preferred_replica(
    leader: PartitionLeader,
    selector: Selector,
    rack: str,
    fetch_offset: Offset,
    racks: Mapping[BrokerId, str | None],
    now_ms: int,
) -> BrokerId | None:
    """Return the follower that a consumer should read `fetch_offset` from; None for the leader.

    Only a member of the ISR whose log has the offset is chosen from: another one may fall
    behind for ever, with its consumers (KAFKA-14372).

    Args:
        rack: of the consumer; may be empty.
        racks: of the brokers that are alive.
    """
    followers = [
        ReplicaView(
            replica,
            racks.get(replica),
            progress.log_end_offset,
            now_ms - progress.last_caught_up_ms,
        )
        for replica, progress in leader.progress.items()
        if replica in leader.isr
        and progress.log_start_offset <= fetch_offset <= progress.log_end_offset
    ]
    own = leader.broker_id
    mine = ReplicaView(own, racks.get(own), leader.log.log_end_offset, 0)
    chosen = selector(rack, mine, followers)
    return None if chosen == own else chosen
