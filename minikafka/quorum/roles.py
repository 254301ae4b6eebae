"""The roles of a node in the metadata quorum, and what leads from one to another.

The table is data: the machine looks its next role up here and can take no other way.
Counterparts: org.apache.kafka.raft.QuorumState, EpochState and its implementations. KIP-595.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from minikafka.base.errors import BrokerBug

__all__ = ["OBSERVER_TRANSITIONS", "VOTER_TRANSITIONS", "Cause", "Role", "next_role"]


class Role(Enum):
    """What a node is in its quorum epoch."""

    UNATTACHED = "unattached"  # knows the epoch, not its leader
    CANDIDATE = "candidate"  # voted for itself and asks the others
    LEADER = "leader"  # has a majority; the only one to append
    FOLLOWER = "follower"  # a voter that fetches from the leader
    OBSERVER = "observer"  # fetches from the leader, has no vote and is not counted


class Cause(Enum):
    """What can happen to a role."""

    ELECTION_DUE = "election due"  # no leader for too long, or none needed to be waited for
    MAJORITY_GRANTED = "majority granted"  # of the votes of its own epoch
    LEADER_FOUND = "leader found"  # of this epoch, or of a later one
    LATER_EPOCH_SEEN = "later epoch seen"  # without its leader
    LEADER_SILENT = "leader silent"  # no answer from it for the fetch timeout


_Table = Mapping[Role, Mapping[Cause, Role]]


def _frozen(table: dict[Role, dict[Cause, Role]]) -> _Table:
    return MappingProxyType({role: MappingProxyType(row) for role, row in table.items()})


VOTER_TRANSITIONS: _Table = _frozen(
    {
        Role.UNATTACHED: {
            Cause.ELECTION_DUE: Role.CANDIDATE,
            Cause.LEADER_FOUND: Role.FOLLOWER,
            Cause.LATER_EPOCH_SEEN: Role.UNATTACHED,
        },
        Role.CANDIDATE: {
            # Once more, in the next epoch.
            Cause.ELECTION_DUE: Role.CANDIDATE,
            Cause.MAJORITY_GRANTED: Role.LEADER,
            Cause.LEADER_FOUND: Role.FOLLOWER,
            Cause.LATER_EPOCH_SEEN: Role.UNATTACHED,
        },
        # A leader never becomes a candidate, nor leader again in the same epoch: it would
        # write other records at offsets it has used before (KAFKA-10527).
        Role.LEADER: {
            Cause.LEADER_FOUND: Role.FOLLOWER,
            Cause.LATER_EPOCH_SEEN: Role.UNATTACHED,
        },
        Role.FOLLOWER: {
            Cause.ELECTION_DUE: Role.CANDIDATE,
            Cause.LEADER_FOUND: Role.FOLLOWER,
            Cause.LATER_EPOCH_SEEN: Role.UNATTACHED,
        },
    }
)

OBSERVER_TRANSITIONS: _Table = _frozen(
    {
        Role.UNATTACHED: {
            Cause.LEADER_FOUND: Role.OBSERVER,
            Cause.LATER_EPOCH_SEEN: Role.UNATTACHED,
        },
        Role.OBSERVER: {
            Cause.LEADER_FOUND: Role.OBSERVER,
            Cause.LATER_EPOCH_SEEN: Role.UNATTACHED,
            Cause.LEADER_SILENT: Role.UNATTACHED,
        },
    }
)


def next_role(role: Role, cause: Cause, *, voter: bool) -> Role:
    """Return the role that follows; raises BrokerBug where the table has no way."""
    table = VOTER_TRANSITIONS if voter else OBSERVER_TRANSITIONS
    following = table.get(role, {}).get(cause)
    if following is None:
        kind = "voter" if voter else "observer"
        raise BrokerBug(f"no transition for a {kind} as {role.value}: {cause.value}")
    return following
