"""The states of a classic group and which follow which. Counterpart: ClassicGroupState."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

__all__ = ["PREVIOUS", "GroupState"]


class GroupState(Enum):
    """State of a group, by the names that DescribeGroups and ListGroups show."""

    EMPTY = "Empty"
    """No members; offsets may remain."""
    PREPARING_REBALANCE = "PreparingRebalance"
    """Members are to join anew; JoinGroup waits for all of them or for the rebalance timeout."""
    COMPLETING_REBALANCE = "CompletingRebalance"
    """A generation is there; its members wait for the assignment that the leader will send."""
    STABLE = "Stable"
    """Every member can have its assignment."""
    DEAD = "Dead"
    """Deleted, or coordinated elsewhere by now."""


_S = GroupState
PREVIOUS: Mapping[GroupState, tuple[GroupState, ...]] = MappingProxyType(
    {
        _S.EMPTY: (_S.PREPARING_REBALANCE,),
        _S.PREPARING_REBALANCE: (_S.STABLE, _S.COMPLETING_REBALANCE, _S.EMPTY),
        _S.COMPLETING_REBALANCE: (_S.PREPARING_REBALANCE,),
        _S.STABLE: (_S.COMPLETING_REBALANCE,),
        # Deleting what is deleted is nothing new: a tombstone may be replayed twice.
        _S.DEAD: (
            _S.STABLE,
            _S.PREPARING_REBALANCE,
            _S.COMPLETING_REBALANCE,
            _S.EMPTY,
            _S.DEAD,
        ),
    }
)
"""The states that may come directly before each."""
