"""Who has a vote in the metadata quorum, and how that changes with the log.

Pure. Counterparts: org.apache.kafka.raft.VoterSet, ReplicaKey, internals.VoterSetHistory. KIP-853.

Rules of this file
    A voter is a node with one disk: with another one it has forgotten its votes, and has none.
    The latest voters in the log count, committed or not; where they are cut away, those before.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from minikafka.base.errors import BrokerBug
from minikafka.base.ids import NO_OFFSET, ZERO_ID, BrokerId, Offset

__all__ = ["Endpoint", "Voter", "VoterHistory", "VoterSet", "static_voters"]


class Endpoint(NamedTuple):
    """Where a voter listens."""

    name: str
    host: str
    port: int


class Voter(NamedTuple):
    """A node with a vote.

    Args:
        directory_id: of its disk; ZERO_ID for whatever disk it has, in a quorum whose voters
            are fixed by config (kraft.version 0).
    """

    voter_id: BrokerId
    directory_id: uuid.UUID = ZERO_ID
    endpoints: tuple[Endpoint, ...] = ()

    def is_same(self, node_id: BrokerId, directory_id: uuid.UUID) -> bool:
        """Say whether a node with this disk is this voter."""
        return self.voter_id == node_id and (
            self.directory_id == directory_id or ZERO_ID in (self.directory_id, directory_id)
        )


class VoterSet:
    """The voters of a quorum, by ascending id.

    >>> VoterSet([Voter(2), Voter(1)]).ids
    (1, 2)
    """

    __slots__ = ("_by_id", "ids")

    def __init__(self, voters: Iterable[Voter]) -> None:
        self._by_id = {voter.voter_id: voter for voter in sorted(voters)}
        self.ids = tuple(self._by_id)

    def __iter__(self) -> Iterator[Voter]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VoterSet) and self._by_id == other._by_id

    def __hash__(self) -> int:
        return hash(tuple(self._by_id.values()))

    def __repr__(self) -> str:
        return f"VoterSet{self.ids}"

    @property
    def is_static(self) -> bool:
        """True where the voters come from the config, and stay (kraft.version 0)."""
        return any(voter.directory_id == ZERO_ID for voter in self)

    def get(self, voter_id: BrokerId) -> Voter | None:
        """Return the voter of this id."""
        return self._by_id.get(voter_id)

    def holds(self, node_id: BrokerId, directory_id: uuid.UUID) -> bool:
        """Say whether a node with this disk has a vote."""
        voter = self._by_id.get(node_id)
        return voter is not None and voter.is_same(node_id, directory_id)

    def plus(self, voter: Voter) -> VoterSet:
        """Return the set with one voter more, or with another one of that id."""
        return VoterSet([*(other for other in self if other.voter_id != voter.voter_id), voter])

    def minus(self, voter_id: BrokerId) -> VoterSet:
        """Return the set with one voter less."""
        return VoterSet([other for other in self if other.voter_id != voter_id])

    def differs_by(self, other: VoterSet) -> int:
        """Return how many votes are in one of the two sets only.

        >>> VoterSet([Voter(1), Voter(2)]).differs_by(VoterSet([Voter(2), Voter(3)]))
        2
        """
        mine, theirs = self._keys(), other._keys()
        return sum(key not in theirs for key in mine) + sum(key not in mine for key in theirs)

    def _keys(self) -> list[tuple[BrokerId, uuid.UUID]]:
        return [(voter.voter_id, voter.directory_id) for voter in self]


def static_voters(ids: Sequence[BrokerId]) -> VoterSet:
    """Return voters that are known by their ids alone."""
    return VoterSet([Voter(voter_id) for voter_id in ids])


class VoterHistory:
    """The voter sets in one node's log, each with the offset of its record.

    Args:
        first: with which the quorum began; no record of the log.
    """

    __slots__ = ("_sets",)

    def __init__(self, first: VoterSet) -> None:
        self._sets: list[tuple[Offset, VoterSet]] = [(NO_OFFSET, first)]

    @property
    def latest(self) -> VoterSet:
        """The voters that count."""
        return self._sets[-1][1]

    @property
    def latest_offset(self) -> Offset:
        """Offset of the record of the voters that count; -1 for those it began with."""
        return self._sets[-1][0]

    def below(self, end_offset: Offset) -> VoterSet:
        """Return the voters as of an offset (exclusive)."""
        return [voters for offset, voters in self._sets if offset < end_offset][-1]

    def add(self, offset: Offset, voters: VoterSet) -> None:
        """Take up a record of the log; raises BrokerBug unless it lies behind all before."""
        if offset <= self.latest_offset:
            raise BrokerBug(f"voters at {offset} behind those at {self.latest_offset}")
        self._sets.append((offset, voters))

    def truncate(self, end_offset: Offset) -> None:
        """Forget the records from `end_offset` on."""
        while self._sets[-1][0] >= end_offset:
            self._sets.pop()

    def restart(self, offset: Offset, voters: VoterSet) -> None:
        """Begin with the voters of a snapshot, which stand for everything below `offset`."""
        self._sets = [(NO_OFFSET, self._sets[0][1]), (offset, voters)]

    def forget_below(self, offset: Offset) -> None:
        """Forget the sets that no offset from `offset` on has any more."""
        while len(self._sets) > 2 and self._sets[2][0] < offset:
            del self._sets[1]
