"""What the members of a group of the consumer protocol hold themselves to own, and have committed.

No broker knows it. Two views may name the same partition only where one is of a member that is
out of the group and has not heard yet (KIP-848).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from minikafka.base.ids import NO_OFFSET, TopicPartition

if TYPE_CHECKING:
    from minikafka.trials.group_ghost import OffsetsGhost
    from minikafka.trials.simulation import Simulation

__all__ = ["MemberViews"]


class MemberViews:
    """The views of one group's members, by the hosts they live on.

    Attributes:
        moves: how often a partition was taken by somebody.
    """

    def __init__(self, simulation: Simulation, group_id: str) -> None:
        self.moves = 0
        self._simulation = simulation
        self._group_id = group_id
        self._owned: dict[TopicPartition, dict[str, str]] = {}
        self._acknowledged: dict[TopicPartition, int] = {}
        self._unanswered: dict[TopicPartition, list[int]] = {}

    # --- who owns what ---------------------------------------------------------------------

    def take(self, host: str, member_id: str, places: Iterable[TopicPartition]) -> None:
        """Note that a member begins to read partitions; others have to be rid of them (G5).

        Who was paused, and put out meanwhile, takes what it was granted before: it is no member.
        """
        judged = self._is_member(host, member_id)
        for place in places:
            self.moves += 1
            holders = self._owned.setdefault(place, {})
            for other, other_id in holders.items():
                if other != host and judged and self._is_member(other, other_id):
                    self._simulation.violated(
                        "G5",
                        f"group {self._group_id}: {host} ({member_id}) takes {place}, and "
                        f"{other} ({other_id}) still has it",
                    )
            holders[host] = member_id

    def drop(self, host: str, places: Iterable[TopicPartition]) -> None:
        """Note that a member does not read partitions any more."""
        for place in places:
            self._owned.get(place, {}).pop(host, None)

    def clear(self, host: str) -> None:
        """Note that a member reads nothing any more."""
        self.drop(host, tuple(self._owned))

    def _is_member(self, host: str, member_id: str) -> bool:
        """Say whether a living member is one in what is committed, too."""
        if not self._simulation.host(host).up:
            return False
        offsets = self._offsets()
        return offsets is not None and offsets.consumers.has(self._group_id, member_id)

    def _offsets(self) -> OffsetsGhost | None:
        """Return the truth of the group's partition; None where nothing is known for sure."""
        ghost = self._simulation.invariants.ghost
        broker = next(iter(ghost.brokers.values()))
        offsets = ghost.groups.of(broker.groups.partition_for(self._group_id))
        return None if offsets.licensed else offsets

    # --- how far they are ------------------------------------------------------------------

    def acknowledged(self, place: TopicPartition, offset: int) -> None:
        """Note that a member was told that an offset is committed."""
        self._acknowledged[place] = offset

    def unanswered(self, place: TopicPartition, offset: int) -> None:
        """Note a commit that may still arrive, late: also after later ones of the same member."""
        self._unanswered.setdefault(place, []).append(offset)

    def reset(self, place: TopicPartition) -> None:
        """Note that a member begins a partition anew, as its offset is not there any more."""
        self._acknowledged.pop(place, None)

    def fetched(self, place: TopicPartition, offset: int) -> None:
        """Hold what the next owner is told against what the former one was (G4)."""
        known = self._acknowledged.get(place, NO_OFFSET)
        least = min((known, *self._unanswered.pop(place, ())))
        self._acknowledged[place] = offset
        if offset < least and self._offsets() is not None and not self._has_lost(place):
            self._simulation.violated(
                "G4",
                f"group {self._group_id}, {place}: {known} was committed, now it is {offset}",
            )

    def _has_lost(self, place: TopicPartition) -> bool:
        ghost = self._simulation.invariants.ghost
        return any(
            each.may_have_lost for each in ghost.partitions.values() if each.name == str(place)
        )
