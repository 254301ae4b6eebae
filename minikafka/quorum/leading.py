"""What a leader of the quorum knows of the others: how far they are, and when they last asked.

Pure. Counterpart: org.apache.kafka.raft.LeaderState. KIP-595, KIP-853; check-quorum is
KAFKA-15489.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minikafka.base.ids import NO_OFFSET, NO_TIMESTAMP, BrokerId, Offset
from minikafka.quorum.commit import CommitTracker, majority_count

__all__ = ["FetcherState", "Leadership"]

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
    """

    __slots__ = ("_fetch_timeout_ms", "_reminded_ms", "fetchers", "node_id", "tracker")

    def __init__(
        self,
        node_id: BrokerId,
        voters: Sequence[BrokerId],
        epoch_start_offset: Offset,
        fetch_timeout_ms: int,
        now_ms: int,
    ) -> None:
        self.node_id = node_id
        self.tracker = CommitTracker(voters, epoch_start_offset)
        self._fetch_timeout_ms = fetch_timeout_ms
        self.fetchers = {voter: FetcherState(fetch_ms=now_ms) for voter in self._others()}
        self._reminded_ms = dict.fromkeys(self.fetchers, now_ms)

    def note_fetch(
        self,
        replica_id: BrokerId,
        offset: Offset,
        leader_end: Offset,
        now_ms: int,
        timestamp_ms: int,
    ) -> None:
        """Note that a replica holds everything below `offset`, durably where it is a voter."""
        state = self.fetchers.get(replica_id)
        if state is None:
            state = self.fetchers[replica_id] = FetcherState()
        state.note(offset, leader_end, now_ms, timestamp_ms)
        self.tracker.note(replica_id, offset)

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

    def observers(self, now_ms: int) -> list[BrokerId]:
        """Return who fetches without a vote, those silent for five minutes left out."""
        return [
            replica
            for replica, state in sorted(self.fetchers.items())
            if replica not in self.tracker.voters
            and now_ms - state.fetch_ms <= OBSERVER_SESSION_MS
        ]

    def change_voters(self, voters: Sequence[BrokerId], now_ms: int) -> None:
        """Go on with other voters; those that are new get time for their first fetch."""
        self.tracker.change_voters(voters)
        for voter in self._others():
            self._reminded_ms.setdefault(voter, now_ms)
            state = self.fetchers.setdefault(voter, FetcherState())
            state.fetch_ms = max(state.fetch_ms, now_ms)

    def _others(self) -> list[BrokerId]:
        return [voter for voter in self.tracker.voters if voter != self.node_id]

    def _remind_ms(self, voter: BrokerId) -> int:
        heard_ms = max(self.fetchers[voter].fetch_ms, self._reminded_ms[voter])
        return heard_ms + max(1, self._fetch_timeout_ms // 2)
