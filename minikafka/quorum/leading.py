"""What a leader of the quorum knows of the others: how far they are, and when they last asked.

Pure. Counterpart: org.apache.kafka.raft.LeaderState. KIP-595, KIP-853; check-quorum is
KAFKA-15489.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TypeAlias

from minikafka.base.ids import NO_OFFSET, NO_TIMESTAMP, BrokerId, Offset
from minikafka.quorum.commit import CommitTracker, majority_count
from minikafka.quorum.voters import VoterSet

__all__ = ["FetcherState", "Leadership", "ReplicaKey"]

ReplicaKey: TypeAlias = tuple[BrokerId, uuid.UUID]
"""A node and its disk."""

OBSERVER_SESSION_MS = 300_000
"""An observer that has not fetched for so long is forgotten, as in Kafka."""


@dataclass(slots=True)
class FetcherState:
    """One voter or observer, as its fetches show it; times are -1 for never.

    `caught_up_timestamp_ms` is when it was last known to hold all there was. Wall clock, but
    for `fetch_ms`.
    """

    log_end_offset: Offset = NO_OFFSET
    fetch_ms: int = -1
    fetch_timestamp_ms: int = NO_TIMESTAMP
    caught_up_timestamp_ms: int = NO_TIMESTAMP
    _leader_end: Offset = NO_OFFSET
    _asked_timestamp_ms: int = NO_TIMESTAMP

    def note(self, offset: Offset, leader_end: Offset, now_ms: int, timestamp_ms: int) -> None:
        """Note a fetch at `offset`; who asks for our former end was caught up back then."""
        if offset >= leader_end:
            self.caught_up_timestamp_ms = timestamp_ms
        elif NO_OFFSET < self._leader_end <= offset:
            self.caught_up_timestamp_ms = self._asked_timestamp_ms
        self.log_end_offset = offset
        self.fetch_ms, self.fetch_timestamp_ms = now_ms, timestamp_ms
        self._leader_end, self._asked_timestamp_ms = leader_end, timestamp_ms


class Leadership:
    """One node's leadership of one epoch.

    Args:
        node_id: of the leader, who need not be a voter (while it removes itself).
        fetch_timeout_ms: how long a voter may be silent before it is reminded, by half of it,
            or missed, by half as much again.

    Attributes:
        fetchers: the other voters.
    """

    __slots__ = (
        "_fetch_timeout_ms",
        "_observers",
        "_reminded_ms",
        "_voters",
        "fetchers",
        "node_id",
        "tracker",
    )

    def __init__(
        self,
        node_id: BrokerId,
        voters: VoterSet,
        epoch_start_offset: Offset,
        fetch_timeout_ms: int,
        now_ms: int,
    ) -> None:
        self.node_id = node_id
        self.tracker = CommitTracker(voters.ids, epoch_start_offset)
        self._voters = voters
        self._fetch_timeout_ms = fetch_timeout_ms
        self.fetchers = {voter: FetcherState(fetch_ms=now_ms) for voter in self._others()}
        self._observers: dict[ReplicaKey, FetcherState] = {}
        self._reminded_ms = dict.fromkeys(self.fetchers, now_ms)

    @property
    def epoch_start_offset(self) -> Offset:
        """Where this leadership's first record lies."""
        return self.tracker.epoch_start_offset

    def note_fetch(
        self,
        replica: ReplicaKey,
        offset: Offset,
        leader_end: Offset,
        now_ms: int,
        timestamp_ms: int,
    ) -> None:
        """Note that a replica holds everything below `offset`, durably where it is a voter."""
        state = self._state(replica)
        state.note(offset, leader_end, now_ms, timestamp_ms)
        if self._voters.holds(*replica):
            self.tracker.note(replica[0], offset)

    def note_heard(self, replica: ReplicaKey, now_ms: int, timestamp_ms: int) -> None:
        """Note that a replica is there, and busy with a snapshot."""
        state = self._state(replica)
        state.fetch_ms, state.fetch_timestamp_ms = now_ms, timestamp_ms

    def has_caught_up(self, replica: ReplicaKey) -> bool:
        """Say whether an observer has ever held all there was, in this epoch."""
        state = self._observers.get(replica)
        return state is not None and state.caught_up_timestamp_ms >= 0

    def _state(self, replica: ReplicaKey) -> FetcherState:
        """Return what is known of a replica; a voter's id with another disk is no voter."""
        if self._voters.holds(*replica):
            return self.fetchers.setdefault(replica[0], FetcherState())
        return self._observers.setdefault(replica, FetcherState())

    def quorum_deadline_ms(self) -> int | None:
        """Return until when this leader may believe to lead; None for ever, as a sole voter.

        A majority has to fetch within one and a half fetch timeouts; the leader is one of it.
        """
        voters = self.tracker.voters
        needed = majority_count(voters) - (self.node_id in voters)
        if not needed:
            return None
        times = sorted(
            (self.fetchers[voter].fetch_ms for voter in self._others()), reverse=True
        )
        return times[needed - 1] + self._fetch_timeout_ms * 3 // 2

    def reminder_deadline_ms(self) -> int | None:
        """Return when some voter has to be told again who leads; None without other voters."""
        return min((self._remind_ms(voter) for voter in self._others()), default=None)

    def due_reminders(self, now_ms: int) -> list[BrokerId]:
        """Return the voters to tell again that this node leads; counts them as told."""
        late = [voter for voter in self._others() if self._remind_ms(voter) <= now_ms]
        for voter in late:
            self._reminded_ms[voter] = now_ms
        return late

    def successors(self) -> tuple[BrokerId, ...]:
        """Return the other voters, the most complete log first."""
        ends = self.tracker.durable_end_offsets
        return tuple(sorted(self._others(), key=lambda voter: (-ends.get(voter, 0), voter)))

    def observers(self, now_ms: int) -> list[tuple[ReplicaKey, FetcherState]]:
        """Return who fetches without a vote, those silent for five minutes left out."""
        return [
            (replica, state)
            for replica, state in sorted(self._observers.items(), key=lambda item: item[0])
            if now_ms - state.fetch_ms <= OBSERVER_SESSION_MS
        ]

    def change_voters(self, voters: VoterSet, now_ms: int) -> None:
        """Go on with other voters; all of them get time for a fetch: another majority counts.

        What is known of an observer is known of the voter that it becomes, and the other way
        round nothing is: who has lost its vote has to fetch first.
        """
        former, self._voters = self._voters, voters
        for voter in former:
            if not voters.holds(voter.voter_id, voter.directory_id):
                self.fetchers.pop(voter.voter_id, None)
                self._reminded_ms.pop(voter.voter_id, None)
                self.tracker.forget(voter.voter_id)
        self.tracker.change_voters(voters.ids)
        for voter in voters:
            if voter.voter_id == self.node_id:
                continue
            if voter.voter_id in self.fetchers:
                self.fetchers[voter.voter_id].fetch_ms = now_ms
                continue
            key = (voter.voter_id, voter.directory_id)
            state = self._observers.pop(key, None) or FetcherState()
            state.fetch_ms = now_ms
            self.fetchers[voter.voter_id] = state
            self._reminded_ms[voter.voter_id] = now_ms
            self.tracker.note(voter.voter_id, max(0, state.log_end_offset))

    def _others(self) -> list[BrokerId]:
        return [voter for voter in self.tracker.voters if voter != self.node_id]

    def _remind_ms(self, voter: BrokerId) -> int:
        heard_ms = max(self.fetchers[voter].fetch_ms, self._reminded_ms[voter])
        return heard_ms + max(1, self._fetch_timeout_ms // 2)
