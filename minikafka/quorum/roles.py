"""The roles of a node in the metadata quorum, and what leads from one to another.

The table is data: the machine looks its next role up here and can take no other way.
Counterparts: org.apache.kafka.raft.QuorumState, EpochState and its implementations. KIP-595,
KIP-996 (the prospective role).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from minikafka.base.errors import BrokerBug

__all__ = ["LEADER_UNKNOWN", "TRANSITIONS", "Cause", "Role", "next_role"]


class Role(Enum):
    """What a node is in its quorum epoch."""

    UNATTACHED = "unattached"  # knows the epoch, not its leader; may have voted in it
    PROSPECTIVE = "prospective"  # asks who would vote for it; nothing of that lasts (KIP-996)
    CANDIDATE = "candidate"  # voted for itself in a new epoch and asks the others
    LEADER = "leader"  # has a majority; the only one to append
    RESIGNED = "resigned"  # led this epoch and never will again
    FOLLOWER = "follower"  # fetches from the leader; without a vote it is an observer


class Cause(Enum):
    """What can happen to a role."""

    ELECTION_DUE = "election due"  # no leader for too long
    MAJORITY_GRANTED = "majority granted"  # of the votes that were asked for
    ELECTION_OVER = "election over"  # without a majority in time
    LEADER_FOUND = "leader found"  # of this epoch, or of a later one
    LATER_EPOCH_SEEN = "later epoch seen"  # without its leader
    LEADER_SILENT = "leader silent"  # no answer from it for the fetch timeout
    LED_BEFORE = "led before"  # this node led the epoch when its process ended
    QUORUM_SILENT = "quorum silent"  # no majority has fetched for too long, or we go


_Table = Mapping[Role, Mapping[Cause, Role]]


def _frozen(table: dict[Role, dict[Cause, Role]]) -> _Table:
    return MappingProxyType({role: MappingProxyType(row) for role, row in table.items()})


TRANSITIONS: _Table = _frozen(
    {
        Role.UNATTACHED: {
            Cause.ELECTION_DUE: Role.PROSPECTIVE,
            Cause.LEADER_FOUND: Role.FOLLOWER,
            Cause.LATER_EPOCH_SEEN: Role.UNATTACHED,
            Cause.LED_BEFORE: Role.RESIGNED,
        },
        # Back to a known leader, or to waiting: others may still hear the leader we do not.
        Role.PROSPECTIVE: {
            Cause.MAJORITY_GRANTED: Role.CANDIDATE,
            Cause.ELECTION_OVER: Role.UNATTACHED,
            Cause.LEADER_FOUND: Role.FOLLOWER,
            Cause.LATER_EPOCH_SEEN: Role.UNATTACHED,
        },
        Role.CANDIDATE: {
            Cause.MAJORITY_GRANTED: Role.LEADER,
            Cause.ELECTION_OVER: Role.PROSPECTIVE,
            Cause.LEADER_FOUND: Role.FOLLOWER,
            Cause.LATER_EPOCH_SEEN: Role.UNATTACHED,
        },
        # A leader never becomes a candidate, nor leader again in the same epoch: it would
        # write other records at offsets it has used before (KAFKA-10527).
        Role.LEADER: {
            Cause.QUORUM_SILENT: Role.RESIGNED,
            Cause.LEADER_FOUND: Role.FOLLOWER,
            Cause.LATER_EPOCH_SEEN: Role.UNATTACHED,
        },
        Role.RESIGNED: {
            Cause.LEADER_FOUND: Role.FOLLOWER,
            Cause.LATER_EPOCH_SEEN: Role.UNATTACHED,
        },
        Role.FOLLOWER: {
            Cause.ELECTION_DUE: Role.PROSPECTIVE,
            Cause.LEADER_SILENT: Role.UNATTACHED,
            Cause.LEADER_FOUND: Role.FOLLOWER,
            Cause.LATER_EPOCH_SEEN: Role.UNATTACHED,
        },
    }
)

LEADER_UNKNOWN = (Role.UNATTACHED, Role.PROSPECTIVE, Role.CANDIDATE, Role.RESIGNED)
"""The roles of who knows nobody to turn to, whatever its disk says of the epoch."""


def next_role(role: Role, cause: Cause) -> Role:
    """Return the role that follows; raises BrokerBug where the table has no way."""
    following = TRANSITIONS[role].get(cause)
    if following is None:
        raise BrokerBug(f"no transition as {role.value}: {cause.value}")
    return following
